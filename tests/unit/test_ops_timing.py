"""Timings come again and again, in their time zone, and refuse what they do not understand."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidValueError
from domain.timing import Timing, TimingKind

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 20 * 365 * 86400).map(lambda seconds: BEGINNING + timedelta(seconds=seconds))
EXPRESSIONS = st.sampled_from(["0 6 * * 1", "*/15 * * * *", "30 2 * * *", "0 0 29 2 *", "0 12 L * *"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


@given(INSTANTS, EXPRESSIONS, ZONES)
def test_dates_grow(instant: datetime, expression: str, zone: str) -> None:
    dates = Timing(TimingKind.CRON, expression, zone).dates(instant, 5)
    assert all(earlier < later for earlier, later in zip((instant, *dates), dates, strict=False))
    assert all(date.utcoffset() == timedelta(0) for date in dates)


def test_cron_is_read_in_its_time_zone() -> None:
    berlin = Timing(TimingKind.CRON, "0 6 * * 1", "Europe/Berlin")
    winter, summer = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    assert berlin.after(winter) == datetime(2026, 1, 5, 5, tzinfo=UTC)
    assert berlin.after(summer) == datetime(2026, 7, 6, 4, tzinfo=UTC)


def test_a_date_in_the_gap_of_a_clock_change_is_not_lost() -> None:
    nightly = Timing(TimingKind.CRON, "30 2 * * *", "Europe/Berlin")
    assert nightly.after(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_date_that_comes_twice_fires_once() -> None:
    nightly = Timing(TimingKind.CRON, "30 2 * * *", "Europe/Berlin")
    dates = nightly.dates(datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert [date.date().day for date in dates] == [25, 26]


def test_intervals_count_from_the_instant() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert Timing(TimingKind.INTERVAL, "6h").dates(now, 2) == (now + timedelta(hours=6), now + timedelta(hours=12))


@pytest.mark.parametrize(
    ("kind", "expression", "zone", "problem"),
    [
        (TimingKind.CRON, "0 6 * *", "UTC", "is no cron expression: its fields"),
        (TimingKind.CRON, "* * * * * *", "UTC", "is no cron expression: its fields"),
        (TimingKind.CRON, "0 0 30 2 *", "UTC", "is no cron expression"),
        (TimingKind.CRON, "٠ 6 * * 1", "UTC", "is no cron expression"),
        (TimingKind.CRON, "61 6 * * 1", "UTC", "is no cron expression"),
        (TimingKind.CRON, "0 6 * * 1", "Europe/Atlantis", "is no time zone"),
        (TimingKind.CRON, "0 6 * * 1", "../../etc/passwd", "is no time zone"),
        (TimingKind.INTERVAL, "0h", "UTC", "is no interval"),
        (TimingKind.INTERVAL, "six hours", "UTC", "is no interval"),
        (TimingKind.INTERVAL, "999999999d", "UTC", "is no interval"),
    ],
)
def test_nonsense_is_refused(kind: TimingKind, expression: str, zone: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        Timing(kind, expression, zone)


@given(st.text(max_size=30), st.text(max_size=20))
def test_any_text_is_understood_or_refused(expression: str, zone: str) -> None:
    for kind in TimingKind:
        with suppress(InvalidValueError):
            Timing(kind, expression, zone)
