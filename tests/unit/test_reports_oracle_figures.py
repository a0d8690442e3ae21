"""Answers and failures by day: every day in between has its place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.intake.testing import example_measurement
from services.reports.oracle_figures import draw_answers
from services.store.records import MeasurementRecord

DAY = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)


def looks(*days: int) -> list[MeasurementRecord]:
    first = MeasurementRecord(
        id=1,
        query_id=1,
        candidate_id=1,
        fidelity="static",
        measurement=example_measurement(-1.0),
        recorded_at=DAY,
        supersedes=None,
        is_retracted=False,
        is_evidence=False,
        reported_value=-1.0,
        reported_unit="eV/atom",
    )
    return [replace(first, recorded_at=DAY + timedelta(days=n)) for n in days]


def test_days_without_a_look_are_drawn_too():
    (bars,) = draw_answers(looks(0, 0, 3), []).data
    assert bars["x"] == ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]
    assert bars["y"] == [2, 0, 0, 1]


def test_years_of_silence_are_left_out():
    (bars,) = draw_answers(looks(0, 1000), []).data
    assert bars["x"] == ["2026-03-01", "2028-11-25"]


def test_nothing_is_drawn_of_nothing():
    assert draw_answers([], []).data == ()
