"""What becomes of answers, as checks for every database."""

from dataclasses import replace

import pytest

from domain.blueprint import Realization
from domain.errors import ConflictError, IllegalTransitionError, InvalidValueError, NotFoundError
from domain.measurement import Censoring, FailureKind
from domain.states import CampaignState, QueryState
from services.intake import Findings, Reading, record_failure, record_laboratory_result, record_measurement
from services.intake.testing.examples import claim, example_failure, example_measurement
from services.store.examples import Bench, example_pick, open_example


def check_measurement_is_booked_once(bench: Bench) -> None:
    """An answer ends the query and books its declared cost, with the measured one beside; again is harmless."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    fence = claim(bench.store, query).fence
    bench.clock.advance(5)
    record = record_measurement(bench.store, query.id, fence=fence, measurement=example_measurement())
    assert record.measurement == example_measurement()
    assert (record.recorded_at, record.is_evidence, record.supersedes) == (bench.clock(), False, None)
    done = bench.store.queries.get(query.id)
    assert (done.state, done.finished_at, done.lease_until) == (QueryState.DONE, bench.clock(), None)
    before = bench.store.ledger.rows(campaign.id)
    assert [(row.kind.value, row.amount, row.core_seconds, row.money) for row in before] == [
        ("reserve", 1.1, None, None),
        ("release", 1.1, None, None),
        ("book", 1.1, 3.5, 0.01),
    ]
    bench.clock.advance(5)
    assert record_measurement(bench.store, query.id, fence=fence, measurement=example_measurement()) == record
    assert bench.store.ledger.rows(campaign.id) == before
    balance = bench.store.ledger.balance(campaign.id)
    assert (balance.reserved, balance.booked) == (0.0, 1.1)
    with pytest.raises(ConflictError, match="answered with another payload"):
        record_measurement(bench.store, query.id, fence=fence, measurement=example_measurement(-2))
    with pytest.raises(ConflictError, match="answered with another payload"):
        record_failure(bench.store, query.id, fence=fence, failure=example_failure())
    assert bench.store.measurements.list(campaign.id) == (record,)


def check_answers_start_no_campaign(bench: Bench) -> None:
    """What comes before anybody has started a campaign is kept, and spends no money; afterwards it wakes it."""
    campaigns, now = bench.store.campaigns, bench.clock()
    campaign, _, queries = open_example(bench.store, [example_pick(number) for number in range(3)])
    claims = [(query.id, claim(bench.store, query).fence) for query in queries]
    record_measurement(bench.store, claims[0][0], fence=claims[0][1], measurement=example_measurement())
    failure = example_failure(FailureKind.PERMANENT)
    record_failure(bench.store, claims[1][0], fence=claims[1][1], failure=failure)
    assert campaigns.by_id(campaign.id).state is CampaignState.READY
    assert campaigns.waking(now) == ()
    campaigns.wake(campaign.id)
    assert campaigns.waking(now) == (campaigns.by_id(campaign.id),), "somebody has started it"
    assert campaigns.take_wake(campaign.id, now)
    campaigns.set_state(campaign.id, CampaignState.RUNNING)
    record_measurement(bench.store, claims[2][0], fence=claims[2][1], measurement=example_measurement())
    assert campaigns.by_id(campaign.id).wake_at == now


def check_units_are_converted(bench: Bench) -> None:
    """Value and deviation arrive in the quantity's unit; what was handed in stays known; strange units are refused."""
    _, _, (query,) = open_example(bench.store, [example_pick(1)])
    fence = claim(bench.store, query).fence
    for unit, problem in (
        ("eV", "does not measure formation_energy; eV/atom was expected"),
        ("kJ/mol", "does not measure formation_energy; eV/atom was expected"),
        ("parsnips", "is not a known unit; eV/atom was expected"),
        ("9**9**9**9", "is not a known unit"),
        ("", "is not a known unit"),
    ):
        with pytest.raises(InvalidValueError, match=problem):
            record_measurement(bench.store, query.id, fence=fence, measurement=example_measurement(unit=unit))
    with pytest.raises(InvalidValueError, match=r"formation_energy of -1250\.0 eV/atom is implausible"):
        record_measurement(bench.store, query.id, fence=fence, measurement=example_measurement(-1250))
    assert bench.store.queries.get(query.id).state is QueryState.CLAIMED
    handed_in = replace(example_measurement(-1250, "meV/atom"), sigma=20.0)
    record = record_measurement(bench.store, query.id, fence=fence, measurement=handed_in)
    assert record.measurement.value == pytest.approx(-1.25, rel=1e-12)
    assert record.measurement.sigma == pytest.approx(0.02, rel=1e-12)
    assert record.measurement.unit == "eV/atom"
    assert (record.reported_value, record.reported_unit) == (-1250, "meV/atom")
    assert record_measurement(bench.store, query.id, fence=fence, measurement=handed_in) == record


