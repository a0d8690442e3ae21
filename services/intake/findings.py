"""What a look gave beside its value, made fit for the store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from domain.blueprint import Realization
from domain.errors import InvalidValueError, SpecError
from domain.json_value import JsonValue
from domain.measurement import MOST_POINTS, Measurement, SeriesPoint, require_short_series
from domain.parsing import parse
from domain.quantity import Quantity
from services.intake.units import conversion_factor
from services.store.artifacts import link_files
from services.store.series import append_series

LINE: Final = "arrhenius"
"""Key of the details under which a line through a series stands, with its points."""
MISSING_POINTS: Final = "missing_points"
"""Key of the details under which stands which points of a series are not kept, and why."""
_LINE_UNIT: Final = "S/cm"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look gave beside its value."""

    realizations: tuple[Realization, ...] = ()
    """Sites that were found on the way."""
    series: tuple[SeriesPoint, ...] = ()
    """The same quantity at several temperatures, in the unit of the measurement."""
    files: tuple[int, ...] = ()
    """Numbers of the files that it produced, which the campaign has already."""

    def __post_init__(self) -> None:
        require_short_series(self.series)


NOTHING: Final = Findings()


def keep_findings(
    connection: Connection,
    campaign_id: int,
    measurement_id: int,
    found: Findings,
    handed_in: Measurement,
    quantity: Quantity,
) -> None:
    """Keeps the series and the files of a measurement that was just appended, inside its transaction.

    A point that cannot be is left out: a value counts without what came beside it (`with_missing_points` says which).

    Args:
        connection: The transaction.
        campaign_id: The campaign.
        measurement_id: The measurement.
        found: What the look gave; its sites are kept elsewhere.
        handed_in: The measurement as it was handed in.
        quantity: In whose unit the series is kept.

    Raises:
        NotFoundError: If a file is none of the campaign's.
    """
    series = kept_series(found, handed_in, quantity)
    append_series(connection, campaign_id, series, measurement_id=measurement_id)
    link_files(connection, campaign_id, measurement_id, found.files)


def kept_series(found: Findings, handed_in: Measurement, quantity: Quantity) -> tuple[SeriesPoint, ...]:
    """The points that are kept beside a measurement, in the quantity's unit."""
    if not found.series:
        return series_told(handed_in, quantity)
    converted = _converted(found.series, handed_in.unit, quantity)
    return tuple(point for point in converted if _why_implausible(point, quantity) is None)


def with_missing_points(kept: Measurement, found: Findings, unit: str, quantity: Quantity) -> Measurement:
    """A measurement that says among its details which points of its series are not kept, and why.

    Args:
        kept: In the quantity's unit.
        found: What its look gave.
        unit: Of the measurement as it was handed in, and so of the series.
        quantity: What was measured.
    """
    missing: list[JsonValue] = [
        {"temperature_K": point.temperature_K, "why": why}
        for point in _converted(found.series, unit, quantity)
        if (why := _why_implausible(point, quantity)) is not None
    ]
    return replace(kept, details={**kept.details, MISSING_POINTS: missing}) if missing else kept


def tells_series(measurement: Measurement) -> bool:
    """Whether something stands among the details of a measurement where laboratories' series stand."""
    return LINE in measurement.details


def series_told(measurement: Measurement, quantity: Quantity) -> tuple[SeriesPoint, ...]:
    """The points of the line behind a laboratory's value, in the quantity's unit.

    None where there is no line, or something else by that name: whoever hands in a measurement puts into its details
    what they like.
    """
    if not tells_series(measurement):
        return ()
    try:
        line = parse(_Line, measurement.details[LINE], what="The series")
        points = _converted([SeriesPoint(*point) for point in line.points[:MOST_POINTS]], _LINE_UNIT, quantity)
    except (InvalidValueError, SpecError):
        return ()
    return points if all(_why_implausible(point, quantity) is None for point in points) else ()


@dataclass(frozen=True, slots=True)
class _Line:
    points: tuple[tuple[float, float, float | None], ...] = ()
    """Temperature (K), conductivity and its standard deviation (S/cm)."""


def _converted(series: Sequence[SeriesPoint], unit: str, quantity: Quantity) -> tuple[SeriesPoint, ...]:
    factor = conversion_factor(unit, quantity)
    return tuple(
        replace(point, value=point.value * factor, sigma=None if point.sigma is None else point.sigma * factor)
        for point in series
    )


def _why_implausible(point: SeriesPoint, quantity: Quantity) -> str | None:
    try:
        quantity.require_plausible(point.value)
    except InvalidValueError as implausible:
        return implausible.problem
    return None
