"""Queries: what is asked, and who approves the spending."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from domain.json_value import JsonValue
from domain.states import QueryState
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import (
    LARGEST_NUMBER,
    Name,
    Number,
    Reader,
    TheStore,
    visible_campaign,
    visible_groups,
    visible_query,
)
from services.api.paging import After, Limit, Page, keyset, same
from services.store.look_progress import ToldProgress
from services.store.records import QueryRecord

router = APIRouter(tags=["queries"])

MOST_AT_ONCE = 500
Approving = Annotated[Change, Depends(changing(Permission.QUERY_APPROVE))]
Running = Annotated[Change, Depends(changing(Permission.CAMPAIGN_RUN))]


@dataclass(frozen=True, slots=True)
class QueryFilter:
    """Which queries are listed."""

    state: list[QueryState] | None
    fidelity: str | None
    round_index: int | None


async def query_filter(
    state: Annotated[list[QueryState] | None, Query(description="Only those in these states.")] = None,
    fidelity: Annotated[str | None, Query(max_length=200, description="Only those at this fidelity.")] = None,
    round_index: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER, description="Only those of this round.")] = None,
) -> QueryFilter:
    """Reads the filter where it stands: the framework would send a plain class through a thread of its own."""
    return QueryFilter(state, fidelity, round_index)


@dataclass(frozen=True, slots=True)
class Approval:
    """Why a spending is approved, or a query given up."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    reason: Annotated[str, Field(max_length=1000)] = ""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a spending is denied."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


@dataclass(frozen=True, slots=True)
class ManyJudged:
    """Queries that are approved or denied together: all of them, or none."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    queries: Annotated[
        tuple[Annotated[int, Field(ge=1, le=LARGEST_NUMBER)], ...], Field(min_length=1, max_length=MOST_AT_ONCE)
    ]
    """Their numbers."""
    reason: Annotated[str, Field(max_length=1000)] = ""
    """A denial needs one."""


@router.get("/campaigns/{name}/queries", summary="List a campaign's queries")
def list_queries(
    name: Name,
    store: TheStore,
    principal: Reader,
    only: Annotated[QueryFilter, Depends(query_filter)],
    after: After = 0,
    limit: Limit = 100,
) -> Page[QueryRecord]:
    """What the campaign asked, in the order in which it was chosen."""
    with store.reading():
        campaign = visible_campaign(store, principal, name)
        return keyset(
            lambda n: store.queries.list_page(
                campaign.id,
                after_id=after,
                limit=n,
                states=only.state,
                fidelity=only.fidelity,
                round_index=only.round_index,
            ),
            same,
            limit=limit,
        )


@router.get("/campaigns/{name}/progress", summary="Tell how far looks have come")
def list_progress(name: Name, store: TheStore, principal: Reader) -> tuple[ToldProgress, ...]:
    """Of the looks that machines are at, those that take long and tell it. The first 500 claimed queries are read."""
    campaign = visible_campaign(store, principal, name)
    claimed = store.queries.list_page(campaign.id, states=[QueryState.CLAIMED], limit=MOST_AT_ONCE)
    return tuple(store.look_progress.of({query.id for query in claimed}).values())


@router.get("/approvals", summary="List what waits for approval")
def list_approvals(
    store: TheStore,
    principal: Reader,
    after: After = 0,
    limit: Limit = 100,
    campaign: Annotated[str | None, Query(max_length=63, description="Only those of this campaign.")] = None,
) -> Page[QueryRecord]:
    """Queries whose cost is above their campaign's threshold, in the order in which they were chosen."""
    if campaign is not None:
        ids = frozenset({visible_campaign(store, principal, campaign).id})
    else:
        ids = store.campaigns.ids(visible_groups(principal))
    return keyset(lambda n: store.approval.waiting(campaign_ids=ids, after_id=after, limit=n), same, limit=limit)


@router.get("/approvals/judged", summary="List what was approved or denied")
def list_judged(
    store: TheStore,
    principal: Reader,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="`next` of the page before.")] = None,
    limit: Limit = 100,
) -> Page[QueryRecord]:
    """Queries whose spending somebody judged, with who, when and why; the ones chosen last first."""
    ids = store.campaigns.ids(visible_groups(principal))
    return keyset(lambda n: store.approval.judged(ids, before_id=before, limit=n), same, limit=limit)


@router.post("/approvals/approve", summary="Approve several queries", response_model=list[QueryRecord])
def approve_queries(judged: ManyJudged, change: Approving) -> Response:
    """Lets all of them be asked, or none."""
    return change.make(lambda: _judge(change, judged, is_approved=True))


@router.post("/approvals/deny", summary="Deny several queries", response_model=list[QueryRecord])
def deny_queries(judged: ManyJudged, change: Approving) -> Response:
    """Cancels all of them and frees their money, or none."""
    return change.make(lambda: _judge(change, judged, is_approved=False))


@router.get("/queries/{query_id}", summary="Show a query")
def show_query(query_id: Number, store: TheStore, principal: Reader) -> QueryRecord:
    """One query with its state, its price and why it was chosen."""
    return visible_query(store, principal, query_id)[1]


@router.post("/queries/{query_id}/approve", summary="Approve a query", response_model=QueryRecord)
def approve_query(query_id: Number, change: Approving, approval: Approval | None = None) -> Response:
    """Lets it be asked. Approved already: nothing happens."""
    reason = "" if approval is None else approval.reason
    return change.make(lambda: _judge_one(change, query_id, reason, is_approved=True))


@router.post("/queries/{query_id}/deny", summary="Deny a query", response_model=QueryRecord)
def deny_query(query_id: Number, denial: Denial, change: Approving) -> Response:
    """Cancels it and frees its money. Denied already: nothing happens."""
    return change.make(lambda: _judge_one(change, query_id, denial.reason, is_approved=False))


@router.post("/queries/{query_id}/cancel", summary="Give a query up", response_model=QueryRecord)
def cancel_query(query_id: Number, change: Running, approval: Approval | None = None) -> Response:
    """Cancels it and frees its money. Whoever holds it is told at the next heartbeat; a late answer is evidence."""
    reason = "" if approval is None else approval.reason

    def cancel() -> Audited:
        visible_query(change.store, change.principal, query_id)
        words = f"by {change.principal.name}" + (f": {reason}" if reason else "")
        query = change.store.queries.cancel(query_id, reason=words)
        return Audited("query.cancel", f"query {query_id}", query, {"reason": reason})

    return change.make(cancel)


def _judge_one(change: Change, query_id: int, reason: str, *, is_approved: bool) -> Audited:
    visible_query(change.store, change.principal, query_id)
    judge = change.store.approval.approve if is_approved else change.store.approval.deny
    query = judge(query_id, change.principal.name, reason)
    return Audited(_action(is_approved=is_approved), f"query {query_id}", query, {"reason": reason})


def _judge(change: Change, judged: ManyJudged, *, is_approved: bool) -> Audited:
    for query_id in judged.queries:
        visible_query(change.store, change.principal, query_id)
    judge = change.store.approval.approve_many if is_approved else change.store.approval.deny_many
    queries = judge(judged.queries, change.principal.name, judged.reason)
    numbers: list[JsonValue] = [query.id for query in queries]
    details = {"queries": numbers, "reason": judged.reason}
    return Audited(_action(is_approved=is_approved), f"{len(numbers)} queries", queries, details)


def _action(*, is_approved: bool) -> str:
    return "query.approve" if is_approved else "query.deny"