def check_late_answers_are_evidence(bench: Bench) -> None:
    """What comes after the claim was lost is kept, charged to nobody and never learned from."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    stale = claim(bench.store, query, "slow").fence
    bench.clock.advance(61)
    bench.store.queries.requeue_lapsed(bench.clock())
    late = record_measurement(bench.store, query.id, fence=stale, measurement=example_measurement())
    assert late.is_evidence
    fence = claim(bench.store, query, "fast").fence
    assert record_failure(bench.store, query.id, fence=stale, failure=example_failure()).state is QueryState.CLAIMED
    assert bench.store.ledger.balance(campaign.id).booked == 0
    assert bench.store.measurements.observations(campaign.id) == ()
    assert bench.store.measurements.list(campaign.id) == ()
    # The same payload under a claim that holds does count.
    counted = record_measurement(bench.store, query.id, fence=fence, measurement=example_measurement())
    assert not counted.is_evidence
    assert bench.store.measurements.list(campaign.id, with_evidence=True) == (late, counted)
    assert [failure.is_evidence for failure in bench.store.failures.list(campaign.id)] == [True]
    assert bench.store.ledger.balance(campaign.id).booked == 1.1
    bench.clock.advance(1)
    assert record_measurement(bench.store, query.id, fence=stale, measurement=example_measurement(-2)).is_evidence
    with pytest.raises(ConflictError, match="never handed out fence 3; its newest is 2"):
        record_measurement(bench.store, query.id, fence=3, measurement=example_measurement())
    with pytest.raises(NotFoundError, match="no query number 99"):
        record_measurement(bench.store, 99, fence=1, measurement=example_measurement())


def check_lost_workers_use_attempts_up(bench: Bench) -> None:
    """A query whose workers are lost is given up like one that fails; a laboratory's is always asked again."""
    campaign, _, (deadly, slow) = open_example(bench.store, [example_pick(1), example_pick(2, "lab")])
    record_failure(bench.store, deadly.id, fence=claim(bench.store, deadly).fence, failure=example_failure())
    lost = claim(bench.store, deadly, "host/2").fence
    for _ in range(3):
        claim(bench.store, slow, "Ada")
        bench.clock.advance(61)
        bench.store.queries.requeue_lapsed(bench.clock())
    assert bench.store.queries.get(slow.id).state is QueryState.QUEUED
    given_up = bench.store.queries.get(deadly.id)
    assert (given_up.state, given_up.attempts) == (QueryState.FAILED, 2)
    balance = bench.store.ledger.balance(campaign.id)
    assert (balance.reserved, balance.booked) == (200.7, 1.1)
    # What the lost worker says when it comes back is evidence, be it a value or why there is none.
    failed = example_failure(reason="The machine was switched off.")
    assert record_failure(bench.store, deadly.id, fence=lost, failure=failed) == given_up
    assert record_measurement(bench.store, deadly.id, fence=lost, measurement=example_measurement()).is_evidence
    assert bench.store.ledger.balance(campaign.id) == balance
    told = [
        (found.failure.reason, found.is_final, found.is_evidence) for found in bench.store.failures.list(campaign.id)
    ]
    assert told == [
        ("It ran out of memory.", False, False),
        ("Its worker was lost once, the last one was host/2.", True, False),
        ("The machine was switched off.", False, True),
    ]


