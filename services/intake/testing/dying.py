"""Steps that kill themselves half-way, and steps that several processes want to take at the same time."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Engine, event

from domain.blueprint import Realization
from domain.measurement import FailureKind, Measurement
from domain.states import QueryState
from services.intake import Findings, record_amendment, record_failure, record_measurement, record_unsolicited
from services.intake.testing.examples import example_failure, example_measurement
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_round

DyingStep: TypeAlias = Callable[[Store, str], None]
"""A step on the campaign of that name."""


def step_open(store: Store, campaign: str) -> None:
    """Opens the campaign's first round."""
    open_round(store, store.campaigns.get(campaign).id, 0, [example_pick(1), example_pick(2, "dft")])


def step_record(store: Store, campaign: str) -> None:
    """Answers the campaign's first query under its first claim."""
    (query, _) = store.queries.list(store.campaigns.get(campaign).id)
    (candidate, _) = store.candidates.list(query.campaign_id)
    sites = Realization(candidate.digest, "data_x\n", "pyxtal", 7, None, None, is_relaxed=False)
    record_measurement(store, query.id, fence=1, measurement=example_measurement(), found=Findings((sites,)))


def step_fail(store: Store, campaign: str) -> None:
    """Fails the campaign's first query for good under its first claim."""
    (query, _) = store.queries.list(store.campaigns.get(campaign).id)
    record_failure(store, query.id, fence=1, failure=example_failure(FailureKind.PERMANENT))


def step_amend(store: Store, campaign: str) -> None:
    """Corrects the campaign's first measurement."""
    (first, *_) = store.measurements.list(store.campaigns.get(campaign).id)
    measurement = example_measurement(-1.5)
    record_amendment(store, first.id, measurement=measurement, reason="Decimal point.", worker="Ada")


def step_report(store: Store, campaign: str) -> None:
    """Reports a dft value of the campaign's first candidate and a value of a crystal that it does not know."""
    campaign_id = store.campaigns.get(campaign).id
    for number, fidelity in ((1, "dft"), (900, "static")):
        blueprint, measurement = example_pick(number).blueprint, example_measurement(-number / 1000)
        record_unsolicited(store, campaign_id, fidelity=fidelity, measurement=measurement, about=blueprint)


def submit_and_die(n_statements: int, url: str, campaign: str, told: str) -> None:
    """Answers every claimed query of a campaign through the store's writer, and kills itself after so many statements.

    Each answer that is acknowledged is a line of the file `told` at once. For a process of its own, which ends normally
    if there are fewer statements.
    """
    with open_store(url) as store, Path(told).open("a", encoding="utf-8", buffering=1) as acknowledged:
        claimed = store.queries.list(store.campaigns.get(campaign).id, states=[QueryState.CLAIMED])
        _die_after(n_statements)
        for query in claimed:
            promise = store.submit(partial(record_measurement, store, query.id, fence=1, measurement=_answer(query.id)))
            promise.add_done_callback(lambda kept: acknowledged.write(f"{kept.result().query_id}\n"))


def _answer(query_id: int) -> Measurement:
    return example_measurement(-query_id / 1000)


def die_after(n_statements: int, url: str, step: DyingStep, campaign: str) -> None:
    """Takes a step and kills itself with SIGKILL after so many statements of it, a commit being one of them.

    For a process of its own, which ends normally if the step has fewer statements.
    """
    with open_store(url) as store:
        _die_after(n_statements)
        step(store, campaign)


def claim_in_race(url: str, query_id: int, worker: str) -> None:
    """Claims a query and tells by its exit status whether it won: 0, or 1. For a process of its own."""
    with open_store(url) as store:
        won = store.queries.claim(query_id, worker=worker, lease_s=60)
    raise SystemExit(0 if won else 1)


def create_in_race(url: str, campaign: str) -> None:
    """Opens a store that may not exist yet and creates a campaign in it. For a process of its own."""
    with open_store(url) as store:
        store.campaigns.create(example_spec(campaign))


def _die_after(n_statements: int) -> None:
    """From now on kills this process after so many statements, a commit being one of them."""
    left = n_statements

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
