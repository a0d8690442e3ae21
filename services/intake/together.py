"""Answers of many machines that arrive at the same time, recorded in a handful of statements for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from domain.errors import InvalidValueError, SpecError
from domain.measurement import Measurement
from services.intake.door import answer_of, as_learned, done_event
from services.intake.findings import tells_series
from services.intake.handed_in import read_measurement
from services.store import Store
from services.store.answers import Answered, book_answered, end_locked, lock_claimed, read_spec
from services.store.events import write_events_of_many
from services.store.records import MeasurementRecord
from services.store.results import NewMeasurement, append_measurements
from services.store.waking import bring_news


@dataclass(frozen=True, slots=True)
class MachineAnswer:
    """What a machine saw under a claim."""

    query_id: int
    fence: int
    measurement: Measurement
    """In any unit of the campaign's quantity."""


def record_together(store: Store, answers: Sequence[MachineAnswer]) -> list[MeasurementRecord | None]:
    """Records all answers that need no second look, exactly as `record_measurement` would one by one.

    Args:
        store: The store.
        answers: To queries of any campaigns.

    Returns:
        What was recorded, in the order of the answers. None where nothing was, because the answer came before, came too
        late, is refused, or names sites or a series: `record_measurement` says which.
    """
    if not answers:
        return []
    now = store.now()
    # A query that is answered twice at once is answered by the first; the second is looked at again.
    first = {answer.query_id: number for number, answer in reversed(list(enumerate(answers)))}
    with store.writing() as connection:
        held = lock_claimed(connection, {query_id: answers[number].fence for query_id, number in first.items()})
        ready: dict[int, tuple[Answered, NewMeasurement]] = {}
        for query_id, query in held.items():
            new = _read(connection, query, answers[first[query_id]], now)
            if new is not None:
                ready[first[query_id]] = (query, new)
        records = _record(connection, ready, now)
    return [records.get(number) for number in range(len(answers))]


def _read(connection: Connection, query: Answered, answer: MachineAnswer, now: datetime) -> NewMeasurement | None:
    """What is to be recorded; None if it is refused or needs a second look."""
    if answer.measurement.provenance.realization_digest is not None or tells_series(answer.measurement):
        return None
    spec = read_spec(connection, query.campaign_id, query.spec_digest)
    try:
        handed_in = read_measurement(answer.measurement, now=now)
        return answer_of(query, answer.fence, handed_in, as_learned(handed_in.measurement, spec, query.fidelity))
    except (InvalidValueError, SpecError):
        return None


def _record(
    connection: Connection, ready: Mapping[int, tuple[Answered, NewMeasurement]], now: datetime
) -> dict[int, MeasurementRecord]:
    if not ready:
        return {}
    answered = [(query, new.measurement) for query, new in ready.values()]
    end_locked(connection, [query.id for query, _ in answered], at=now)
    records = append_measurements(connection, [new for _, new in ready.values()], at=now)
    book_answered(connection, ((query, measurement.cost) for query, measurement in answered), at=now)
    events = ((query.campaign_id, *done_event(query, measurement)) for query, measurement in answered)
    write_events_of_many(connection, events, at=now)
    for campaign_id in sorted({query.campaign_id for query, _ in answered}):
        bring_news(connection, campaign_id, at=now)
    return dict(zip(ready, records, strict=True))
