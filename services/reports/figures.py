"""Figures of a campaign as data for Plotly: dictionaries of `data` and `layout`, drawn by whoever shows them.

Every figure is bounded in size: long series are thinned here, so that a page stays quick however long a campaign runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json
from domain.quantity import Scale
from domain.rounds import round_number
from services.reports.agreement import Prediction, calibration, compared, predictions, scaled
from services.reports.campaign_data import CampaignData
from services.reports.described import described
from services.reports.explored import draw_elements, draw_pairs, draw_space_groups
from services.reports.figure import Figure, assemble, thinned
from services.reports.spending import CurvePoint, best_curves, spent_by_round
from services.reports.training import draw_training, draw_variety
from services.reports.units import written_unit
from services.store import Store
from services.store.records import CampaignRecord

FEWEST_TO_CALIBRATE: Final = 5
"""Predictions of fewer crystals say nothing of how far uncertainties can be trusted."""


class Plot(StrEnum):
    """The figures that there are."""

    BEST_BY_MONEY = "best-by-money"
    """Best value at each fidelity against money spent."""
    BEST_BY_TIME = "best-by-time"
    """The same against time."""
    REGRET_BY_MONEY = "regret-by-money"
    """How far the best value at the target was from the best one known today, against money."""
    REGRET_BY_TIME = "regret-by-time"
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
    """Crystal systems and space groups that were looked at."""
    ELEMENTS = "elements"
    """Elements that were looked at, over the periodic table."""
    PAIRS = "pairs"
    """Elements that were looked at together."""
    TRAINING = "training"
    """Loss and log Z of the generator's training."""
    VARIETY = "variety"
    """How far the crystals that the generator drew differ, by round."""


class FigureData(CampaignData):
    """A campaign's data with what several figures are made of, found once."""

    @cached_property
    def curves(self) -> Mapping[str, Sequence[CurvePoint]]:
        """The best value so far, by fidelity."""
        return best_curves(self)

    @cached_property
    def predicted(self) -> Sequence[Prediction]:
        """What was expected at the target and was measured then."""
        return predictions(self)


def draw(store: Store, campaign: CampaignRecord, plot: Plot) -> Figure:
    """Draws a figure of a campaign."""
    return _drawn(plot, FigureData(store, campaign))


def draw_together(store: Store, campaign: CampaignRecord, plot: Plot) -> Mapping[Plot, Figure]:
    """Draws a figure of a campaign, and the others that are made of the same data: those cost next to nothing then."""
    data = FigureData(store, campaign)
    return {each: _drawn(each, data) for each in drawn_with(plot)}


def drawn_with(plot: Plot) -> tuple[Plot, ...]:
    """A figure, and those that are made of the same data."""
    return next((group for group in _OF_THE_SAME_DATA if plot in group), (plot,))


