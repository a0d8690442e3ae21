"""What a look gave beside its value, made fit for the store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from domain.blueprint import Realization
from domain.errors import InvalidValueError, SpecError
from domain.measurement import MOST_POINTS, Measurement, SeriesPoint, require_short_series
from domain.parsing import parse
from domain.quantity import Quantity
from services.intake.units import conversion_factor
from services.store.artifacts import link_files
from services.store.series import append_series

LINE: Final = "arrhenius"
"""Key of the details under which a line through a series stands, with its points."""
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

    Args:
        connection: The transaction.
        campaign_id: The campaign.
        measurement_id: The measurement.
        found: What the look gave; its sites are kept elsewhere.
        handed_in: The measurement as it was handed in.
        quantity: In whose unit the series is kept.

    Raises:
        InvalidValueError: If a point of the series is implausible.
        NotFoundError: If a file is none of the campaign's.
    """
    seen = found.series
    series = _converted(seen, handed_in.unit, quantity) if seen else series_told(handed_in, quantity)
    append_series(connection, campaign_id, series, measurement_id=measurement_id)
    link_files(connection, campaign_id, measurement_id, found.files)


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
        return _converted([SeriesPoint(*point) for point in line.points[:MOST_POINTS]], _LINE_UNIT, quantity)
    except (InvalidValueError, SpecError):
        return ()


@dataclass(frozen=True, slots=True)
class _Line:
    points: tuple[tuple[float, float, float | None], ...] = ()
    """Temperature (K), conductivity and its standard deviation (S/cm)."""


def _converted(series: Sequence[SeriesPoint], unit: str, quantity: Quantity) -> tuple[SeriesPoint, ...]:
    factor = conversion_factor(unit, quantity)
    converted = tuple(
        replace(point, value=point.value * factor, sigma=None if point.sigma is None else point.sigma * factor)
        for point in series
    )
    for point in converted:
        quantity.require_plausible(point.value)
    return converted