def check_cancelled_query_takes_evidence_only(bench: Bench) -> None:
    """An answer to a cancelled query costs nothing."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    fence = claim(bench.store, query).fence
    bench.store.queries.cancel(query.id)
    assert record_measurement(bench.store, query.id, fence=fence, measurement=example_measurement()).is_evidence
    assert bench.store.ledger.balance(campaign.id).left == 1000


def check_transient_failure_is_repeated(bench: Bench) -> None:
    """A transient failure goes back to the queue, unbooked, until its attempts are spent; then it is booked, once."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1, "dft")])
    for attempt in (1, 2):
        fence = claim(bench.store, query).fence
        after = record_failure(bench.store, query.id, fence=fence, failure=example_failure())
        assert (after.state, after.attempts, after.worker) == (QueryState.QUEUED, attempt, None)
        assert record_failure(bench.store, query.id, fence=fence, failure=example_failure()) == after
        with pytest.raises(ConflictError, match="answered with another payload"):
            record_failure(bench.store, query.id, fence=fence, failure=example_failure(reason="Another."))
        assert bench.store.ledger.balance(campaign.id).booked == 0
    fence = claim(bench.store, query).fence
    after = record_failure(bench.store, query.id, fence=fence, failure=example_failure())
    assert after.state is QueryState.FAILED
    assert record_failure(bench.store, query.id, fence=fence, failure=example_failure()) == after
    balance = bench.store.ledger.balance(campaign.id)
    assert (balance.reserved, balance.booked) == (0.0, 50.3)
    kept = bench.store.failures.list(campaign.id)
    assert [(record.attempt, record.is_final, record.failure) for record in kept] == [
        (1, False, example_failure()),
        (2, False, example_failure()),
        (3, True, example_failure()),
    ]
    assert bench.store.measurements.pending(campaign.id) == ()
    with pytest.raises(IllegalTransitionError, match="failed cannot become cancelled"):
        bench.store.queries.cancel(query.id)
    assert bench.store.ledger.balance(campaign.id) == balance


def check_permanent_failure_is_final(bench: Bench) -> None:
    """What would fail again is not repeated; a crystal that was refused unseen costs nothing."""
    campaign, _, queries = open_example(bench.store, [example_pick(1), example_pick(2)])
    for query, kind in zip(queries, (FailureKind.PERMANENT, FailureKind.REJECTED), strict=True):
        fence = claim(bench.store, query).fence
        failed = record_failure(bench.store, query.id, fence=fence, failure=example_failure(kind))
        assert failed.state is QueryState.FAILED
    assert bench.store.ledger.balance(campaign.id).booked == pytest.approx(1.1)
    assert bench.store.ledger.balance(campaign.id).reserved == pytest.approx(0)


