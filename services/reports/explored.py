"""What a campaign has looked at: space groups, elements over the periodic table, and elements together."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Final

from domain.elements import element
from domain.json_value import JsonObject, JsonValue
from services.reports.campaign_data import CampaignData
from services.reports.figure import Figure, assemble

_NOBLE_GASES: Final = (0, 2, 10, 18, 36, 54, 86, 118)
_N_GROUPS: Final = 18
_S_BLOCK: Final = 2
_F_ROWS: Final = {57: 8, 89: 9}
"""First atomic number of each row that stands apart below the table, and where."""
_N_F_ROW: Final = 15


def draw_space_groups(data: CampaignData) -> Figure:
    """How many crystals of each space group were looked at."""
    groups: Counter[int] = Counter()
    for found in data.explored:
        groups[found.space_group] += found.n
    trace: JsonObject = {
        "type": "bar",
        "name": "crystals",
        "x": [str(number) for number in sorted(groups)],
        "y": [groups[number] for number in sorted(groups)],
    }
    return assemble(
        data,
        "Space groups that were looked at",
        [trace],
        xaxis={"title": {"text": "space group"}, "type": "category"},
        yaxis={"title": {"text": "crystals"}, "rangemode": "tozero"},
        meta=_sums(data),
    )


def draw_elements(data: CampaignData) -> Figure:
    """How many crystals of each element of the search space were looked at, over the periodic table."""
    counts: Counter[str] = Counter()
    for found in data.explored:
        counts.update(dict.fromkeys(found.elements, found.n))
    space = data.campaign.spec.space.elements
    places = {symbol: table_place(element(symbol).atomic_number) for symbol in space}
    n_rows = max(row for row, _ in places.values())
    cells: list[list[JsonValue]] = [[None] * _N_GROUPS for _ in range(n_rows)]
    names: list[list[JsonValue]] = [[""] * _N_GROUPS for _ in range(n_rows)]
    for symbol, (row, column) in places.items():
        cells[row - 1][column - 1] = counts[symbol]
        names[row - 1][column - 1] = f"{symbol}<br>{counts[symbol]}"
    hidden: JsonObject = {"visible": False, "fixedrange": True}
    return assemble(
        data,
        "Elements that were looked at",
        [] if not counts else [_heat_map(list(range(1, _N_GROUPS + 1)), list(range(1, n_rows + 1)), cells, names)],
        xaxis={**hidden, "range": [0.5, _N_GROUPS + 0.5]},
        yaxis={**hidden, "range": [n_rows + 0.5, 0.5]},
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
    return assemble(
        data,
        "Elements that were looked at together",
        [] if not space else [_heat_map(space, space, cells, cells)],
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


def _sums(data: CampaignData) -> JsonObject:
    return {
        "n_crystals": sum(found.n for found in data.explored),
        "n_space_groups": len({found.space_group for found in data.explored}),
        "n_elements": len({symbol for found in data.explored for symbol in found.elements}),
    }


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
        "hovertemplate": "%{z} crystals<extra></extra>",
        "xgap": 2,
        "ygap": 2,
        "zmin": 0,
        "zmax": max((cell for row in cells for cell in row if isinstance(cell, int)), default=1) or 1,
        "showscale": False,  # each cell says its number
    }
