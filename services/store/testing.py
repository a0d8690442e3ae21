"""The contract of a store as checks that any database behind it must pass.

A test hands each of `STORE_CHECKS` a `Bench`: a fresh store and the clock that it lives by.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final, TypeAlias

import pytest

from domain.blueprint import Realization
from domain.errors import BudgetTooSmallError, ConflictError, IllegalTransitionError, InvalidValueError, NotFoundError
from domain.events import Event, EventKind
from domain.measurement import Failure, FailureKind
from domain.states import CampaignState, QueryState, RoundState
from services.store import open_store
from services.store.examples import Bench, example_pick, example_spec, open_example, open_round
from services.store.query_steps import MOST_RESTARTS
from services.store.records import LedgerKind
from services.store.results import append_failure


def check_campaign_is_kept(bench: Bench) -> None:
    """What goes in comes out, in another connection too; the same spec again is the same campaign."""
    created = bench.store.campaigns.create(example_spec())
    assert created.state is CampaignState.READY
    assert created.created_at == bench.clock()
    assert created.created_at.utcoffset() == timedelta(0)
    assert bench.store.campaigns.create(example_spec()) == created
    with open_store(bench.url) as again:
        assert again.campaigns.get("example") == created
        assert again.campaigns.list() == (created,)
        assert again.campaigns.get("example").spec == example_spec()


def check_other_spec_is_refused(bench: Bench) -> None:
    """A name is one spec's; the error names the fields that differ."""
    bench.store.campaigns.create(example_spec())
    with pytest.raises(ConflictError, match="another budget"):
        bench.store.campaigns.create(example_spec(total=2000.0))


def check_unknown_names_are_refused(bench: Bench) -> None:
    """Close names are offered."""
    bench.store.campaigns.create(example_spec())
    with pytest.raises(NotFoundError, match="Did you mean example"):
        bench.store.campaigns.get("exampel")
    for refused in (
        lambda: bench.store.campaigns.by_id(99),
        lambda: bench.store.rounds.get(99),
        lambda: bench.store.candidates.get(99),
        lambda: bench.store.queries.get(99),
        lambda: bench.store.queries.claim(99, worker="w", lease_s=1),
        lambda: bench.store.realizations.add(99, ()),
        lambda: bench.store.ledger.balance(99),
    ):
        with pytest.raises(NotFoundError, match="number 99"):
            refused()


def check_campaign_states(bench: Bench) -> None:
    """States follow their machine; each step leaves one event."""
    campaign = bench.store.campaigns.create(example_spec())
    bench.clock.advance(5)
    running = bench.store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    assert running.updated_at == bench.clock() > running.created_at
    assert bench.store.campaigns.set_state(campaign.id, CampaignState.RUNNING) == running
    bench.store.campaigns.set_state(campaign.id, CampaignState.COMPLETED, reason="all rounds are over")
    with pytest.raises(IllegalTransitionError, match="cannot become running"):
        bench.store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    steps = [record.event for record in bench.store.events.list(campaign.id)]
    assert [event.kind for event in steps].count(EventKind.CAMPAIGN_STATE) == 2
    assert steps[-1].payload == {"before": "running", "after": "completed", "reason": "all rounds are over"}


def check_runner_lease(bench: Bench) -> None:
    """One process drives a campaign: until it lets go, its lease lapses, or it is known to be dead."""
    campaigns = bench.store.campaigns
    campaign_id = campaigns.create(example_spec()).id
    assert campaigns.runner(campaign_id) is None
    assert campaigns.acquire_runner(campaign_id, "host/1", 60)
    assert not campaigns.acquire_runner(campaign_id, "host/2", 60)
    assert campaigns.acquire_runner(campaign_id, "host/1", 60)
    bench.clock.advance(30)
    assert campaigns.renew_runner(campaign_id, "host/1", 60)
    assert not campaigns.renew_runner(campaign_id, "host/2", 60)
    bench.clock.advance(50)
    lease = campaigns.runner(campaign_id)
    assert lease is not None
    assert lease.holder == "host/1"
    assert lease.until == bench.clock() + timedelta(seconds=10)
    bench.clock.advance(10)
    assert campaigns.runner(campaign_id) is None
    assert campaigns.acquire_runner(campaign_id, "host/2", 60)
    assert not campaigns.release_runner(campaign_id, "host/1")
    assert campaigns.release_runner(campaign_id, "host/2")
    assert campaigns.acquire_runner(campaign_id, "host/3", 60)
    assert campaigns.release_runner(campaign_id, "host/3")
    assert campaigns.runner(campaign_id) is None


