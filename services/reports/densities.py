"""Where ions are: pictures from what a look by molecular dynamics keeps in a file beside its value."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonObject
from domain.parsing import parse_json
from services.reports.described import described
from services.reports.figure import Figure
from services.store.artifacts import ArtifactRecord

MEDIA_TYPE: Final = "application/vnd.petalite.ion-density+json"
"""Of the file that they are drawn from."""
_LARGEST_BYTES: Final = 16 * 2**20
_MOST_VOXELS: Final = 200
"""Along an edge of a picture."""
_SAME_K: Final = 0.01
"""Temperatures that differ by less are one: they are read off texts that people and programs rounded."""
_GAP: Final = 0.09
"""Between two pictures, as a share of the figure."""
_SCALE_WIDTH: Final = 0.02
_SCALE_STEPS: Final = 32
_AXES: Final = {"a": ("b", "c"), "b": ("a", "c"), "c": ("a", "b")}
"""Along which is looked, and which of the cell's vectors point right and up then."""
_PLACES: Final = {"a": 0, "b": 1, "c": 2}
Map = tuple[tuple[float, ...], ...]
"""Rows from the bottom up."""
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Site:
    """A site of the framework."""

    symbol: str
    at: Vector
    """In fractions of the cell's vectors."""


@dataclass(frozen=True, slots=True)
class Along:
    """The density in 1/Å³, averaged along each of the cell's vectors."""

    a: Map
    b: Map
    c: Map

    def __post_init__(self) -> None:
        for rows in (self.a, self.b, self.c):
            widths = {len(row) for row in rows}
            if not 0 < len(rows) <= _MOST_VOXELS or len(widths) != 1 or not widths <= set(range(1, _MOST_VOXELS + 1)):
                raise InvalidValueError("A density has no picture, or one that is too large.", remedy="Look again.")
            if not all(0 <= value < math.inf for row in rows for value in row):
                raise InvalidValueError("A density is negative or no number.", remedy="Look again.")

    def map(self, axis: str) -> Map:
        """As seen along one of them."""
        return {"a": self.a, "b": self.b, "c": self.c}[axis]


@dataclass(frozen=True, slots=True)
class DensityRun:
    """What one run shows."""

    temperature_K: float
    is_used: bool
    """Whether the measured value rests on the run."""
    along: Along


@dataclass(frozen=True, slots=True)
class IonDensities:
    """Where ions are at several temperatures."""

    mobile: str
    cell_A: tuple[Vector, Vector, Vector]
    sites: tuple[Site, ...]
    runs: tuple[DensityRun, ...]


def density_file(files: Sequence[ArtifactRecord]) -> ArtifactRecord | None:
    """The file that pictures are drawn from, of those beside a measurement; None where there is none."""
    return next((file for file in files if file.media_type == MEDIA_TYPE and file.size <= _LARGEST_BYTES), None)


def read_densities(path: Path) -> IonDensities:
    """Reads a file that a look left.

    Raises:
        SpecError: If it holds something else.
    """
    return parse_json(IonDensities, path.read_bytes())


def draw_density(measurement_id: int, found: IonDensities, *, temperature_K: float | None = None) -> Figure:
    """Three pictures of one run side by side, each along one of the cell's vectors, the framework's sites over them.

    Args:
        measurement_id: Number of the measurement.
        found: What its look saw.
        temperature_K: Of which run; the coldest one where None.

    Raises:
        NotFoundError: If there was no run at that temperature.
    """
    runs = sorted(found.runs, key=lambda run: run.temperature_K)
    run = next((run for run in runs if temperature_K is None or _is_at(run, temperature_K)), None)
    if run is None:
        told = ", ".join(f"{one.temperature_K:g}" for one in runs) or "none"
        raise NotFoundError(
            f"Measurement {measurement_id} has no density at {temperature_K or 0:g} K.",
            remedy=f"There are runs at {told} K.",
        )
    # Never 0, so that the colours mean something.
    highest = max(1e-6, *(max(max(row) for row in run.along.map(axis)) for axis in _AXES))
    traces = [trace for number, axis in enumerate(_AXES) for trace in _pictured(found, run, axis, number, highest)]
    unused = "" if run.is_used else ", of a run that was not used"
    title = f"Measurement {measurement_id}: where {found.mobile} is at {run.temperature_K:g} K{unused}"
    traces.append(_scale(highest))
    layout: JsonObject = {
        "title": {"text": title},
        "hovermode": "closest",
        "showlegend": False,
        "meta": {"mobile": found.mobile, "temperature_K": run.temperature_K, "highest_per_A3": highest},
        **dict(_axes()),
    }
    figure = Figure(tuple(traces), layout)
    return replace(figure, description=described("density", figure))


