"""Figures of a campaign as data for Plotly: dictionaries of `data` and `layout`, drawn by whoever shows them.

Every figure is bounded in size: long series are thinned here, so that a page stays quick however long a campaign runs.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json
from domain.quantity import Scale
from services.reports.agreement import calibration, compared, predictions
from services.reports.campaign_data import CampaignData
from services.reports.explored import draw_elements, draw_pairs, draw_space_groups
from services.reports.figure import Figure, assemble, thinned
from services.reports.spending import CurvePoint, best_curves, spent_by_round
from services.reports.training import draw_training
from services.store import Store
from services.store.records import CampaignRecord


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
    """Space groups that were looked at."""
    ELEMENTS = "elements"
    """Elements that were looked at, over the periodic table."""
    PAIRS = "pairs"
    """Elements that were looked at together."""
    TRAINING = "training"
    """Loss and log Z of the generator's training."""


def draw(store: Store, campaign: CampaignRecord, plot: Plot) -> Figure:
    """Draws a figure of a campaign."""
    return _DRAWN[plot](CampaignData(store, campaign))


def write_plots(store: Store, campaign: CampaignRecord, folder: Path) -> None:
    """Writes every figure of a campaign into a folder, as JSON for Plotly.

    Raises:
        OSError: If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = CampaignData(store, campaign)
    for plot, drawn in _DRAWN.items():
        (folder / f"{plot.value}.json").write_text(to_json(drawn(data)) + "\n", encoding="utf-8")


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
    return assemble(data, "Best value so far", traces, xaxis=axis, yaxis=_value_axis(data, f"best {quantity}"))


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
    return assemble(
        data,
        "Where the money went",
        traces,
        barmode="stack",
        xaxis={"title": {"text": "round"}, "dtick": 1},
        yaxis={"title": {"text": f"spent ({unit})"}},
        yaxis2={
            "title": {"text": f"left ({unit})"},
            "overlaying": "y",
            "side": "right",
            "range": [0, 1.05 * total],
            "tickmode": "auto",  # by itself Plotly puts ticks where the left axis has its own, at odd numbers
            "showgrid": False,  # two grids over each other cannot be read
        },
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
    return assemble(
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
    return assemble(
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
    return assemble(
        data,
        "What the cheaper look was worth",
        traces,
        xaxis=_value_axis(data, "cheaper look"),
        yaxis=_value_axis(data, "dearer look"),
        meta={"pairs": [pair.as_json() for pair in pairs]},
    )


_DRAWN: Final[Mapping[Plot, Callable[[CampaignData], Figure]]] = MappingProxyType(
    {
        Plot.BEST_BY_MONEY: _best_by_money,
        Plot.BEST_BY_TIME: _best_by_time,
        Plot.SPENDING: _spending,
        Plot.PREDICTIONS: _predictions,
        Plot.CALIBRATION: _calibration,
        Plot.FIDELITIES: _fidelities,
        Plot.COVERAGE: draw_space_groups,
        Plot.ELEMENTS: draw_elements,
        Plot.PAIRS: draw_pairs,
        Plot.TRAINING: draw_training,
    }
)


def _value_axis(data: CampaignData, what: str) -> JsonObject:
    measured = data.campaign.spec.objective.measured
    scale = "log" if measured.scale is Scale.LOG10 else "linear"
    return {"title": {"text": f"{what.replace('_', ' ')} ({measured.unit})"}, "type": scale}
