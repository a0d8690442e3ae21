"""What somebody hands in, made storable and named by its content, so that the same again is recognised."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.digest import canonical_json, content_digest
from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from domain.measurement import Failure, Measurement
from domain.parsing import parse, to_json_object, to_json_value
from services.intake.findings import NOTHING, Findings
from services.store.database import storable

_NUL: Final = "\\u0000"
"""As JSON writes the character that no database keeps."""
CLOCKS_DIFFER: Final = timedelta(minutes=10)
"""By how much the clock of whoever measures may differ from the store's."""


@dataclass(frozen=True, slots=True)
class HandedInMeasurement:
    """A measurement as it was handed in."""

    measurement: Measurement
    digest: str
    """Names it by its content."""
    is_dated: bool = True
    """Whether it was said when it was measured; else it was when it arrived, which is no part of its content."""


def read_measurement(
    measurement: Measurement, *, now: datetime, is_dated: bool = True, found: Findings = NOTHING
) -> HandedInMeasurement:
    """Replaces what no database can keep, and names the rest.

    Args:
        measurement: As it was handed in.
        now: Now.
        is_dated: Whether it was said when it was measured.
        found: What its look gave beside it; the same with other series or files is another answer.

    Raises:
        InvalidValueError: If it was measured in the future.
        ParseError: If what is left is no measurement.
    """
    if measurement.measured_at > now + CLOCKS_DIFFER:
        raise InvalidValueError(
            f"The measurement is from {measurement.measured_at:%Y-%m-%d %H:%M %Z}, which is in the future.",
            remedy="Give the time of the measurement with its time zone, and set the clock.",
        )
    given = to_json_object(measurement)
    named = given if is_dated else {**given, "measured_at": None}
    digest = _digest_of_storable(named)
    if digest is None:
        measurement = parse(Measurement, storable_object(given), what="The measurement")
        digest = content_digest(storable_object(named))
    if found.series or found.files:
        digest = content_digest([digest, [to_json_value(point) for point in found.series], sorted(set(found.files))])
    return HandedInMeasurement(measurement, digest, is_dated)


def read_failure(failure: Failure) -> tuple[Failure, str]:
    """Replaces what no database can keep, and names the rest by its content.

    Raises:
        ParseError: If what is left is no failure.
    """
    given = to_json_object(failure)
    plain = storable_object(given)
    if plain != given:
        failure = parse(Failure, plain, what="The failure")
    return failure, content_digest(plain)


def _digest_of_storable(value: JsonObject) -> str | None:
    """Names a value that a database can keep as it is; None for another.

    Seen in its text, because few values are anything else, and looking at each part of them takes longer than the rest.
    """
    try:
        text = canonical_json(value)
        return None if _NUL in text else hashlib.sha256(text.encode()).hexdigest()
    except (InvalidValueError, UnicodeEncodeError):  # a number that is not finite, half a character
        return None


def storable_object(value: JsonObject) -> JsonObject:
    """Replaces what no database can keep in an object."""
    return {str(storable(key)): storable(item) for key, item in value.items()}
