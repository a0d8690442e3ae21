"""When a campaign is to run, chosen by people who need not know cron; and dates in their words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from domain.errors import InvalidValueError
from domain.timing import Timing, TimingKind
from services.api.routers.schedules import N_DATES

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WAYS: Final[Mapping[str, str]] = {
    "day": "every day",
    "week": "on days of the week",
    "month": "on a day of the month",
    "interval": "at an interval",
    "cron": "by a cron expression",
}
INTERVALS: Final[Mapping[str, str]] = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LARGEST_DAY: Final = 31
_LENGTHS: Final = ((timedelta(days=1), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes"))
_FAR_FROM_ONE: Final = 2
"""So many of them, and smaller ones no longer matter."""


@dataclass(frozen=True, slots=True)
class Date:
    """An instant as a schedule's people say it."""

    at: datetime
    """UTC-aware."""
    words: str
    """In the schedule's zone, such as `Monday 23 November 2026, 06:00`."""
    until: str
    """How long it is until then."""


def time_zones() -> tuple[str, ...]:
    """Names of the time zones, in the order of the alphabet."""
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"))


def chosen_timing(fields: Mapping[str, str]) -> Timing | None:
    """The timing that a form's fields `timing.…` describe; None where none is wanted.

    Raises:
        InvalidValueError: If something is missing or impossible.
    """
    way = fields.get("timing.way", "")
    if not way:
        return None
    zone = fields.get("timing.zone", "").strip() or "UTC"
    if way == "interval":
        number = fields.get("timing.number", "").strip()
        return Timing(TimingKind.INTERVAL, f"{number}{fields.get('timing.unit', 'h')}", zone)
    if way == "cron":
        return Timing(TimingKind.CRON, fields.get("timing.expression", "").strip(), zone)
    minute, hour = _time_of_day(fields.get("timing.at", "").strip())
    return Timing(TimingKind.CRON, f"{minute} {hour} {_days(way, fields)}", zone)


def next_dates(timing: Timing, now: datetime) -> tuple[Date, ...]:
    """The next dates of a timing, in words."""
    return tuple(Date(at, in_words(at, timing.time_zone), _until(at - now)) for at in timing.dates(now, N_DATES))


def in_words(at: datetime, time_zone: str) -> str:
    """An instant in a zone, such as `Monday 23 November 2026, 06:00`."""
    local = (at + timedelta(seconds=30)).astimezone(ZoneInfo(time_zone))  # to the nearest minute
    return f"{local:%A} {local.day} {local:%B} {local.year}, {local:%H:%M}"


def describe(timing: Timing) -> str:
    """A timing in words where it is a common one; else as it was written."""
    if timing.kind is TimingKind.INTERVAL:
        number, unit = timing.expression.strip()[:-1].strip(), INTERVALS[timing.expression.strip()[-1]]
        return f"every {unit[:-1]}" if number == "1" else f"every {number} {unit}"
    minute, hour, day, month, weekday = timing.expression.split()
    if not (minute.isdecimal() and hour.isdecimal() and month == "*"):
        return timing.expression
    at = f"at {int(hour):02}:{int(minute):02}"
    if (day, weekday) == ("*", "*"):
        return f"every day {at}"
    days = weekday.split(",")
    if day == "*" and all(each.isdecimal() and int(each) <= len(WEEKDAYS) for each in days):
        return f"on {_listed([WEEKDAYS[(int(each) - 1) % 7] for each in days])} {at}"
    return f"on day {day} of every month {at}" if weekday == "*" and day.isdecimal() else timing.expression


def _until(left: timedelta) -> str:
    for length, name in _LENGTHS:
        if left >= _FAR_FROM_ONE * length:
            return f"{round(left / length)} {name}"
    return "a moment"


def _days(way: str, fields: Mapping[str, str]) -> str:
    if way == "month":
        day = fields.get("timing.day", "").strip()
        if not (day.isdecimal() and 1 <= int(day) <= _LARGEST_DAY):
            raise InvalidValueError(f"'{day[:20]}' is no day of a month.", remedy="Give a number from 1 to 31.")
        return f"{int(day)} * *"
    if way == "week":
        days = [str(number) for number in range(1, 8) if fields.get(f"timing.weekday.{number}")]
        if not days:
            raise InvalidValueError("No day of the week is chosen.", remedy="Choose at least one.")
        return f"* * {','.join(days)}"
    return "* * *"


def _time_of_day(text: str) -> tuple[int, int]:
    """Minute and hour."""
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdecimal() and minute[:2].isdecimal() and int(hour) < 24 and int(minute[:2]) < 60):
        raise InvalidValueError(f"'{text[:20]}' is no time of day.", remedy="Write it like 06:30.")
    return int(minute[:2]), int(hour)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
