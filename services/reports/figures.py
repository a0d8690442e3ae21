"""Figures of a campaign as data for Plotly: dictionaries of `data` and `layout`, drawn by whoever shows them.

Every figure is bounded in size: long series are thinned here, so that a page stays quick however long a campaign runs.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json
from domain.quantity import Scale
from services.reports.agreement import calibration, compared, predictions
from services.reports.campaign_data import CampaignData, read_campaign_data
from services.reports.spending import CurvePoint, best_curves, spent_by_round
from services.store import Store
from services.store.records import CampaignRecord

MOST_POINTS: Final = 1_000
"""Points of one series."""

Item = TypeVar("Item")


class Plot(StrEnum):
    """The figures that there are."""

    BEST_BY_MONEY = "best-by-money"
    """Best value at each fidelity against money spent."""
    BEST_BY_TIME = "best-by-time"
    """The same against time."""
    SPENDING = "spending"
    """What each round spent on each fidelity, and what is left."""
    PREDICTIONS = "predictions"
    """What was expected at the target fidelity against what was measured there."""
    CALIBRATION = "calibration"
    """How often what was measured fell into intervals of which confidence."""
    FIDELITIES = "fidelities"
    """What cheaper looks said of crystals that the next fidelity saw too."""
    COVERAGE = "coverage"
    """Space groups and elements that were looked at."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What Plotly draws."""

    data: tuple[JsonObject, ...]
    """Its traces."""
    layout: JsonObject
    """Its axes and titles; `meta` holds the numbers that a figure sums up to."""


def draw(store: Store, campaign: CampaignRecord, plot: Plot) -> Figure:
    """Draws a figure of a campaign."""
    return _DRAWN[plot](read_campaign_data(store, campaign))


def write_plots(store: Store, campaign: CampaignRecord, folder: Path) -> None:
    """Writes every figure of a campaign into a folder, as JSON for Plotly.

    Raises:
        OSError: If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = read_campaign_data(store, campaign)
    for plot, drawn in _DRAWN.items():
        (folder / f"{plot.value}.json").write_text(to_json(drawn(data)) + "\n", encoding="utf-8")


def thinned(items: Sequence[Item], most: int = MOST_POINTS) -> list[Item]:
    """At most so many items in the same order, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    step = (len(items) - 1) / (most - 1)
    return [items[round(number * step)] for number in range(most)]


def _best_by_money(data: CampaignData) -> Figure:
    unit = data.campaign.spec.budget.unit
    return _best(data, lambda point: point.spent, {"title": {"text": f"spent ({unit}, as declared)"}})


def _best_by_time(data: CampaignData) -> Figure:
    return _best(data, lambda point: point.at.isoformat(), {"title": {"text": "time (UTC)"}, "type": "date"})


def _best(data: CampaignData, where: Callable[[CurvePoint], JsonValue], axis: JsonObject) -> Figure:
    traces: list[JsonObject] = []
    for fidelity, curve in best_curves(data).items():
        points = thinned(curve)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": fidelity if fidelity != data.target else f"{fidelity} (target)",
                "x": [where(point) for point in points],
                "y": [point.best for point in points],
                "line": {"shape": "hv", "width": 3 if fidelity == data.target else 1.5},
            }
        )
    quantity = data.campaign.spec.objective.quantity
    return _figure(data, "Best value so far", traces, xaxis=axis, yaxis=_value_axis(data, f"best {quantity}"))


def _spending(data: CampaignData) -> Figure:
    spent = spent_by_round(data)
    rounds = sorted(spent)
    unit, total = data.campaign.spec.budget.unit, data.campaign.spec.budget.total
    traces: list[JsonObject] = [
        {
            "type": "bar",
            "name": fidelity.name,
            "x": list(rounds),
            "y": [spent[index].get(fidelity.name, 0.0) for index in rounds],
        }
        for fidelity in data.campaign.spec.ladder
    ]
    left, remaining = total, []
    for index in rounds:
        left -= sum(spent[index].values())
        remaining.append(left)
    traces.append(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "left",
            "x": list(rounds),
            "y": remaining,
            "yaxis": "y2",
        }
    )
    return _figure(
        data,
        "Where the money went",
        traces,
        barmode="stack",
        xaxis={"title": {"text": "round"}, "dtick": 1},
        yaxis={"title": {"text": f"spent ({unit})"}},
        yaxis2={"title": {"text": f"left ({unit})"}, "overlaying": "y", "side": "right", "range": [0, total]},
    )


