"""Figures of an oracle: what its looks were declared to cost and did cost, and how many there were."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.json_value import JsonObject
from services.reports.figure import Figure
from services.store.records import FailureRecord, MeasurementRecord

LOOKS_DRAWN = 1_000
"""So many of the newest looks are drawn."""
_MOST_DAYS: Final = 400


class OraclePlot(StrEnum):
    """The figures that there are."""

    COSTS = "costs"
    """Core-seconds that each look took against what it was declared to cost."""
    ANSWERS = "answers"
    """Answers and failures by day."""


def draw_costs(looks: Sequence[MeasurementRecord]) -> Figure:
    """Draws what looks cost. Only those of which the core-seconds were measured are shown."""
    timed = [look for look in looks if look.measurement.cost.core_seconds is not None]
    traces: list[JsonObject] = []
    for fidelity in sorted({look.fidelity for look in timed}):
        shown = [look for look in timed if look.fidelity == fidelity]
        costs = [look.measurement.cost for look in shown]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": fidelity,
                "x": [look.recorded_at.isoformat() for look in shown],
                "y": [cost.core_seconds for cost in costs],
                "customdata": [cost.amount for cost in costs],
                "hovertemplate": "%{y:.3g} core-seconds; declared %{customdata:.3g}<extra>%{fullData.name}</extra>",
            }
        )
    layout: JsonObject = {
        "title": {"text": "What looks cost"},
        "xaxis": {"title": {"text": "answered at (UTC)"}, "type": "date"},
        "yaxis": {"title": {"text": "measured (core-seconds)"}, "rangemode": "tozero"},
        "meta": {"n_looks": len(looks), "n_timed": len(timed)},
    }
    return Figure(tuple(traces), layout)


def draw_answers(looks: Sequence[MeasurementRecord], failed: Sequence[FailureRecord]) -> Figure:
    """Draws how many answers and failures of each kind there were on each day."""
    series: dict[str, Counter[str]] = {"answers": Counter(f"{look.recorded_at:%Y-%m-%d}" for look in looks)}
    for record in failed:
        counted = series.setdefault(f"failures, {record.failure.kind.value}", Counter())
        counted[f"{record.recorded_at:%Y-%m-%d}"] += 1
    days = _days({day for counted in series.values() for day in counted})
    traces: list[JsonObject] = [_bars(name, counted, days) for name, counted in series.items() if counted]
    layout: JsonObject = {
        "title": {"text": "Answers and failures"},
        "barmode": "stack",
        "xaxis": {"title": {"text": "day (UTC)"}, "type": "category"},
        "yaxis": {"title": {"text": "looks"}, "rangemode": "tozero"},
        "meta": {"n_looks": len(looks), "n_failures": len(failed)},
    }
    return Figure(tuple(traces), layout)


def _days(found: Collection[str]) -> list[str]:
    """All days from the first to the last; only those that there are where nothing happened for very long."""
    if not found:
        return []
    first, last = date.fromisoformat(min(found)), date.fromisoformat(max(found))
    n_days = (last - first).days + 1
    return [str(first + timedelta(days=n)) for n in range(n_days)] if n_days <= _MOST_DAYS else sorted(found)


def _bars(name: str, counted: Counter[str], days: Sequence[str]) -> JsonObject:
    return {"type": "bar", "name": name, "x": list(days), "y": [counted[day] for day in days]}
