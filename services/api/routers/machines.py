"""What computing machines do: claim queries, keep their claims alive, and hand in what they saw."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from domain.cost import Cost
from domain.errors import ConflictError
from domain.measurement import Failure
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import Number, visible_campaign, visible_groups
from services.api.hand_in import HandedIn, hand_in
from services.api.questions import worker_name
from services.intake import record_failure
from services.messages.claims import (
    Claim,
    ClaimRequest,
    FailureRequest,
    HeartbeatAnswer,
    HeartbeatRequest,
    MeasurementRequest,
    ReleaseRequest,
)
from services.messages.describing import describe_claim
from services.store.pages import OpenQuestion
from services.store.records import MeasurementRecord, QueryRecord

router = APIRouter(tags=["machines"])

Claiming = Annotated[Change, Depends(changing(Permission.QUERY_CLAIM))]


@router.post(
    "/queries/claim",
    summary="Claim a query",
    response_model=Claim,
    responses={204: {"description": "Nothing waits for this machine."}},
)
def claim_query(wanted: ClaimRequest, change: Claiming) -> Response:
    """Hands the most urgent query to a machine that can answer it; first of all the one that it holds already.

    The claim lapses after `lease_s` seconds without a heartbeat. Whatever is said about the query under this claim
    carries its `fence`.
    """
    store, principal = change.store, change.principal

    def claim() -> Audited:
        if wanted.campaign is not None:
            ids = frozenset({visible_campaign(store, principal, wanted.campaign).id})
        else:
            ids = store.campaigns.ids(visible_groups(principal))
        worker = worker_name(principal, wanted.worker)
        query = store.queries.claim_next(
            worker=worker, lease_s=wanted.lease_s, oracles=wanted.oracles, campaign_ids=ids
        )
        if query is None:
            return Audited.elsewhere(None, status=204)
        return Audited("query.claim", f"query {query.id}", describe_claim(store, query), {"worker": worker})

    return change.make(claim)


@router.post("/queries/{query_id}/heartbeat", summary="Keep a claim alive", response_model=HeartbeatAnswer)
async def heartbeat(query_id: Number, beat: HeartbeatRequest, change: Claiming) -> Response:
    """Extends a claim. Refused (409) once it is lost: then stop."""
    store = change.store

    def beaten() -> Audited:
        question = _held(change, query_id, beat.fence)
        if not store.queries.heartbeat(query_id, beat.fence, beat.lease_s):
            raise _lost(question)
        if beat.progress is not None:
            store.look_progress.tell(query_id, beat.fence, beat.progress)
        # Not audited: it says nothing that the claim has not said.
        return Audited.elsewhere(HeartbeatAnswer(store.queries.get(query_id).lease_until or store.now()))

    return await change.make_soon(beaten)


@router.post("/queries/{query_id}/release", summary="Give a claim back", response_model=QueryRecord)
def release_query(query_id: Number, given: ReleaseRequest, change: Claiming) -> Response:
    """Gives a query back unanswered, which does not count as an attempt."""
    store = change.store

    def release() -> Audited:
        question = _held(change, query_id, given.fence)
        if not store.queries.release(query_id, given.fence):
            raise _lost(question)
        return Audited("query.release", f"query {query_id}", store.queries.get(query_id))

    return change.make(release)


@router.post(
    "/queries/{query_id}/measurement",
    summary="Hand in a measurement",
    status_code=201,
    response_model=MeasurementRecord,
)
async def hand_in_measurement(query_id: Number, seen: MeasurementRequest, change: Claiming) -> Response:
    """Records what a machine saw. The same again is harmless; after the claim was lost it is kept as evidence.

    What the campaign is charged was declared beforehand: of `cost`, only `core_seconds` and `money` are kept.
    """

    def record() -> Audited:
        given = HandedIn(change.principal, query_id, seen)
        return Audited.elsewhere(hand_in(change.store, change.questions, given), status=201)

    return await change.make_soon(record)


@router.post("/queries/{query_id}/failure", summary="Hand in a failure", status_code=201, response_model=QueryRecord)
async def hand_in_failure(query_id: Number, seen: FailureRequest, change: Claiming) -> Response:
    """Records that a machine saw nothing. A transient failure sends the query back while attempts are left."""

    def record() -> Audited:
        question = _held(change, query_id, seen.fence)
        failure = _failed_by(change.principal, seen.failure, question)
        query = record_failure(change.store, query_id, fence=seen.fence, failure=failure)
        details = {"kind": failure.kind.value, "worker": failure.worker}
        return Audited("query.failure", f"query {query_id}", query, details, status=201)

    return await change.make_soon(record)


def _held(change: Change, query_id: int, fence: int) -> OpenQuestion:
    return change.questions.held(change.store, change.principal, query_id, fence)


def _failed_by(principal: Principal, given: Failure, question: OpenQuestion) -> Failure:
    cost = Cost(question.declared, core_seconds=given.cost.core_seconds, money=given.cost.money)
    return replace(given, worker=worker_name(principal, given.worker), cost=cost)


def _lost(question: OpenQuestion) -> ConflictError:
    return ConflictError(f"The claim of query {question.query_id} is lost.", remedy="Stop, and claim another query.")