def _predictions(data: CampaignData) -> Figure:
    found = thinned(predictions(data))
    values = [number for one in found for number in (one.low, one.high, one.measured)]
    ends = [min(values), max(values)] if values else []
    traces: list[JsonObject] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": data.target,
            "x": [one.mean for one in found],
            "y": [one.measured for one in found],
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": [one.high - one.mean for one in found],
                "arrayminus": [one.mean - one.low for one in found],
            },
            "error_y": {"type": "data", "array": [one.sigma for one in found]},
            "text": [one.title for one in found],
        },
        {"type": "scatter", "mode": "lines", "name": "equal", "x": ends, "y": list(ends), "line": {"dash": "dot"}},
    ]
    return _figure(
        data,
        f"Expected before the look (95 % intervals) and measured at {data.target}",
        traces,
        xaxis=_value_axis(data, "expected"),
        yaxis=_value_axis(data, "measured"),
        meta={"n": len(predictions(data))},
    )


def _calibration(data: CampaignData) -> Figure:
    curve = calibration(predictions(data))
    confidences = [confidence for confidence, _ in curve]
    traces: list[JsonObject] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "found inside",
            "x": list(confidences),
            "y": [share for _, share in curve],
        },
        {"type": "scatter", "mode": "lines", "name": "ideal", "x": [0, 1], "y": [0, 1], "line": {"dash": "dot"}},
    ]
    return _figure(
        data,
        "How far the stated uncertainties can be trusted",
        traces,
        xaxis={"title": {"text": "confidence of the interval"}, "range": [0, 1]},
        yaxis={"title": {"text": "share of measurements inside"}, "range": [0, 1]},
        meta={"n": len(predictions(data))},
    )


def _fidelities(data: CampaignData) -> Figure:
    pairs = compared(data)
    traces: list[JsonObject] = []
    for pair in pairs:
        points = thinned(pair.points)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{pair.lower} → {pair.upper}",
                "x": [lower for lower, _ in points],
                "y": [upper for _, upper in points],
            }
        )
    return _figure(
        data,
        "What the cheaper look was worth",
        traces,
        xaxis=_value_axis(data, "cheaper look"),
        yaxis=_value_axis(data, "dearer look"),
        meta={"pairs": [pair.as_json() for pair in pairs]},
    )


def _coverage(data: CampaignData) -> Figure:
    looked_at = {record.candidate_id for record in data.standing}
    blueprints = [data.candidates[number].blueprint for number in sorted(looked_at)]
    groups = Counter(blueprint.space_group.number for blueprint in blueprints)
    elements = Counter(element.symbol for blueprint in blueprints for element in blueprint.composition.elements)
    space = data.campaign.spec.space
    traces: list[JsonObject] = [
        {
            "type": "bar",
            "name": "space groups",
            "x": [str(number) for number in sorted(groups)],
            "y": [groups[number] for number in sorted(groups)],
        },
        {
            "type": "bar",
            "name": "elements",
            "x": list(space.elements),
            "y": [elements[symbol] for symbol in space.elements],
            "xaxis": "x2",
            "yaxis": "y2",
        },
    ]
    return _figure(
        data,
        "What was looked at",
        traces,
        grid={"rows": 2, "columns": 1, "pattern": "independent"},
        xaxis={"title": {"text": "space group"}, "type": "category"},
        yaxis={"title": {"text": "crystals"}},
        xaxis2={"title": {"text": "element"}, "type": "category"},
        yaxis2={"title": {"text": "crystals"}},
        meta={"n_crystals": len(blueprints), "n_space_groups": len(groups), "n_elements": len(elements)},
    )


_DRAWN: Final[Mapping[Plot, Callable[[CampaignData], Figure]]] = MappingProxyType(
    {
        Plot.BEST_BY_MONEY: _best_by_money,
        Plot.BEST_BY_TIME: _best_by_time,
        Plot.SPENDING: _spending,
        Plot.PREDICTIONS: _predictions,
        Plot.CALIBRATION: _calibration,
        Plot.FIDELITIES: _fidelities,
        Plot.COVERAGE: _coverage,
    }
)


def _value_axis(data: CampaignData, what: str) -> JsonObject:
    measured = data.campaign.spec.objective.measured
    scale = "log" if measured.scale is Scale.LOG10 else "linear"
    return {"title": {"text": f"{what.replace('_', ' ')} ({measured.unit})"}, "type": scale}


def _figure(data: CampaignData, title: str, traces: Sequence[JsonObject], **layout: JsonValue) -> Figure:
    named: JsonObject = {"title": {"text": f"{data.campaign.name}: {title}"}, "hovermode": "closest", **layout}
    return Figure(tuple(traces), named)
