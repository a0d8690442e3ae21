"""Measurements of machines on their way from the API into the store: checked, recorded and audited."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from domain.errors import PetaliteError
from domain.json_value import JsonObject
from domain.measurement import Measurement
from services.access.principal import Principal
from services.api.questions import Questions, worker_name
from services.intake import Findings, record_measurement
from services.intake.machines import require_asked_look
from services.intake.together import MachineAnswer, record_together
from services.messages.claims import MeasurementRequest
from services.store import Store
from services.store.audit import AuditEntry
from services.store.pages import OpenQuestion
from services.store.records import MeasurementRecord


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What a caller says that it saw."""

    principal: Principal
    query_id: int
    seen: MeasurementRequest


def hand_in(store: Store, questions: Questions, given: HandedIn) -> MeasurementRecord:
    """Records a measurement and audits it.

    Raises:
        NotFoundError: If there is no such query, or it belongs to others; or if a file is none of its campaign's.
        ConflictError: If the claim is another user's, or the query was answered otherwise.
        InvalidValueError: If the unit or a value is refused, or it is not the look that was asked for.
    """
    with store.writing():
        question = questions.held(store, given.principal, given.query_id, given.seen.fence)
        fidelity = questions.fidelity(store, question)
        require_asked_look(given.seen.measurement, fidelity, asked_at=question.asked_at)
        record = record_measurement(
            store,
            given.query_id,
            fence=given.seen.fence,
            measurement=_as_kept(given, question),
            found=Findings(given.seen.realizations, given.seen.series, given.seen.files),
        )
        store.audit.append_all([_entry(given, record)])
    return record


def hand_in_together(store: Store, questions: Questions, given: Sequence[HandedIn]) -> list[MeasurementRecord | None]:
    """Records those measurements that need no second look; None for the others, which `hand_in` deals with."""
    with store.writing():
        asked = store.pages.questions({one.query_id for one in given})
        answers: dict[int, MachineAnswer] = {}
        for number, one in enumerate(given):
            question = asked.get(one.query_id)
            if question is None or one.seen.realizations or one.seen.series or one.seen.files:
                continue
            with suppress(PetaliteError):
                questions.require_held(store, one.principal, question, one.seen.fence)
                fidelity = questions.fidelity(store, question)
                require_asked_look(one.seen.measurement, fidelity, asked_at=question.asked_at)
                answers[number] = MachineAnswer(one.query_id, one.seen.fence, _as_kept(one, question))
        found = dict(zip(answers, record_together(store, list(answers.values())), strict=True))
        store.audit.append_all([_entry(given[number], record) for number, record in found.items() if record])
    return [found.get(number) for number in range(len(given))]


def _as_kept(given: HandedIn, question: OpenQuestion) -> Measurement:
    """The measurement as it is kept: who brought it and what it costs are not the caller's to say."""
    measurement = given.seen.measurement
    worker = worker_name(given.principal, measurement.provenance.worker)
    return replace(
        measurement,
        provenance=replace(measurement.provenance, worker=worker),
        cost=replace(measurement.cost, amount=question.declared),
    )


def _entry(given: HandedIn, record: MeasurementRecord) -> AuditEntry:
    details: JsonObject = {"measurement": record.id, "worker": record.measurement.provenance.worker}
    return AuditEntry(given.principal.name, "query.measurement", f"query {given.query_id}", details)
