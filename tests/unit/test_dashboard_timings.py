"""Schedules as people choose and read them."""

from datetime import UTC, datetime

import pytest

from domain.errors import InvalidValueError
from domain.timing import Timing, TimingKind
from services.dashboard.timings import chosen_timing, describe, in_words, next_dates

NOW = datetime(2026, 11, 21, 19, 0, tzinfo=UTC)


def chosen(way, **fields):
    named = {f"timing.{name.replace('_', '.')}": value for name, value in fields.items()}
    return chosen_timing({"timing.way": way, **named})


@pytest.mark.parametrize(
    ("timing", "expression", "words"),
    [
        (chosen("day", at="06:30"), "30 6 * * *", "every day at 06:30"),
        (chosen("week", at="06:00", weekday_1="yes", weekday_7="yes"), "0 6 * * 1,7", "on Monday and Sunday at 06:00"),
        (chosen("month", at="18:05:00", day="15"), "5 18 15 * *", "on day 15 of every month at 18:05"),
        (chosen("interval", number="6", unit="h"), "6h", "every 6 hours"),
        (chosen("interval", number="1", unit="d"), "1d", "every day"),
        (chosen("cron", expression="*/5 * * * *"), "*/5 * * * *", "*/5 * * * *"),
        (Timing(TimingKind.CRON, "0 6 * * 0"), "0 6 * * 0", "on Sunday at 06:00"),
        (Timing(TimingKind.CRON, "0 6 * * MON-FRI"), "0 6 * * MON-FRI", "0 6 * * MON-FRI"),
        (Timing(TimingKind.CRON, "0 6 1 * 1"), "0 6 1 * 1", "0 6 1 * 1"),
    ],
)
def test_what_is_chosen_is_a_timing_in_words(timing, expression, words) -> None:
    assert timing.expression == expression
    assert describe(timing) == words


@pytest.mark.parametrize(
    ("way", "fields", "problem"),
    [
        ("day", {"at": "25:00"}, "no time of day"),
        ("day", {"at": ""}, "no time of day"),
        ("week", {"at": "06:00"}, "No day of the week"),
        ("month", {"at": "06:00", "day": "32"}, "no day of a month"),
        ("interval", {"number": "-1"}, "no interval"),
        ("cron", {"expression": "soon"}, "no cron expression"),
        ("day", {"at": "06:00", "zone": "Mars/Base"}, "no time zone"),
        ("dance", {"at": ""}, "no time of day"),
    ],
)
def test_what_is_impossible_is_refused(way, fields, problem) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        chosen(way, **fields)


def test_no_way_is_no_schedule() -> None:
    assert chosen_timing({"timing.at": "06:00"}) is None


def test_dates_are_told_in_the_zone_of_the_schedule() -> None:
    dates = next_dates(chosen("week", at="06:00", weekday_1="yes", zone="Europe/Berlin"), NOW)
    assert [date.words for date in dates[:2]] == ["Monday 23 November 2026, 06:00", "Monday 30 November 2026, 06:00"]
    assert [date.until for date in dates[:2]] == ["34 hours", "8 days"]


def test_an_instant_is_told_to_the_nearest_minute() -> None:
    assert in_words(datetime(2026, 1, 1, 11, 59, 59, tzinfo=UTC), "Asia/Tokyo") == "Thursday 1 January 2026, 21:00"
