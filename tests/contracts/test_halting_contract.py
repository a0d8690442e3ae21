"""A campaign whose looks fail one after the other stops buying them, on both databases."""

from collections.abc import Sequence
from dataclasses import replace

from domain.cost import Cost
from domain.events import EventKind
from domain.measurement import Failure, FailureKind
from domain.states import CampaignState, QueryState
from services.intake import record_failure, record_measurement
from services.intake.testing import example_measurement
from services.store.examples import Bench, example_pick, example_spec, open_round
from services.store.halting import MOST_FAILURES_IN_A_ROW
from services.store.records import CampaignRecord, QueryRecord


def _opened(bench: Bench, n_looks: int, fidelity: str) -> tuple[CampaignRecord, Sequence[QueryRecord]]:
    spec = example_spec(total=10_000.0)
    campaign = bench.store.campaigns.create(replace(spec, budget=replace(spec.budget, per_round=10_000.0)))
    open_round(bench.store, campaign.id, 0, [example_pick(number, fidelity) for number in range(n_looks)])
    bench.store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    return campaign, bench.store.queries.list(campaign.id)


def _fail(bench: Bench, query: QueryRecord, kind: FailureKind = FailureKind.PERMANENT) -> None:
    claimed = bench.store.queries.claim(query.id, worker="w", lease_s=60)
    assert claimed is not None
    failure = Failure(kind, "It does not converge.", "w", Cost(1.0), bench.clock())
    record_failure(bench.store, query.id, fence=claimed.fence, failure=failure)


def _answer(bench: Bench, query: QueryRecord) -> None:
    claimed = bench.store.queries.claim(query.id, worker="w", lease_s=60)
    assert claimed is not None
    record_measurement(bench.store, query.id, fence=claimed.fence, measurement=example_measurement())


def test_failures_in_a_row_pause_the_campaign_until_somebody_resumes_it(store_bench: Bench) -> None:
    store = store_bench.store
    campaign, queries = _opened(store_bench, 2 * MOST_FAILURES_IN_A_ROW + 1, "static")
    *first, last = queries[:MOST_FAILURES_IN_A_ROW]
    for query in first:
        store_bench.clock.advance(1)
        _fail(store_bench, query)
    assert store.campaigns.get("example").state is CampaignState.RUNNING
    assert store.halting.reason(campaign.id) is None
    _fail(store_bench, last)
    assert store.campaigns.get("example").state is CampaignState.PAUSED
    assert store.queries.claim(queries[-1].id, worker="w", lease_s=60) is None
    (halted,) = [e.event for e in store.events.list(campaign.id) if e.event.kind is EventKind.CAMPAIGN_HALTED]
    assert "the last 10 looks at static were paid for and gave no number" in halted.message
    assert "It does not converge." in halted.message
    assert store.halting.reason(campaign.id) == halted.message
    store.campaigns.resume(campaign.id)
    assert store.halting.reason(campaign.id) is None
    for query in queries[MOST_FAILURES_IN_A_ROW : 2 * MOST_FAILURES_IN_A_ROW - 1]:
        store_bench.clock.advance(1)
        _fail(store_bench, query)
    assert store.campaigns.get("example").state is CampaignState.RUNNING, "it is counted anew"
    assert store.queries.get(queries[-1].id).state is QueryState.QUEUED


def test_a_number_among_them_or_a_refusal_unseen_pauses_nothing(store_bench: Bench) -> None:
    store = store_bench.store
    _, queries = _opened(store_bench, 2 * MOST_FAILURES_IN_A_ROW, "static")
    for place, query in enumerate(queries):
        store_bench.clock.advance(1)
        if place == MOST_FAILURES_IN_A_ROW - 1:
            _answer(store_bench, query)
        else:
            _fail(
                store_bench,
                query,
                FailureKind.REJECTED if place == 2 * MOST_FAILURES_IN_A_ROW - 3 else FailureKind.PERMANENT,
            )
    assert store.campaigns.get("example").state is CampaignState.RUNNING


def test_what_a_laboratory_cannot_make_is_a_finding(store_bench: Bench) -> None:
    _, queries = _opened(store_bench, MOST_FAILURES_IN_A_ROW, "lab")
    for query in queries:
        _fail(store_bench, query)
    assert store_bench.store.campaigns.get("example").state is CampaignState.RUNNING
