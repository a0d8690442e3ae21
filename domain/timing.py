"""When something is to happen again and again: by cron in a time zone, or at an interval."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import InvalidValueError
from domain.measurement import require_utc

_UNITS_S: Final = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_INTERVAL: Final = re.compile(r"([1-9]\d{0,4})\s*([mhdw])")


class TimingKind(StrEnum):
    """How a timing is written down."""

    CRON = "cron"
    INTERVAL = "interval"


@dataclass(frozen=True, slots=True)
class Timing:
    """Instants that follow each other for ever.

    Cron expressions have five fields and are read in the time zone, as Debian's cron does where clocks are changed: a
    time that is skipped happens right after the gap, one that comes twice happens once.
    """

    kind: TimingKind
    expression: str
    """Five cron fields, or a whole number of minutes, hours, days or weeks such as `6h`."""
    time_zone: str = "UTC"
    """IANA name, such as Europe/Berlin; of no meaning to intervals."""

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidValueError(
                f"'{self.time_zone[:64]}' is no time zone.", remedy="Give an IANA name such as Europe/Berlin or UTC."
            ) from error
        if self.kind is TimingKind.INTERVAL:
            _interval(self.expression)
        else:
            self.after(datetime(2000, 1, 1, tzinfo=UTC))

    def after(self, instant: datetime) -> datetime:
        """The next of its instants that is later than one, UTC-aware.

        Raises:
            InvalidValueError: If a cron expression is not understood or never comes true.
        """
        require_utc(instant)
        if self.kind is TimingKind.INTERVAL:
            return instant + _interval(self.expression)
        return _next_by_cron(self.expression, instant.astimezone(ZoneInfo(self.time_zone)))

    def dates(self, instant: datetime, n_dates: int) -> tuple[datetime, ...]:
        """Its next instants after one, UTC-aware."""
        found: list[datetime] = []
        for _ in range(n_dates):
            found.append(self.after(found[-1] if found else instant))
        return tuple(found)


def _interval(expression: str) -> timedelta:
    match = _INTERVAL.fullmatch(expression.strip())
    if match is None:
        raise InvalidValueError(
            f"'{expression[:64]}' is no interval.",
            remedy="Give a whole number with m, h, d or w for minutes, hours, days or weeks, such as 6h.",
        )
    return timedelta(seconds=int(match[1]) * _UNITS_S[match[2]])


def _next_by_cron(expression: str, instant: datetime) -> datetime:
    from cronsim import CronSim, CronSimError

    try:
        if len(expression.split()) != 5:
            raise CronSimError("It needs five fields")
        # Only ASCII: other scripts' digits and letters whose capitals are several would be met far inside.
        return next(CronSim(expression.encode("ascii").decode(), instant)).astimezone(UTC)
    except (CronSimError, UnicodeEncodeError, StopIteration) as error:
        reason = "it never comes true" if isinstance(error, StopIteration) else "its fields are not understood"
        raise InvalidValueError(
            f"'{expression[:64]}' is no cron expression: {reason}.",
            remedy="Give minute, hour, day of month, month and day of week, such as '0 6 * * 1' for Mondays at six.",
        ) from error