def check_round_opens_once(bench: Bench) -> None:
    """A round brings its candidates, queries, reservations and event, once, whatever is picked the second time."""
    picks = [example_pick(1), example_pick(1, "dft"), example_pick(2)]
    campaign, opened, queries = open_example(bench.store, picks)
    assert (opened.index, opened.state, opened.notes) == (0, RoundState.OPEN, {"r2": 0.9})
    candidates = bench.store.candidates.list(campaign.id)
    assert [candidate.blueprint for candidate in candidates] == [picks[0].blueprint, picks[2].blueprint]
    assert [candidate.digest for candidate in candidates] == [picks[0].blueprint.digest, picks[2].blueprint.digest]
    assert [candidate.log_probability for candidate in candidates] == [-1.0, -2.0]
    assert bench.store.candidates.get(candidates[1].id) == candidates[1]
    assert [(q.candidate_id, q.fidelity, q.decision) for q in queries] == [
        (candidates[0].id, "static", picks[0].decision),
        (candidates[0].id, "dft", picks[1].decision),
        (candidates[1].id, "static", picks[2].decision),
    ]
    assert {q.state for q in queries} == {QueryState.QUEUED}
    assert [row.kind for row in bench.store.ledger.rows(campaign.id)] == [LedgerKind.RESERVE] * 3
    assert bench.store.ledger.balance(campaign.id).reserved == pytest.approx(52.5)
    assert bench.store.ledger.balance(campaign.id).left == pytest.approx(947.5)
    before = bench.store.events.list(campaign.id)
    assert open_round(bench.store, campaign.id, 0, [example_pick(7)]) == opened
    assert bench.store.queries.list(campaign.id) == queries
    assert bench.store.events.list(campaign.id) == before
    assert bench.store.rounds.get(opened.id) == bench.store.rounds.latest(campaign.id) == opened
    assert {(look.blueprint, look.fidelity) for look in bench.store.measurements.pending(campaign.id)} == {
        (pick.blueprint, pick.fidelity) for pick in picks
    }


def check_refused_round_leaves_nothing(bench: Bench) -> None:
    """A round that cannot be paid, repeats a look, skips a number or names a strange fidelity leaves no trace."""
    campaign, _, _ = open_example(bench.store, [example_pick(1)])
    before = (bench.store.events.list(campaign.id), bench.store.ledger.rows(campaign.id))
    fresh = example_pick(2)
    with pytest.raises(BudgetTooSmallError, match=r"would cost 1004\.6 .* 998\.9 are left"):
        open_round(bench.store, campaign.id, 1, [fresh, *(example_pick(n, "lab") for n in range(3, 8))])
    with pytest.raises(ConflictError, match="at fidelity 'static' before"):
        open_round(bench.store, campaign.id, 1, [fresh, example_pick(1)])
    with pytest.raises(ConflictError, match="at fidelity 'static' before"):
        open_round(bench.store, campaign.id, 1, [fresh, fresh])
    with pytest.raises(ConflictError, match="cannot open round_index 2; its last one is 0"):
        open_round(bench.store, campaign.id, 2, [fresh])
    with pytest.raises(InvalidValueError, match="no fidelity 'guess'"):
        open_round(bench.store, campaign.id, 1, [fresh, example_pick(3, "guess")])
    bench.store.campaigns.set_state(campaign.id, CampaignState.STOPPED)
    with pytest.raises(ConflictError, match="is stopped and takes no more rounds"):
        open_round(bench.store, campaign.id, 1, [fresh])
    assert bench.store.events.list(campaign.id)[:-1] == before[0]
    assert bench.store.ledger.rows(campaign.id) == before[1]
    assert len(bench.store.candidates.list(campaign.id)) == len(bench.store.rounds.list(campaign.id)) == 1


