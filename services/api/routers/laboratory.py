"""What laboratories do: see what to make and measure next, take it on, and hand in what came out."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from domain.json_value import JsonObject
from domain.measurement import FailureKind
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import Number, Reader, TheStore, visible_campaign, visible_groups, visible_query
from services.api.forms import WrittenMeasurement
from services.intake.laboratory import (
    claim_laboratory_query,
    record_laboratory_failure,
    record_laboratory_result,
    release_laboratory_query,
)
from services.reports.laboratory import LaboratoryQuery, laboratory_queries
from services.store.records import MeasurementRecord, QueryRecord

router = APIRouter(prefix="/laboratory/queries", tags=["laboratory"])

InLaboratory = Annotated[Change, Depends(changing(Permission.LABORATORY))]


@dataclass(frozen=True, slots=True)
class LaboratoryResult:
    """What a laboratory measured."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    measurement: WrittenMeasurement
    is_confirmed: bool = False
    """Whether the number is meant as it stands although it looks like a mistake."""


@dataclass(frozen=True, slots=True)
class LaboratoryFailure:
    """Why there is no number."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    kind: FailureKind
    """`rejected` where nobody tried, which costs nothing; `permanent` or `transient` where somebody did."""
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


@router.get("", summary="List what laboratories are asked")
def list_laboratory_queries(
    store: TheStore,
    principal: Reader,
    *,
    campaign: Annotated[str | None, Query(max_length=63, description="Only those of this campaign.")] = None,
    with_stopped: Annotated[bool, Query(description="What stopped campaigns asked, too.")] = False,
) -> list[LaboratoryQuery]:
    """Samples to make and measure, with cell and instructions, in the campaigns that the caller may see."""
    if campaign is not None:
        return list(
            laboratory_queries(store, visible_campaign(store, principal, campaign).name, with_stopped=with_stopped)
        )
    visible = store.campaigns.ids(visible_groups(principal))
    names = {record.name for record in store.campaigns.list() if record.id in visible}
    found = laboratory_queries(store, None, with_stopped=with_stopped)
    return [query for query in found if query.campaign in names]


@router.post("/{query_id}/claim", summary="Take a sample on", response_model=QueryRecord)
def claim_sample(query_id: Number, change: InLaboratory) -> Response:
    """Keeps a query for the caller, for weeks. One's own again is harmless."""

    def claim() -> Audited:
        visible_query(change.store, change.principal, query_id)
        query = claim_laboratory_query(change.store, query_id, worker=change.principal.name)
        return Audited("laboratory.claim", f"query {query_id}", query)

    return change.make(claim)


@router.post("/{query_id}/release", summary="Give a sample back", response_model=QueryRecord)
def release_sample(query_id: Number, change: InLaboratory) -> Response:
    """Lets others take it on."""

    def release() -> Audited:
        visible_query(change.store, change.principal, query_id)
        release_laboratory_query(change.store, query_id, worker=change.principal.name)
        return Audited("laboratory.release", f"query {query_id}", change.store.queries.get(query_id))

    return change.make(release)


@router.post(
    "/{query_id}/result", summary="Hand in a laboratory's result", status_code=201, response_model=MeasurementRecord
)
def hand_in_result(query_id: Number, given: LaboratoryResult, change: InLaboratory) -> Response:
    """Records what was measured; takes the query on first where nobody has.

    A number that looks like a mistake is refused with what was probably meant, unless `is_confirmed`.
    """
    store = change.store

    def record() -> Audited:
        visible_query(store, change.principal, query_id)
        found = record_laboratory_result(
            store,
            query_id,
            worker=change.principal.name,
            reading=given.measurement.reading(),
            confirmed=given.is_confirmed,
        )
        details: JsonObject = {"measurement": found.id, "is_confirmed": given.is_confirmed}
        return Audited("laboratory.result", f"query {query_id}", found, details, status=201)

    return change.make(record)


@router.post(
    "/{query_id}/failure", summary="Say that there will be no result", status_code=201, response_model=QueryRecord
)
def hand_in_laboratory_failure(query_id: Number, given: LaboratoryFailure, change: InLaboratory) -> Response:
    """Records why a sample could not be made or measured; takes the query on first where nobody has."""
    store, worker = change.store, change.principal.name

    def record() -> Audited:
        visible_query(store, change.principal, query_id)
        query = record_laboratory_failure(store, query_id, worker=worker, kind=given.kind, reason=given.reason)
        return Audited("laboratory.failure", f"query {query_id}", query, {"kind": given.kind.value}, status=201)

    return change.make(record)