def write_plots(store: Store, campaign: CampaignRecord, folder: Path) -> None:
    """Writes every figure of a campaign into a folder, as JSON for Plotly.

    Raises:
        OSError: If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = FigureData(store, campaign)
    for plot in Plot:
        (folder / f"{plot.value}.json").write_text(to_json(_drawn(plot, data)) + "\n", encoding="utf-8")


def _drawn(plot: Plot, data: FigureData) -> Figure:
    figure = _DRAWN[plot](data)
    return replace(figure, description=described(plot.value, figure))


def _by_money(data: FigureData) -> tuple[Callable[[CurvePoint], JsonValue], JsonObject]:
    unit = data.campaign.spec.budget.unit
    return lambda point: point.spent, {"title": {"text": f"spent ({unit}, as declared)"}, "rangemode": "tozero"}


def _by_time(_data: FigureData) -> tuple[Callable[[CurvePoint], JsonValue], JsonObject]:
    return lambda point: point.at.isoformat(), {"title": {"text": "time (UTC)"}, "type": "date"}


def _best(data: FigureData, where: Callable[[CurvePoint], JsonValue], axis: JsonObject) -> Figure:
    traces: list[JsonObject] = []
    for rung, (fidelity, curve) in enumerate(data.curves.items()):
        points = thinned(curve)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": fidelity if fidelity != data.target else f"{fidelity} (target)",
                "x": [where(point) for point in points],
                "y": [point.best for point in points],
                "line": {"shape": "hv", "width": 3 if fidelity == data.target else 1.5},
                "meta": {"rung": rung},
                "hovertemplate": f"best at {fidelity}: %{{y:.4g}}<br>by %{{x}}<extra></extra>",
            }
        )
    quantity = data.campaign.spec.objective.quantity
    return assemble(data, "Best value so far", traces, xaxis=axis, yaxis=_value_axis(data, f"best {quantity}"))


def _regret(data: FigureData, where: Callable[[CurvePoint], JsonValue], axis: JsonObject) -> Figure:
    """Nobody knows the true optimum: what is drawn is the distance to the best that is known today."""
    curve = data.curves[data.target]
    quantity = data.campaign.spec.objective.measured
    points = thinned([point for point in curve if quantity.scale is not Scale.LOG10 or point.best > 0])
    missing = [abs(scaled(quantity, point.best) - scaled(quantity, points[-1].best)) for point in points]
    unit = "decades" if quantity.scale is Scale.LOG10 else written_unit(quantity.unit)
    trace: JsonObject = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": data.target,
        "x": [where(point) for point in points],
        "y": missing,
        "line": {"shape": "hv", "width": 3},
        "meta": {"rung": len(data.campaign.spec.ladder) - 1},
        "hovertemplate": f"%{{y:.3g}} {unit} from today's best<br>by %{{x}}<extra></extra>",
    }
    return assemble(
        data,
        "How far it was from the best known today",
        [trace] if len(points) > 1 else [],
        xaxis=axis,
        yaxis={"title": {"text": f"from today's best ({unit})"}, "rangemode": "tozero"},
    )


def _spending(data: FigureData) -> Figure:
    spent = spent_by_round(data)
    rounds = sorted(spent)
    unit, total = data.campaign.spec.budget.unit, data.campaign.spec.budget.total
    traces: list[JsonObject] = [
        {
            "type": "bar",
            "name": fidelity.name,
            "x": [round_number(index) for index in rounds],
            "y": [spent[index].get(fidelity.name, 0.0) for index in rounds],
            "meta": {"rung": rung},
            "hovertemplate": f"round %{{x}}: %{{y:,.4g}} {unit} for {fidelity.name}<extra></extra>",
        }
        for rung, fidelity in enumerate(data.campaign.spec.ladder)
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
            "line": {"dash": "dash"},
            "x": [round_number(index) for index in rounds],
            "y": remaining,
            "yaxis": "y2",
            "meta": {"is_quiet": True},
            "hovertemplate": f"after round %{{x}}: %{{y:,.4g}} {unit} left<extra></extra>",
        }
    )
    return assemble(
        data,
        "Where the money went",
        traces,
        barmode="stack",
        legend={"traceorder": "normal"},  # as the ladder goes
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


def _predictions(data: FigureData) -> Figure:
    all_of_them = data.predicted
    found = thinned(all_of_them, extremes=(lambda one: one.mean, lambda one: one.measured))
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
            "meta": {"rung": len(data.campaign.spec.ladder) - 1},
            "hovertemplate": "%{text}<br>expected %{x:.4g}, measured %{y:.4g}<extra></extra>",
        },
        _ideal("equal", ends, ends),
    ]
    return assemble(
        data,
        f"Expected before the look (95 % intervals) and measured at {data.target}",
        traces,
        xaxis=_value_axis(data, "expected"),
        yaxis=_value_axis(data, "measured"),
        meta={"n": len(all_of_them)},
    )


def _calibration(data: FigureData) -> Figure:
    found = data.predicted
    curve = calibration(found) if len(found) >= FEWEST_TO_CALIBRATE else []
    confidences = [confidence for confidence, _ in curve]
    traces: list[JsonObject] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": f"found inside ({len(found)} crystals)",
            "x": list(confidences),
            "y": [share for _, share in curve],
            "hovertemplate": "intervals of %{x:.0%} held %{y:.0%} of the measurements<extra></extra>",
        },
        _ideal("ideal", [0, 1], [0, 1]) if curve else {"type": "scatter", "x": [], "y": []},
    ]
    return assemble(
        data,
        "How far the stated uncertainties can be trusted",
        traces,
        xaxis={"title": {"text": "confidence of the interval"}, "range": [0, 1]},
        yaxis={"title": {"text": "share of measurements inside"}, "range": [0, 1]},
        meta={"n": len(found)},
    )


def _fidelities(data: FigureData) -> Figure:
    pairs = compared(data)
    traces: list[JsonObject] = []
    for rung, pair in enumerate(pairs, start=1):
        points = thinned(pair.points, extremes=(lambda point: point[0], lambda point: point[1]))
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{pair.lower} → {pair.upper}",
                "x": [lower for lower, _ in points],
                "y": [upper for _, upper in points],
                "meta": {"rung": rung},
                "hovertemplate": f"{pair.lower} %{{x:.4g}}, {pair.upper} %{{y:.4g}}<extra></extra>",
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


_OF_THE_SAME_DATA: Final = (
    (Plot.BEST_BY_MONEY, Plot.BEST_BY_TIME, Plot.REGRET_BY_MONEY, Plot.REGRET_BY_TIME),
    (Plot.PREDICTIONS, Plot.CALIBRATION),
    (Plot.COVERAGE, Plot.ELEMENTS, Plot.PAIRS),
)
_DRAWN: Final[Mapping[Plot, Callable[[FigureData], Figure]]] = MappingProxyType(
    {
        Plot.BEST_BY_MONEY: lambda data: _best(data, *_by_money(data)),
        Plot.BEST_BY_TIME: lambda data: _best(data, *_by_time(data)),
        Plot.REGRET_BY_MONEY: lambda data: _regret(data, *_by_money(data)),
        Plot.REGRET_BY_TIME: lambda data: _regret(data, *_by_time(data)),
        Plot.SPENDING: _spending,
        Plot.PREDICTIONS: _predictions,
        Plot.CALIBRATION: _calibration,
        Plot.FIDELITIES: _fidelities,
        Plot.COVERAGE: draw_space_groups,
        Plot.ELEMENTS: draw_elements,
        Plot.PAIRS: draw_pairs,
        Plot.TRAINING: draw_training,
        Plot.VARIETY: draw_variety,
    }
)


def _ideal(name: str, x: Sequence[JsonValue], y: Sequence[JsonValue]) -> JsonObject:
    """A line to compare with."""
    line: JsonObject = {"dash": "dot"}
    quiet: JsonObject = {"is_quiet": True}
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y), "line": line, "meta": quiet,
        "hoverinfo": "skip",
    }  # fmt: skip


def _value_axis(data: FigureData, what: str) -> JsonObject:
    measured = data.campaign.spec.objective.measured
    scale = "log" if measured.scale is Scale.LOG10 else "linear"
    return {"title": {"text": f"{what.replace('_', ' ')} ({written_unit(measured.unit)})"}, "type": scale}
