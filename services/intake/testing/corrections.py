"""What becomes of corrections and of requests that come twice, for every database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import (
    ConflictError,
    IdempotencyConflictError,
    InvalidValueError,
    NotFoundError,
    UnconfirmedValueError,
)
from domain.events import EventKind
from domain.measurement import Censoring, Measurement
from domain.states import CampaignState, QueryState
from services.intake import (
    Changes,
    Reading,
    UnsolicitedOutcome,
    amend_laboratory_result,
    record_amendment,
    record_laboratory_result,
    record_measurement,
    record_unsolicited,
    retract,
)
from services.intake.idempotency import KEPT_FOR, Answer, answer_once, forget_old_keys
from services.intake.readings import Part
from services.intake.testing.examples import claim, example_measurement
from services.intake.testing.unasked import by_ada, report_unasked, stretched_crystal, taught_values
from services.store import open_store
from services.store.examples import Bench, example_pick, open_example
from services.store.records import MeasurementRecord, QueryRecord


def check_amendment_supersedes(bench: Bench) -> None:
    """The newest counts, all are kept, nothing is charged, the campaign wakes; again is harmless."""
    campaign, query, first = _answered(bench)
    ledger = bench.store.ledger.rows(campaign)
    seen_at = bench.store.campaigns.by_id(campaign).wake_at
    assert seen_at is not None
    bench.store.campaigns.take_wake(campaign, seen_at)
    bench.clock.advance(60)
    amended = _amend(bench, first.id, -1.5)
    assert amended.supersedes == first.id
    assert (amended.reported_value, amended.reported_unit) == (-1.5, "eV/atom")
    assert amended.measurement.details["correction"] == {"by": "Ada", "reason": "Decimal point."}
    assert bench.store.campaigns.by_id(campaign).wake_at == bench.clock()
    assert _amend(bench, first.id, -1.5) == amended
    with pytest.raises(ConflictError, match=f"was corrected by measurement {amended.id} before"):
        _amend(bench, first.id, -1.75)
    newest = _amend(bench, amended.id, first.measurement.value)
    assert taught_values(bench, campaign) == [first.measurement.value]
    assert bench.store.measurements.standing(campaign) == (newest,)
    assert bench.store.measurements.list(campaign) == (first, amended, newest)
    assert bench.store.measurements.of_query(query.id) == (first, amended, newest)
    assert bench.store.queries.get(query.id).state is QueryState.DONE
    assert bench.store.ledger.rows(campaign) == ledger
    told = [record.event for record in bench.store.events.list(campaign)]
    told = [event for event in told if event.kind is EventKind.MEASUREMENT_AMENDED]
    assert [event.payload["supersedes"] for event in told] == [first.id, amended.id]
    assert told[0].message.endswith("-1.25 eV/atom becomes -1.5 eV/atom, says Ada: Decimal point.")


def check_retraction_takes_back(bench: Bench) -> None:
    """What is taken back is kept and not learned from; an amendment of the retraction counts again."""
    campaign, query, first = _answered(bench)
    ledger = bench.store.ledger.rows(campaign)
    taken_back = retract(bench.store, first.id, reason="Wrong sample.", worker="Ada")
    assert (taken_back.is_retracted, taken_back.supersedes) == (True, first.id)
    assert retract(bench.store, first.id, reason="Wrong sample.", worker="Ada") == taken_back
    assert taught_values(bench, campaign) == []
    assert bench.store.measurements.standing(campaign) == ()
    assert bench.store.queries.get(query.id).state is QueryState.DONE
    with pytest.raises(ConflictError, match="was corrected by"):
        retract(bench.store, first.id, reason="Another reason.", worker="Ada")
    with pytest.raises(ConflictError, match="takes another back already"):
        retract(bench.store, taken_back.id, reason="Twice.", worker="Ada")
    _amend(bench, taken_back.id, -1.0)
    assert taught_values(bench, campaign) == [-1.0]
    assert bench.store.ledger.rows(campaign) == ledger


def check_wrong_corrections_are_refused(bench: Bench) -> None:
    """A correction says why, is plausible, and is about a measurement that counts."""
    _, query, first = _answered(bench)
    for value, reason, problem in ((-1250.0, "Unit.", "implausible"), (-1.0, " ", "has no reason")):
        with pytest.raises(InvalidValueError, match=problem):
            record_amendment(bench.store, first.id, measurement=example_measurement(value), reason=reason, worker="Ada")
    with pytest.raises(NotFoundError, match="no measurement number 99"):
        _amend(bench, 99, -1.0)
    late = record_unsolicited(
        bench.store, query.campaign_id, fidelity="static", measurement=by_ada(-2.0), about=stretched_crystal(1)
    )
    assert late.measurement is not None
    with pytest.raises(ConflictError, match="came too late and counts for nothing"):
        _amend(bench, late.measurement.id, -1.0)


def check_remarkable_readings_are_confirmed(bench: Bench) -> None:
    """What looks like a mistake waits for a confirmation, the query in the queue; no time is the future's."""
    _, _, (query,) = open_example(bench.store, [example_pick(1, "lab")])
    odd = Reading(5.0, "eV/atom", temperature_K=25.0)
    with pytest.raises(UnconfirmedValueError, match=r"unusually high; at most 3 .* was 25 °C meant\?"):
        record_laboratory_result(bench.store, query.id, worker="Ada", reading=odd)
    future = replace(odd, measured_at=bench.clock() + timedelta(days=1))
    with pytest.raises(InvalidValueError, match="which is in the future"):
        record_laboratory_result(bench.store, query.id, worker="Ada", reading=future, confirmed=True)
    assert bench.store.queries.get(query.id).state is QueryState.QUEUED
    record = record_laboratory_result(bench.store, query.id, worker="Ada", reading=odd, confirmed=True)
    usual = Changes(-1.3, "eV/atom", temperature_K=298.0)
    bench.clock.advance(60)
    amended = amend_laboratory_result(
        bench.store, record.id, worker="Bob", changes=usual, reason="It was a trial.", confirmed=False
    )
    assert amended.measurement.measured_at == record.measurement.measured_at
    assert amended.measurement.provenance.worker == "Bob"


