"""What a campaign has looked at: space groups, elements over the periodic table, and elements together."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Final

from domain.element_names import NAMES
from domain.elements import HEAVIEST, Element, element
from domain.json_value import JsonObject, JsonValue
from domain.space_groups import CrystalSystem, SpaceGroup
from services.reports.campaign_data import CampaignData
from services.reports.figure import Figure, assemble

_NOBLE_GASES: Final = (0, 2, 10, 18, 36, 54, 86, 118)
_N_GROUPS: Final = 18
_N_ROWS: Final = 9
_S_BLOCK: Final = 2
_F_ROWS: Final = {57: 8, 89: 9}
"""First atomic number of each row that stands apart below the table, and where."""
_N_F_ROW: Final = 15
_MOST_NAMED: Final = 12
"""Space groups that are named of one crystal system."""


def draw_space_groups(data: CampaignData) -> Figure:
    """How many crystals of each crystal system were looked at; hovering names the space groups."""
    groups: Counter[int] = Counter()
    for found in data.explored:
        groups[found.space_group] += found.n
    space = [SpaceGroup(number) for number in data.campaign.spec.space.space_groups]
    counts: list[JsonValue] = []
    named: list[JsonValue] = []
    for system in CrystalSystem:
        members = [group for group in space if group.crystal_system is system]
        seen = sorted((group for group in members if groups[group.number]), key=lambda group: -groups[group.number])
        counts.append(sum(groups[group.number] for group in seen))
        lines = [f"{group.symbol} ({group.number}): {groups[group.number]}" for group in seen[:_MOST_NAMED]]
        rest = [f"and {len(seen) - _MOST_NAMED} more"] if len(seen) > _MOST_NAMED else []
        of_space = f"{len(seen)} of {len(members)} space groups" if members else "not in the search space"
        named.append("<br>".join([of_space, *lines, *rest]))
    trace: JsonObject = {
        "type": "bar",
        "orientation": "h",
        "name": "crystals",
        "x": counts,
        "y": [system.value for system in CrystalSystem],
        "text": list(counts),
        "textposition": "auto",
        "textangle": 0,
        "hovertext": named,
        "hovertemplate": "%{x} crystals are %{y}<br>%{hovertext}<extra></extra>",
    }
    return assemble(
        data,
        "Crystal systems that were looked at",
        [trace] if groups else [],
        xaxis={"title": {"text": "crystals"}, "rangemode": "tozero"},
        yaxis={"type": "category", "autorange": "reversed"},
        bargap=0.35,
        meta=_sums(data),
    )


def draw_elements(data: CampaignData) -> Figure:
    """How many crystals of each element were looked at, over the whole periodic table."""
    counts: Counter[str] = Counter()
    for found in data.explored:
        counts.update(dict.fromkeys(found.elements, found.n))
    space = data.campaign.spec.space.elements
    outside = [symbol for symbol in map(_symbol, range(1, HEAVIEST + 1)) if symbol not in space]
    told = {symbol: f"{NAMES[symbol]}: {counts[symbol]} crystals" for symbol in space}
    faint = {symbol: f"{NAMES[symbol]} is not in the search space" for symbol in outside}
    hidden: JsonObject = {"visible": False, "fixedrange": True}
    traces = [
        {**_table(dict.fromkeys(outside, 0), dict(zip(outside, outside, strict=True)), faint), "meta": {"faint": True}},
        _table({s: counts[s] for s in space}, {s: f"{s}<br>{counts[s]}" for s in space}, told),
    ]
    return assemble(
        data,
        "Elements that were looked at",
        traces if counts else [],
        xaxis={**hidden, "range": [0.5, _N_GROUPS + 0.5]},
        yaxis={**hidden, "range": [_N_ROWS + 0.5, 0.5]},
        meta=_sums(data),
    )


def draw_pairs(data: CampaignData) -> Figure:
    """How many crystals hold two elements together; on the diagonal, one element at all."""
    together: Counter[tuple[str, str]] = Counter()
    for found in data.explored:
        for one, other in product(found.elements, found.elements):
            together[one, other] += found.n
    space: list[JsonValue] = [symbol for symbol in data.campaign.spec.space.elements if together[symbol, symbol]]
    cells: list[list[JsonValue]] = [[together[str(row), str(column)] for column in space] for row in space]
    axis: JsonObject = {"type": "category", "fixedrange": True}
    hover = "%{z} crystals hold %{y} and %{x}<extra></extra>"
    return assemble(
        data,
        "Elements that were looked at together",
        [] if not space else [{**_heat_map(space, space, cells, cells), "hovertemplate": hover}],
        xaxis=axis,
        yaxis={**axis, "autorange": "reversed"},
        meta=_sums(data),
    )


def table_place(atomic_number: int) -> tuple[int, int]:
    """Row and column of an element in the long periodic table, from 1; rows 8 and 9 stand apart below the others."""
    for first, row in _F_ROWS.items():
        if first <= atomic_number < first + _N_F_ROW:
            return row, 3 + atomic_number - first
    period = next(period for period, last in enumerate(_NOBLE_GASES) if atomic_number <= last)
    place = atomic_number - _NOBLE_GASES[period - 1]
    is_left = place <= (1 if period == 1 else _S_BLOCK)
    return period, place if is_left else _N_GROUPS - (_NOBLE_GASES[period] - atomic_number)


def _symbol(atomic_number: int) -> str:
    return Element(atomic_number).symbol


def _sums(data: CampaignData) -> JsonObject:
    return {
        "n_crystals": sum(found.n for found in data.explored),
        "n_space_groups": len({found.space_group for found in data.explored}),
        "n_elements": len({symbol for found in data.explored for symbol in found.elements}),
    }


def _table(counts: dict[str, int], texts: dict[str, str], told: dict[str, str]) -> JsonObject:
    """A heat map over the periodic table that leaves every other element out."""
    cells: list[list[JsonValue]] = [[None] * _N_GROUPS for _ in range(_N_ROWS)]
    names: list[list[JsonValue]] = [[""] * _N_GROUPS for _ in range(_N_ROWS)]
    hover: list[list[JsonValue]] = [[""] * _N_GROUPS for _ in range(_N_ROWS)]
    for symbol, n in counts.items():
        row, column = table_place(element(symbol).atomic_number)
        cells[row - 1][column - 1] = n
        names[row - 1][column - 1] = texts[symbol]
        hover[row - 1][column - 1] = told[symbol]
    drawn = _heat_map(list(range(1, _N_GROUPS + 1)), list(range(1, _N_ROWS + 1)), cells, names)
    shown: list[JsonValue] = [list(row) for row in hover]
    return {**drawn, "hovertext": shown, "hovertemplate": "%{hovertext}<extra></extra>", "hoverongaps": False}


def _heat_map(
    x: Sequence[JsonValue], y: Sequence[JsonValue], cells: list[list[JsonValue]], names: list[list[JsonValue]]
) -> JsonObject:
    return {
        "type": "heatmap",
        "x": list(x),
        "y": list(y),
        "z": [list(row) for row in cells],
        "text": [list(row) for row in names],
        "texttemplate": "%{text}",
        "xgap": 2,
        "ygap": 2,
        "zmin": 0,
        "zmax": max((cell for row in cells for cell in row if isinstance(cell, int)), default=1) or 1,
        "showscale": False,  # each cell says its number
    }
