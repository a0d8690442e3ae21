"""What a figure shows in one sentence, for those who do not see it."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from domain.json_value import JsonObject, JsonValue
from services.reports.figure import Figure

_MOST_NAMED: Final = 6
"""Series or bars that a sentence names."""


def described(plot: str, figure: Figure) -> str:
    """The sentence; empty where nothing is drawn.

    Args:
        plot: Name of the figure.
        figure: What is drawn.
    """
    drawn = [trace for trace in figure.data if _numbers(trace, "x") or trace.get("z")]
    return _SENTENCES.get(plot, _counted)(drawn, figure.layout) if drawn else ""


def _best(traces: Sequence[JsonObject], layout: JsonObject) -> str:
    ends = _listed([f"{trace['name']} {_said(_numbers(trace, 'y')[-1])}" for trace in traces])
    return f"{_title(layout, 'yaxis')} so far: {ends}."


def _regret(traces: Sequence[JsonObject], layout: JsonObject) -> str:
    steps = _numbers(traces[0], "y")
    return f"{_title(layout, 'yaxis')}: {_said(steps[0])} at first, {_said(steps[-1])} now, in {len(steps)} steps."


def _spending(traces: Sequence[JsonObject], layout: JsonObject) -> str:
    bars = [trace for trace in traces if trace["type"] == "bar"]
    spent = _listed([f"{_said(sum(_numbers(trace, 'y')))} for {trace['name']}" for trace in bars])
    left = next((_said(_numbers(trace, "y")[-1]) for trace in traces if trace["type"] != "bar"), "nothing")
    n_rounds = len(_numbers(traces[0], "x"))
    return f"{_title(layout, 'yaxis')} in {n_rounds} {_plural('round', n_rounds)}: {spent}; {left} left."


def _predictions(traces: Sequence[JsonObject], _layout: JsonObject) -> str:
    points = traces[0]
    expected, measured = _numbers(points, "x"), _numbers(points, "y")
    above, below = _errors(points, "array"), _errors(points, "arrayminus")
    inside = [
        mean - down <= value <= mean + up
        for mean, value, up, down in zip(expected, measured, above, below, strict=True)
    ]
    n = len(inside)
    return f"Of {n} {_plural('crystal', n)} drawn, {sum(inside)} were measured within the interval that was expected."


def _calibration(traces: Sequence[JsonObject], _layout: JsonObject) -> str:
    confidences, held = _numbers(traces[0], "x"), _numbers(traces[0], "y")
    told = [f"{100 * share:.0f} % for {100 * one:.0f} %" for one, share in zip(confidences, held, strict=True)]
    return f"Measurements found inside the intervals, by what was promised: {_listed(told)}."


def _training(traces: Sequence[JsonObject], _layout: JsonObject) -> str:
    told = []
    for trace in traces:
        steps = _numbers(trace, "y")
        if steps:
            told.append(f"{trace['name']} went from {_said(steps[0])} to {_said(steps[-1])}")
    return f"{_begun(_listed(told))}." if told else ""


def _variety(traces: Sequence[JsonObject], _layout: JsonObject) -> str:
    rounds, shares = _numbers(traces[0], "x"), _numbers(traces[0], "y")
    return f"In round {_said(rounds[-1])}, {shares[-1]:.0f} % of the crystals drawn differ; in round " + (
        f"{_said(rounds[0])} it was {shares[0]:.0f} %."
    )


def _displacements(traces: Sequence[JsonObject], _layout: JsonObject) -> str:
    curves = [trace for trace in traces if trace["mode"] == "lines+text"]
    ends = [
        f"{_said(_numbers(curve, 'y')[-1])} Å² after {_said(_numbers(curve, 'x')[-1])} ps at {curve['name']}"
        for curve in curves
    ]
    n_fitted = sum(str(trace["name"]).endswith("fitted") for trace in traces)
    fitted = f"a line was fitted to {n_fitted} of {len(curves)} {_plural('curve', len(curves))}"
    return f"Mean squared displacement of the ions: {_listed(ends)}; {fitted}."


def _arrhenius(traces: Sequence[JsonObject], layout: JsonObject) -> str:
    marks = [trace for trace in traces if trace["mode"] == "markers"]
    seen = [f"{_said(len(_numbers(trace, 'x')))} for {trace['name']}" for trace in marks]
    sums = layout.get("meta")
    energy = sums.get("activation_energy_eV") if isinstance(sums, Mapping) else None
    line = f" The line has an activation energy of {_said(_number(energy))} eV." if energy is not None else ""
    return f"{_title(layout, 'yaxis')} against {_title(layout, 'xaxis')}, points: {_listed(seen)}.{line}"


def _density(traces: Sequence[JsonObject], layout: JsonObject) -> str:
    sums = layout.get("meta")
    found = sums if isinstance(sums, Mapping) else {}
    sites = sorted({str(text) for trace in traces if trace["type"] == "scatter" for text in _texts(trace)})
    return (
        f"Where {found.get('mobile')} is at {_said(_number(found.get('temperature_K')))} K, along each vector of the "
        f"cell: at most {_said(_number(found.get('highest_per_A3')))} Å⁻³; over it the sites of {_listed(sites)}."
    )


def _texts(trace: JsonObject) -> list[JsonValue]:
    found = trace.get("text")
    return list(found) if isinstance(found, list) else []


def _counted(traces: Sequence[JsonObject], layout: JsonObject) -> str:
    """Of figures whose points are crystals: how many each series has."""
    series = [f"{len(_numbers(trace, 'x'))} for {trace.get('name', 'all')}" for trace in traces]
    return f"{_title(layout, 'yaxis')} against {_title(layout, 'xaxis')}, points: {_listed(series)}."


def _looked_at(_traces: Sequence[JsonObject], layout: JsonObject) -> str:
    sums = layout.get("meta")
    found = sums if isinstance(sums, Mapping) else {}
    counts = [
        f"{n} {_plural(word, n)}"
        for key, word in (("n_crystals", "crystal"), ("n_space_groups", "space group"), ("n_elements", "element"))
        if isinstance(n := found.get(key), int)
    ]
    return f"Looked at: {_listed(counts)}; the table of this figure says how many of each."


def _title(layout: JsonObject, axis: str) -> str:
    found = layout.get(axis)
    title = found.get("title") if isinstance(found, Mapping) else None
    text = title.get("text") if isinstance(title, Mapping) else None
    return _begun(str(text)) if axis == "yaxis" else str(text)


def _numbers(trace: JsonObject, axis: str) -> list[float]:
    values = trace.get(axis)
    return [_number(value) for value in values if value is not None] if isinstance(values, list) else []


def _errors(trace: JsonObject, side: str) -> list[float]:
    bars = trace.get("error_x")
    return _numbers(bars, side) if isinstance(bars, Mapping) else []


def _number(value: JsonValue) -> float:
    """Instants and names count as places."""
    return float(value) if isinstance(value, int | float) else 0.0


def _said(value: float) -> str:
    return f"{value:,.4g}".replace("-", "−")


def _listed(words: Sequence[str]) -> str:
    named = list(words[:_MOST_NAMED])
    more = len(words) - len(named)
    named += [f"{more} more"] if more else []
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}" if named else "nothing"


def _begun(text: str) -> str:
    """The text as a sentence begins; units and symbols in it stay as they are."""
    return text[:1].upper() + text[1:]


def _plural(word: str, n: int) -> str:
    return word if n == 1 else f"{word}s"


_SENTENCES: Final[Mapping[str, Callable[[Sequence[JsonObject], JsonObject], str]]] = MappingProxyType(
    {
        "best-by-money": _best,
        "comparison": _best,
        "best-by-time": _best,
        "regret-by-money": _regret,
        "regret-by-time": _regret,
        "spending": _spending,
        "predictions": _predictions,
        "calibration": _calibration,
        "training": _training,
        "variety": _variety,
        "msd": _displacements,
        "arrhenius": _arrhenius,
        "density": _density,
        "coverage": _looked_at,
        "elements": _looked_at,
        "pairs": _looked_at,
    }
)