def _is_at(run: DensityRun, temperature_K: float) -> bool:
    return abs(run.temperature_K - temperature_K) <= _SAME_K


def _pictured(found: IonDensities, run: DensityRun, axis: str, number: int, highest: float) -> Iterator[JsonObject]:
    right, up = _AXES[axis]
    rows = run.along.map(axis)
    on: JsonObject = {"xaxis": _named("x", number), "yaxis": _named("y", number)}
    yield {
        **on,
        "type": "heatmap",
        "name": f"along {axis}",
        "x": [place / len(rows[0]) for place in range(len(rows[0]))],
        "y": [place / len(rows) for place in range(len(rows))],
        "z": [list(row) for row in rows],
        "zmin": 0,
        "zmax": highest,
        "showscale": False,
        "zsmooth": "best",  # what is drawn voxel by voxel is styled in ways that pages forbid
        "hovertemplate": f"{right} %{{x:.2f}}, {up} %{{y:.2f}}: %{{z:.3g}} Å⁻³<extra>along {axis}</extra>",
    }
    sites = _seen_along(found.sites, axis)
    yield {
        **on,
        "type": "scatter",
        "mode": "markers+text",
        "name": "framework",
        "x": [x for x, _, _ in sites],
        "y": [y for _, y, _ in sites],
        "text": [symbol for _, _, symbol in sites],
        "textposition": "middle right",
        "textfont": {"size": 10},
        "marker": {"symbol": "circle-open", "size": 9},
        "meta": {"is_quiet": True},
        "cliponaxis": False,
    }


def _seen_along(sites: Sequence[Site], axis: str) -> list[tuple[float, float, str]]:
    """Where sites are in a picture; those that lie behind each other once, with all their elements."""
    right, up = (_PLACES[name] for name in _AXES[axis])
    seen: dict[tuple[float, float], list[str]] = {}
    for site in sites:
        place = (round(site.at[right], 2) % 1, round(site.at[up], 2) % 1)
        if site.symbol not in seen.setdefault(place, []):
            seen[place].append(site.symbol)
    return [(x, y, ", ".join(symbols)) for (x, y), symbols in seen.items()]


def _scale(highest: float) -> JsonObject:
    """What the colours mean, drawn as one more map, which three pictures can share."""
    steps = [highest * step / (_SCALE_STEPS - 1) for step in range(_SCALE_STEPS)]
    number = len(_AXES)
    return {
        "xaxis": _named("x", number),
        "yaxis": _named("y", number),
        "type": "heatmap",
        "name": "scale",
        "x": [0, 1],
        "y": list(steps),
        "z": [[step, step] for step in steps],
        "zmin": 0,
        "zmax": highest,
        "showscale": False,
        "zsmooth": "best",  # what is drawn voxel by voxel is styled in ways that pages forbid
        "hoverinfo": "skip",
        "meta": {"is_scale": True},
    }


def _axes() -> Iterator[tuple[str, JsonObject]]:
    plain: JsonObject = {"showgrid": False, "zeroline": False}
    width = (1 - _SCALE_WIDTH - _GAP / 3 - _GAP * (len(_AXES) - 1)) / len(_AXES)
    for number, (right, up) in enumerate(_AXES.values()):
        start = number * (width + _GAP)
        domain: JsonObject = {"domain": [round(start, 4), round(start + width, 4)]}
        titled: JsonObject = {"title": {"text": f"along {right}"}, "anchor": _named("y", number)}
        yield f"xaxis{_suffix(number)}", {**plain, **domain, **titled}
        # Numbers on the first alone: they are the same on all, and phones have no room for more.
        upright: JsonObject = {"title": {"text": f"along {up}", "standoff": 4}, "showticklabels": number == 0}
        yield f"yaxis{_suffix(number)}", {**plain, **upright, "anchor": _named("x", number)}
    last = len(_AXES)
    bottom: JsonObject = {"domain": [1 - _SCALE_WIDTH, 1], "showticklabels": False, "ticks": ""}
    yield f"xaxis{_suffix(last)}", {**plain, **bottom, "anchor": _named("y", last)}
    side: JsonObject = {"title": {"text": "Å⁻³"}, "side": "right"}
    yield f"yaxis{_suffix(last)}", {**plain, **side, "anchor": _named("x", last)}


def _named(letter: str, number: int) -> str:
    return f"{letter}{_suffix(number)}"


def _suffix(number: int) -> str:
    return "" if number == 0 else str(number + 1)