def check_what_an_amendment_does_not_say_stays(bench: Bench) -> None:
    """Standard deviation, temperature and note stay unless they are to be left out; a new value is no bound."""
    _, _, (query,) = open_example(bench.store, [example_pick(1, "lab")])
    reading = Reading(-1.3, "eV/atom", 0.1, 298.0, Censoring.BELOW, "first run")
    record = record_laboratory_result(bench.store, query.id, worker="Ada", reading=reading)
    numbers = [record.id]

    def change(changes: Changes) -> Measurement:
        amended = amend_laboratory_result(bench.store, numbers[-1], worker="Bob", changes=changes, reason="Typing.")
        numbers.append(amended.id)
        return amended.measurement

    colder = change(Changes(temperature_K=290.0))
    assert (colder.value, colder.sigma, colder.temperature_K) == (-1.3, 0.1, 290.0)
    assert (colder.censoring, colder.details["note"]) == (Censoring.BELOW, "first run")
    converted = change(Changes(-1400.0, "meV/atom"))
    assert converted.value == pytest.approx(-1.4)
    assert (converted.sigma, converted.temperature_K, converted.censoring) == (0.1, 290.0, Censoring.NONE)
    assert converted.details["note"] == "first run"
    wider = change(Changes(-1400.0, "meV/atom", sigma=200.0, note="second run"))
    assert wider.sigma == pytest.approx(0.2)
    assert wider.details["note"] == "second run"
    bare = change(Changes(without=frozenset(Part)))
    assert bare.value == pytest.approx(-1.4)
    assert (bare.sigma, bare.temperature_K) == (None, None)
    assert set(bare.details) == {"correction"}
    with pytest.raises(InvalidValueError, match="The new value has no unit"):
        Changes(-1.0)
    with pytest.raises(InvalidValueError, match="'eV' is the unit of no value"):
        Changes(unit="eV")
    with pytest.raises(InvalidValueError, match="given and to be left out: sigma"):
        Changes(sigma=0.1, without=frozenset({Part.SIGMA}))


def check_a_withdrawn_answer_is_replaced(bench: Bench) -> None:
    """What comes after an answer was taken back counts, asked or unasked, once, and is charged to nobody."""
    campaign, query, first = _answered(bench)
    ledger = bench.store.ledger.rows(campaign)
    retract(bench.store, first.id, reason="Wrong sample.", worker="Ada")
    for _ in range(2):
        found = report_unasked(bench, campaign, stretched_crystal(1), -1.5)
        assert found.outcome is UnsolicitedOutcome.REPLACED
    assert found.measurement is not None
    assert taught_values(bench, campaign) == [-1.5]
    assert report_unasked(bench, campaign, stretched_crystal(1), -1.75).outcome is UnsolicitedOutcome.EVIDENCE
    assert bench.store.measurements.standing(campaign) == (found.measurement,)
    assert bench.store.ledger.rows(campaign) == ledger
    assert bench.store.queries.get(query.id).state is QueryState.DONE


