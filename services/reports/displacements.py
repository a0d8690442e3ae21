"""Mean squared displacement of the ions against time, from what a measurement keeps of its runs."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from domain.errors import NotFoundError
from domain.json_value import JsonObject
from domain.measurement import Censoring
from services.reports.described import described
from services.reports.figure import Figure
from services.reports.ion_runs import Curve, IonRun, ion_runs, with_curves
from services.store.records import MeasurementRecord

_A2_PER_PS: Final = 1e4
"""One cm²/s."""
_HIDDEN_LINE: Final[JsonObject] = {"width": 0}


def draw_displacements(record: MeasurementRecord) -> Figure:
    """One line for each temperature, its standard error as a band, and dashed the line that was fitted, where it was.

    The slope of the dashed line is six times the diffusivity.

    Raises:
        NotFoundError: If the measurement keeps no runs.
    """
    curves = with_curves(ion_runs(record.measurement.details))
    if not curves:
        raise NotFoundError(
            f"Measurement {record.id} keeps no mean squared displacement.",
            remedy="Choose a value that molecular dynamics gave, or hand such a value in with `runs` in its details.",
        )
    traces = [trace for place, (run, curve) in enumerate(curves) for trace in _traces(run, curve, place)]
    layout: JsonObject = {
        "title": {"text": f"Measurement {record.id}: mean squared displacement of the ions"},
        "hovermode": "closest",
        "xaxis": {"title": {"text": "lag time (ps)"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "mean squared displacement (Å²)"}, "rangemode": "tozero"},
    }
    figure = Figure(tuple(traces), layout)
    return replace(figure, description=described("msd", figure))


def _traces(run: IonRun, curve: Curve, place: int) -> Iterator[JsonObject]:
    name = f"{run.temperature_K:g} K"
    # Named at its end too: colours alone tell lines apart for some readers only.
    end = ["" for _ in curve.lag_ps[:-1]] + [name]
    shared: JsonObject = {"type": "scatter", "legendgroup": name, "meta": {"series": place}}
    if curve.error_A2 is not None:
        band = {**shared, "mode": "lines", "line": _HIDDEN_LINE, "hoverinfo": "skip", "showlegend": False}
        edges = zip(curve.mean_A2, curve.error_A2, strict=True)
        low, high = zip(*((mean - error, mean + error) for mean, error in edges), strict=True)
        yield {**band, "name": f"{name}, one standard error less", "x": list(curve.lag_ps), "y": list(low)}
        more = f"{name}, one standard error more"
        yield {**band, "name": more, "x": list(curve.lag_ps), "y": list(high), "fill": "tonexty"}
    yield {
        **shared,
        "mode": "lines+text",
        "name": name if run.is_used else f"{name}, not used",
        "x": list(curve.lag_ps),
        "y": list(curve.mean_A2),
        "text": end,
        "textposition": "top left",
    }
    yield from _fitted(run, shared, name)


def _fitted(run: IonRun, shared: JsonObject, name: str) -> Iterator[JsonObject]:
    for estimate in run.estimates[:1]:
        window, intercept = estimate.window_ps, estimate.intercept_A2
        if window is None or intercept is None or estimate.censoring is not Censoring.NONE:
            continue
        slope = 6 * estimate.diffusivity_cm2_per_s * _A2_PER_PS
        yield {
            **shared,
            "mode": "lines",
            "name": f"{name}, fitted",
            "x": list(window),
            "y": [intercept + slope * lag for lag in window],
            "line": {"dash": "dash", "width": 3},
            "showlegend": False,
        }