def check_budget_can_be_spent_to_the_last(bench: Bench) -> None:
    """Rounding never refuses what the budget exactly pays for."""
    campaign = bench.store.campaigns.create(example_spec(total=1.1 * 30))
    for index in range(10):
        open_round(bench.store, campaign.id, index, [example_pick(3 * index + n) for n in range(3)])
    assert bench.store.ledger.balance(campaign.id).left == pytest.approx(0, abs=1e-9)
    with pytest.raises(BudgetTooSmallError, match="Choose fewer or cheaper looks"):
        open_round(bench.store, campaign.id, 10, [example_pick(99)])


def check_round_closes_once(bench: Bench) -> None:
    """A round closes when its computed queries are over; laboratory queries ride along."""
    campaign, opened, (static, lab) = open_example(bench.store, [example_pick(1), example_pick(2, "lab")])
    riding_along = frozenset({"lab"})
    with pytest.raises(ConflictError, match=r"1 of its queries are open \(static\)"):
        bench.store.rounds.close(opened.id, notes={}, riding_along=riding_along)
    bench.store.queries.cancel(static.id)
    with pytest.raises(ConflictError, match=r"\(lab\)"):
        bench.store.rounds.close(opened.id, notes={})
    with pytest.raises(ConflictError, match="still open"):
        bench.store.rounds.summarise(opened.id, notes={})
    closed = bench.store.rounds.close(opened.id, notes={"best": -1.5}, riding_along=riding_along)
    assert (closed.state, closed.closing_notes, closed.notes) == (RoundState.CLOSED, {"best": -1.5}, {"r2": 0.9})
    assert bench.store.rounds.close(opened.id, notes={"best": 0}) == closed
    assert bench.store.rounds.summarise(opened.id, notes={"best": -2}).closing_notes == {"best": -2}
    assert bench.store.queries.get(lab.id).state is QueryState.QUEUED
    assert [record.id for record in bench.store.rounds.list(campaign.id)] == [closed.id]
    assert tuple(bench.store.rounds.every(campaign.id)) == (bench.store.rounds.at(campaign.id, closed.index),)


def check_claim_belongs_to_one(bench: Bench) -> None:
    """A claim has one owner, a fence that grows and a lease that a heartbeat extends."""
    queries = bench.store.queries
    _, _, (query,) = open_example(bench.store, [example_pick(1)])
    claimed = queries.claim(query.id, worker="ann", lease_s=60)
    assert claimed is not None
    assert (claimed.state, claimed.worker, claimed.attempts, claimed.fence) == (QueryState.CLAIMED, "ann", 1, 1)
    assert queries.claim(query.id, worker="bob", lease_s=60) is None
    bench.clock.advance(30)
    again = queries.claim(query.id, worker="ann", lease_s=60)
    assert again is not None
    assert (again.fence, again.attempts) == (1, 1)
    assert again.lease_until == bench.clock() + timedelta(seconds=60)
    assert queries.heartbeat(query.id, 1, 90)
    assert not queries.heartbeat(query.id, 2, 90)
    assert queries.get(query.id).lease_until == bench.clock() + timedelta(seconds=90)


def check_looks_that_take_their_process_down_end(bench: Bench) -> None:
    """A query under way whenever the campaign's process is killed fails for good, charged once; others go on."""
    queries = bench.store.queries
    campaign, _, (culprit, other) = open_example(bench.store, [example_pick(1), example_pick(2)])
    queries.claim(other.id, worker="runner:a", lease_s=60)
    for n_before in range(MOST_RESTARTS):
        assert queries.get(culprit.id).state is QueryState.QUEUED, n_before
        queries.claim(culprit.id, worker="runner:b", lease_s=60)
        queries.requeue_held_by(campaign.id, "runner:")
    assert queries.lost(campaign.id) == {culprit.id, other.id}
    assert queries.get(other.id).state is QueryState.QUEUED
    assert queries.get(culprit.id).state is QueryState.FAILED
    (failed,) = bench.store.failures.list(campaign.id)
    assert failed.failure.kind is FailureKind.PERMANENT
    assert f"was gone {MOST_RESTARTS} times" in failed.failure.reason
    assert bench.store.ledger.balance(campaign.id).booked == culprit.declared.amount


