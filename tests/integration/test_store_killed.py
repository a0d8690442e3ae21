"""Any process can be killed at any statement, and many may want the same: nothing half-written, nothing paid twice."""

import itertools
import signal
from multiprocessing.context import ForkServerContext

import pytest

from domain.states import QueryState
from services.intake.testing import (
    DyingStep,
    claim,
    claim_in_race,
    create_in_race,
    die_after,
    step_fail,
    step_open,
    step_record,
)
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_example
from services.store.records import Balance

PATIENCE_S = 60


def trace(store: Store, campaign_id: int) -> tuple[object, ...]:
    """Everything that a step may leave behind, without numbers and times that differ between campaigns."""
    queries = store.queries.list(campaign_id)
    return (
        [(query.state, query.attempts, query.fence, query.worker) for query in queries],
        len(store.rounds.list(campaign_id)),
        [candidate.digest for candidate in store.candidates.list(campaign_id)],
        [record.realization for c in store.candidates.list(campaign_id) for record in store.realizations.list(c.id)],
        [(row.kind, row.amount, row.core_seconds) for row in store.ledger.rows(campaign_id)],
        [record.measurement for record in store.measurements.list(campaign_id, with_evidence=True)],
        [record.failure for record in store.failures.list(campaign_id)],
        [record.event.kind for record in store.events.list(campaign_id)],
    )


def prepare(store: Store, name: str, step: DyingStep) -> int:
    if step is step_open:
        return store.campaigns.create(example_spec(name)).id
    campaign, _, queries = open_example(store, [example_pick(1), example_pick(2, "dft")], name=name)
    claim(store, queries[0])
    return campaign.id


@pytest.mark.slow
@pytest.mark.parametrize("step", [step_open, step_record, step_fail], ids=lambda step: step.__name__)
def test_killed_at_any_statement(processes: ForkServerContext, fresh_url: str, step: DyingStep) -> None:
    with open_store(fresh_url) as store:
        undisturbed = prepare(store, "undisturbed", step)
        untouched = trace(store, undisturbed)
        step(store, "undisturbed")
        finished = trace(store, undisturbed)
        for n_statements in itertools.count():
            name = f"killed-{n_statements}"
            campaign_id = prepare(store, name, step)
            process = processes.Process(target=die_after, args=(n_statements, fresh_url, step, name))
            process.start()
            process.join(PATIENCE_S)
            if process.exitcode == 0:
                assert trace(store, campaign_id) == finished
                break
            assert process.exitcode == -signal.SIGKILL
            assert trace(store, campaign_id) == untouched
            step(store, name)
            assert trace(store, campaign_id) == finished
            step(store, name)
            assert trace(store, campaign_id) == finished
        assert n_statements > 5


def test_one_process_wins_a_claim(processes: ForkServerContext, fresh_url: str) -> None:
    with open_store(fresh_url) as store:
        _, _, (query,) = open_example(store, [example_pick(1)])
        racers = [processes.Process(target=claim_in_race, args=(fresh_url, query.id, f"host/{n}")) for n in range(6)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(PATIENCE_S)
        assert sorted(racer.exitcode for racer in racers if racer.exitcode is not None) == [0, 1, 1, 1, 1, 1]
        won = store.queries.get(query.id)
        assert (won.state, won.attempts, won.fence) == (QueryState.CLAIMED, 1, 1)
        assert won.worker == f"host/{[racer.exitcode for racer in racers].index(0)}"


def test_a_new_store_is_made_once(processes: ForkServerContext, empty_url: str) -> None:
    racers = [processes.Process(target=create_in_race, args=(empty_url, f"c{n}")) for n in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(PATIENCE_S)
    assert [racer.exitcode for racer in racers] == [0] * 6
    with open_store(empty_url) as store:
        assert sorted(record.name for record in store.campaigns.list()) == [f"c{n}" for n in range(6)]
        assert store.ledger.balance(1) == Balance(total=1000, reserved=0, booked=0)
