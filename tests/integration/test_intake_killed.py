"""Whoever records can be killed at any statement: what was acknowledged is there, nothing is half-written."""

import itertools
import signal
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from services.intake import record_measurement
from services.intake.testing import (
    DyingStep,
    claim,
    die_after,
    example_measurement,
    step_amend,
    step_report,
    submit_and_die,
)
from services.store import Store, open_store
from services.store.examples import example_pick, open_example
from services.store.records import LedgerKind

PATIENCE_S = 60


def prepare(store: Store, name: str) -> int:
    """A campaign of three claimed queries; of a fourth that was answered."""
    campaign, _, (answered, *others) = open_example(store, [example_pick(number) for number in (1, 2, 3, 4)], name=name)
    fence = claim(store, answered).fence
    record_measurement(store, answered.id, fence=fence, measurement=example_measurement())
    for query in others:
        claim(store, query)
    return campaign.id


def trace(store: Store, campaign_id: int) -> tuple[object, ...]:
    kept = store.measurements.list(campaign_id, with_evidence=True)
    return (
        [(query.state, query.fence) for query in store.queries.list(campaign_id)],
        [(row.kind, row.amount) for row in store.ledger.rows(campaign_id)],
        [record.measurement.value for record in kept],
        [record.measurement.value for record in store.material_values.list(campaign_id)],
        [record.event.kind for record in store.events.list(campaign_id)],
        [(look.fidelity, look.value) for look in store.measurements.observations(campaign_id)],
    )


def steps_of(store: Store, campaign_id: int) -> tuple[int, int]:
    """How far `step_report` has come: it is two results, each of them whole or not there."""
    return len(store.measurements.list(campaign_id)), len(store.material_values.list(campaign_id))


@pytest.mark.slow
@pytest.mark.parametrize("step", [step_amend, step_report], ids=lambda step: step.__name__)
def test_corrections_are_whole_wherever_they_are_killed(
    processes: ForkServerContext, fresh_url: str, step: DyingStep
) -> None:
    with open_store(fresh_url) as store:
        undisturbed = prepare(store, "undisturbed")
        wholes = {steps_of(store, undisturbed)}
        step(store, "undisturbed")
        finished = trace(store, undisturbed)
        wholes |= {steps_of(store, undisturbed), (steps_of(store, undisturbed)[0], 0)}
        for n_statements in itertools.count():
            name = f"killed-{n_statements}"
            campaign_id = prepare(store, name)
            process = processes.Process(target=die_after, args=(n_statements, fresh_url, step, name))
            process.start()
            process.join(PATIENCE_S)
            assert steps_of(store, campaign_id) in wholes
            step(store, name)
            assert trace(store, campaign_id) == finished
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
        assert n_statements > 5


@pytest.mark.slow
def test_what_the_writer_acknowledged_is_there_wherever_it_is_killed(
    processes: ForkServerContext, fresh_url: str, tmp_path: Path
) -> None:
    with open_store(fresh_url) as store:
        for n_statements in itertools.count():
            name = f"killed-{n_statements}"
            campaign_id = prepare(store, name)
            told = tmp_path / name
            process = processes.Process(target=submit_and_die, args=(n_statements, fresh_url, name, str(told)))
            process.start()
            process.join(PATIENCE_S)
            acknowledged = {int(line) for line in told.read_text(encoding="utf-8").split()}
            kept = [record.query_id for record in store.measurements.list(campaign_id)]
            assert acknowledged <= set(kept)
            assert len(kept) == len(set(kept))
            booked = [row.query_id for row in store.ledger.rows(campaign_id) if row.kind is LedgerKind.BOOK]
            assert sorted(booked) == sorted(kept)
            if process.exitcode == 0:
                assert len(kept) == 4
                break
            assert process.exitcode == -signal.SIGKILL
        assert n_statements > 10