def check_only_workers_that_are_gone_count_as_lost(bench: Bench) -> None:
    """Who is known to live, and who answers late, was not taken down by the look."""
    queries = bench.store.queries
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    for _ in range(MOST_RESTARTS):
        queries.claim(query.id, worker="runner:a", lease_s=60)
        queries.requeue_held_by(campaign.id, "runner:", is_alive=lambda worker: worker == "runner:a")
    assert queries.lost(campaign.id) == frozenset()
    slow = queries.claim(query.id, worker="runner:b", lease_s=60)
    assert slow is not None
    for _ in range(MOST_RESTARTS - 1):
        queries.requeue_held_by(campaign.id, "runner:")
        queries.claim(query.id, worker="runner:c", lease_s=60)
    assert queries.lost(campaign.id) == {query.id}
    late = Failure(FailureKind.TRANSIENT, "The line was cut.", "runner:b", query.declared, bench.clock())
    with bench.store.writing() as connection:
        append_failure(
            connection, query, late, key=(slow.fence, "late"), is_final=False, is_evidence=True, at=bench.clock()
        )
    queries.requeue_held_by(campaign.id, "runner:")
    assert queries.get(query.id).state is QueryState.QUEUED, "one of five was late, not lost"
    queries.claim(query.id, worker="runner:c", lease_s=60)
    queries.requeue_held_by(campaign.id, "runner:")
    assert queries.get(query.id).state is QueryState.FAILED


def check_claims_are_given_back(bench: Bench) -> None:
    """Given back by its worker or for a dead one: no attempt. Lapsed: an attempt. The old fence is worth nothing."""
    queries = bench.store.queries
    campaign, _, (first, second) = open_example(bench.store, [example_pick(1), example_pick(2)])
    queries.claim(first.id, worker="host/1/a", lease_s=60)
    queries.claim(second.id, worker="host/12/a", lease_s=120)
    assert not queries.release(first.id, 2)
    assert queries.release(first.id, 1)
    assert not queries.release(first.id, 1)
    assert not queries.heartbeat(first.id, 1, 60)
    assert (queries.get(first.id).state, queries.get(first.id).attempts) == (QueryState.QUEUED, 0)

    reclaimed = queries.claim(first.id, worker="host/1/a", lease_s=60)
    assert reclaimed is not None
    assert (reclaimed.fence, reclaimed.attempts) == (2, 1)
    assert queries.requeue_held_by(campaign.id, "host/1/") == 1
    assert queries.get(first.id).attempts == 0
    assert queries.get(second.id).state is QueryState.CLAIMED

    bench.clock.advance(119)
    assert queries.requeue_lapsed(bench.clock()) == 0
    bench.clock.advance(1)
    assert queries.requeue_lapsed(bench.clock()) == 1
    lapsed = queries.get(second.id)
    assert (lapsed.state, lapsed.attempts, lapsed.worker, lapsed.lease_until) == (QueryState.QUEUED, 1, None, None)


def check_queries_are_listed(bench: Bench) -> None:
    """Narrowed down by state, fidelity and round; page by page as well."""
    picks = [example_pick(1, "dft"), example_pick(2), example_pick(3)]
    campaign, _, queries = open_example(bench.store, picks)
    bench.store.queries.claim(queries[1].id, worker="ann", lease_s=60)
    store = bench.store.queries
    assert store.list(campaign.id, states=[QueryState.QUEUED]) == (queries[0], queries[2])
    assert store.list(campaign.id, fidelity="dft") == queries[:1]
    assert store.list(campaign.id, round_index=1) == ()
    assert store.list_page(campaign.id, limit=1) == queries[:1]
    assert store.list_page(campaign.id, after_id=queries[0].id, states=[QueryState.QUEUED]) == queries[2:]
    assert store.list_page(campaign.id, after_id=queries[0].id, fidelity="dft", round_index=0) == ()


def check_cancelled_query_is_free(bench: Bench) -> None:
    """Cancelling releases the reservation, once."""
    campaign, _, (first, second) = open_example(bench.store, [example_pick(1), example_pick(2)])
    bench.store.queries.claim(first.id, worker="ann", lease_s=60)
    for query in (first, second, first):
        assert bench.store.queries.cancel(query.id).state is QueryState.CANCELLED
    balance = bench.store.ledger.balance(campaign.id)
    assert (balance.reserved, balance.booked, balance.left) == (0, 0, 1000)
    assert [row.kind.value for row in bench.store.ledger.rows(campaign.id)] == ["reserve"] * 2 + ["release"] * 2
    assert bench.store.queries.claim(first.id, worker="ann", lease_s=60) is None
    assert bench.store.measurements.pending(campaign.id) == ()