def check_a_laboratory_replaces_its_withdrawn_result(bench: Bench) -> None:
    """The right one goes to the query as the wrong one did; what looks like a mistake is confirmed as ever."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1, "lab")])
    wrong = record_laboratory_result(bench.store, query.id, worker="Ada", reading=Reading(-1.3, "eV/atom"))
    with pytest.raises(ConflictError, match="was answered by Ada with another result"):
        record_laboratory_result(bench.store, query.id, worker="Ada", reading=Reading(-1.4, "eV/atom"))
    retract(bench.store, wrong.id, reason="Wrong sample.", worker="Ada")
    with pytest.raises(UnconfirmedValueError, match="unusually high"):
        record_laboratory_result(bench.store, query.id, worker="Ada", reading=Reading(5.0, "eV/atom"))
    with pytest.raises(ConflictError, match=f"was taken back before, as measurement {wrong.id}"):
        record_laboratory_result(bench.store, query.id, worker="Ada", reading=Reading(-1.3, "eV/atom"))
    for _ in range(2):
        right = record_laboratory_result(bench.store, query.id, worker="Ada", reading=Reading(-1.4, "eV/atom"))
        bench.clock.advance(60)
    assert bench.store.measurements.standing(campaign.id) == (right,)


def check_twins_get_one_answer(bench: Bench) -> None:
    """Whoever asks twice under one key gets one answer, also at the same time; another payload is refused."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1, "lab")])

    def ask(payload: int = 1, actor: str = "ada", key: str = "k") -> Answer:
        def work() -> Answer:
            record = record_laboratory_result(
                bench.store, query.id, worker=actor, reading=Reading(-1.0, "eV/atom", note=str(next(numbers)))
            )
            return Answer(201, {"id": record.id})

        return answer_once(bench.store, actor=actor, key=key, payload={"value": payload}, work=work)

    numbers = iter(range(100))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(), range(8)))
    assert answers == [answers[0]] * 8
    assert answers[0].status == 201
    assert len(bench.store.measurements.list(campaign.id, with_evidence=True)) == 1
    with pytest.raises(IdempotencyConflictError, match="'k' came with another payload"):
        ask(payload=2)
    for actor, key in (("ada", "k2"), ("bob", "k")):
        # Another request fails on its own account, and may be repeated for as long as it fails.
        for _ in range(2):
            with pytest.raises(ConflictError, match="was answered by ada with another result"):
                ask(actor=actor, key=key)
    with pytest.raises(InvalidValueError, match="idempotency key is unusable"):
        ask(key="")
    bench.clock.advance(KEPT_FOR.total_seconds())
    assert forget_old_keys(bench.store) == 0
    bench.clock.advance(1)
    assert forget_old_keys(bench.store) == 1


def check_submitted_work_is_durable_when_promised(bench: Bench) -> None:
    """What was promised is seen from another connection; a refused result harms nobody; each is charged once."""
    picks = [example_pick(number) for number in range(12)]
    campaign, _, queries = open_example(bench.store, picks)
    fences = {query.id: claim(bench.store, query).fence for query in queries}

    def record(query: QueryRecord, value: float) -> MeasurementRecord:
        measurement = example_measurement(value)
        return record_measurement(bench.store, query.id, fence=fences[query.id], measurement=measurement)

    promises = [
        bench.store.submit(lambda query=query, value=value: record(query, value))  # type: ignore[misc]
        for query in queries
        for value in (-1250.0, -1.0, -1.0)
    ]
    with open_store(bench.url) as other:
        for number, promise in enumerate(promises):
            if number % 3 == 0:
                with pytest.raises(InvalidValueError, match="implausible"):
                    promise.result()
            else:
                assert promise.result() in other.measurements.list(campaign.id)
    assert len(bench.store.measurements.list(campaign.id, with_evidence=True)) == len(picks)
    assert bench.store.ledger.balance(campaign.id).booked == pytest.approx(1.1 * len(picks))
    assert bench.store.ledger.balance(campaign.id).reserved == 0


def _answered(bench: Bench) -> tuple[int, QueryRecord, MeasurementRecord]:
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    bench.store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    fence = claim(bench.store, query).fence
    return campaign.id, query, record_measurement(bench.store, query.id, fence=fence, measurement=example_measurement())


def _amend(bench: Bench, measurement_id: int, value: float) -> MeasurementRecord:
    return record_amendment(
        bench.store, measurement_id, measurement=example_measurement(value), reason="Decimal point.", worker="Ada"
    )