def check_any_last_words_are_kept(bench: Bench) -> None:
    """A crashed program's last words never get in the way of recording the crash."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    fence = claim(bench.store, query).fence
    failure = replace(
        example_failure(reason="bytes \0 and \udcff"), details={"energy": float("nan"), "tail": ["\0", "\ud800"]}
    )
    for _ in range(2):
        record_failure(bench.store, query.id, fence=fence, failure=failure)
    (kept,) = bench.store.failures.list(campaign.id)
    assert kept.failure.reason == "bytes \N{REPLACEMENT CHARACTER} and ?"
    assert kept.failure.details == {"energy": "nan", "tail": ["\N{REPLACEMENT CHARACTER}", "?"]}


def check_sites_come_with_their_measurement(bench: Bench) -> None:
    """Sites are kept with the number; a number about sites that nobody handed in cannot be traced and is refused."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    fence = claim(bench.store, query).fence
    (candidate,) = bench.store.candidates.list(campaign.id)
    sites = Realization(candidate.digest, "data_x\n", "pyxtal", 7, -3.5, "chgnet 0.4", is_relaxed=True)
    measurement = example_measurement()
    provenance = replace(measurement.provenance, realization_digest=sites.digest)
    measurement = replace(measurement, provenance=provenance)
    with pytest.raises(InvalidValueError, match=r"names sites .* that nobody handed in"):
        record_measurement(bench.store, query.id, fence=fence, measurement=measurement)
    stranger = replace(sites, blueprint_digest="0" * 64)
    mixed = Findings((sites, stranger))
    with pytest.raises(InvalidValueError, match="was handed in for candidate"):
        record_measurement(bench.store, query.id, fence=fence, measurement=measurement, found=mixed)
    assert bench.store.realizations.list(candidate.id) == ()
    record_measurement(bench.store, query.id, fence=fence, measurement=measurement, found=Findings((sites,)))
    assert [record.realization for record in bench.store.realizations.list(candidate.id)] == [sites]


def check_order_of_answers_does_not_matter(bench: Bench) -> None:
    """Two campaigns with the same answers in another order teach the surrogate the same."""
    picks = [example_pick(number, fidelity) for number in (3, 1, 2) for fidelity in ("static", "dft")]
    taught = []
    for name, step in (("forwards", 1), ("backwards", -1)):
        campaign, _, queries = open_example(bench.store, picks, name=name)
        numbered = list(enumerate(queries))
        for number, query in numbered[::step]:
            fence = claim(bench.store, query).fence
            answer = replace(example_measurement(-number / 10), censoring=Censoring.ABOVE, temperature_K=300.0)
            record_measurement(bench.store, query.id, fence=fence, measurement=answer)
        taught.append(bench.store.measurements.observations(campaign.id))
    assert taught[0] == taught[1]
    assert sorted(look.value for look in taught[0]) == [-0.5, -0.4, -0.3, -0.2, -0.1, 0.0]
    keys = [(look.blueprint.digest, look.fidelity) for look in taught[0]]
    assert keys == sorted(keys)


def check_laboratory_result(bench: Bench) -> None:
    """People hand in without a claim; a typing error leaves the query in the queue; twice is once."""
    campaign, _, (query, other) = open_example(bench.store, [example_pick(1, "lab"), example_pick(2, "lab")])
    with pytest.raises(InvalidValueError, match="eV/atom was expected"):
        record_laboratory_result(bench.store, query.id, worker="Zoë", reading=Reading(-1.3, "eV"))
    assert bench.store.queries.get(query.id).state is QueryState.QUEUED

    def submit(value: float = -1300.0, worker: str = "Zoë") -> float:
        reading = Reading(value, "meV/atom", sigma=30.0, note="calorimetry")
        record = record_laboratory_result(bench.store, query.id, worker=worker, reading=reading)
        assert record.measurement.provenance.oracle == "laboratory"
        assert record.measurement.details == {"note": "calorimetry"}
        return record.measurement.value

    assert submit() == pytest.approx(-1.3)
    bench.clock.advance(3600)
    assert submit() == pytest.approx(-1.3)
    with pytest.raises(ConflictError, match="was answered by Zoë with another result"):
        submit(-1200.0)
    assert len(bench.store.measurements.list(campaign.id)) == 1
    assert bench.store.ledger.balance(campaign.id).booked == 200.7
    claim(bench.store, other, "Yves")
    with pytest.raises(ConflictError, match="is held by Yves"):
        record_laboratory_result(bench.store, other.id, worker="Zoë", reading=Reading(-1.3, "eV/atom"))