def check_threads_race_for_a_claim(bench: Bench) -> None:
    """Of many threads that want a query, one gets it."""
    _, _, (query,) = open_example(bench.store, [example_pick(1)])
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: bench.store.queries.claim(query.id, worker=f"w{n}", lease_s=60), range(8)))
    assert sum(claimed is not None for claimed in won) == 1


def check_realizations_are_kept(bench: Bench) -> None:
    """Sites are kept once and belong to their blueprint; a 63-bit seed survives."""
    campaign, _, _ = open_example(bench.store, [example_pick(1), example_pick(2)])
    first, second = bench.store.candidates.list(campaign.id)
    found = Realization(first.digest, "data_x\n", "pyxtal", 2**63 - 1, -3.5, "chgnet 0.4", is_relaxed=False)
    kept = bench.store.realizations.add(first.id, [found, found])
    assert [record.realization for record in kept] == [found]
    assert bench.store.realizations.add(first.id, [found]) == kept == bench.store.realizations.list(first.id)
    with pytest.raises(InvalidValueError, match="Hand in the sites of the crystal that was asked for"):
        bench.store.realizations.add(second.id, [found])


def check_events_are_read_on(bench: Bench) -> None:
    """Events come in order, page by page."""
    campaign = bench.store.campaigns.create(example_spec())
    created = bench.store.events.last_id(campaign.id)
    notes = [Event(EventKind.STAGE_NOTE, "example", f"note {n}", {"n": n}, bench.clock()) for n in range(5)]
    for note in notes:
        bench.store.events.append(note)
    first = bench.store.events.list(campaign.id, after_id=created, limit=3)
    rest = bench.store.events.list(campaign.id, after_id=first[-1].id)
    assert [record.event for record in (*first, *rest)] == notes
    assert bench.store.events.last_id(campaign.id) == rest[-1].id
    with pytest.raises(NotFoundError, match="no campaign 'other'"):
        bench.store.events.append(Event(EventKind.STAGE_NOTE, "other", "lost"))


def check_strange_text_is_kept(bench: Bench) -> None:
    """Names, notes and reasons hold any script, quotes and wildcards; events come through whatever they hold."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    strange = Event(
        EventKind.STAGE_NOTE, "example", "\0 \udcff", {"loss": float("nan"), "\0": ["\ud800"]}, bench.clock()
    )
    bench.store.events.append(strange)
    kept = bench.store.events.list(campaign.id)[-1].event
    assert (kept.message, kept.payload) == ("\ufffd ?", {"loss": "nan", "\ufffd": ["?"]})
    with pytest.raises(InvalidValueError, match="not finite cannot be stored"):
        bench.store.rounds.open(
            campaign.id, 1, picks=[], generator_version="", surrogate_version="", notes={"r2": float("inf")}
        )
    worker = "Zoë's '; DROP TABLE queries; -- %_\\ 実験室"
    bench.store.queries.claim(query.id, worker=worker, lease_s=60)
    assert bench.store.queries.get(query.id).worker == worker
    assert bench.store.queries.requeue_held_by(campaign.id, "Zoë's _") == 0
    assert bench.store.queries.requeue_held_by(campaign.id, worker) == 1


StoreCheck: TypeAlias = Callable[[Bench], None]
STORE_CHECKS: Final[tuple[StoreCheck, ...]] = (
    check_campaign_is_kept,
    check_other_spec_is_refused,
    check_unknown_names_are_refused,
    check_campaign_states,
    check_runner_lease,
    check_round_opens_once,
    check_refused_round_leaves_nothing,
    check_budget_can_be_spent_to_the_last,
    check_round_closes_once,
    check_claim_belongs_to_one,
    check_claims_are_given_back,
    check_looks_that_take_their_process_down_end,
    check_only_workers_that_are_gone_count_as_lost,
    check_queries_are_listed,
    check_cancelled_query_is_free,
    check_threads_race_for_a_claim,
    check_realizations_are_kept,
    check_events_are_read_on,
    check_strange_text_is_kept,
)
