"""What laboratories do: see what to make and measure next, take it on, and hand in what came out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Generic, TypeVar

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from domain.json_value import JsonObject
from domain.measurement import FailureKind
from domain.states import QueryState
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import (
    LARGEST_NUMBER,
    Number,
    Reader,
    TheStore,
    visible_campaign,
    visible_groups,
    visible_query,
)
from services.api.forms import WrittenMeasurement
from services.api.paging import After, Limit, Numbered, Page, keyset, same
from services.api.upload_views import UploadView, upload_view
from services.intake.laboratory import (
    claim_laboratory_query,
    record_laboratory_failure,
    record_laboratory_result,
    release_laboratory_query,
)
from services.reports.laboratory import (
    LaboratoryQuery,
    Sample,
    laboratory_fidelities,
    laboratory_page,
    sample_of,
    those_that_go_on,
)
from services.store import Store
from services.store.laboratory import QueueFilter
from services.store.records import CampaignRecord, FailureRecord, MeasurementRecord, QueryRecord

router = APIRouter(prefix="/laboratory", tags=["laboratory"])

_IN_THE_LABORATORY: Final = (QueryState.QUEUED, QueryState.CLAIMED)

Item = TypeVar("Item")
Record = TypeVar("Record", bound=Numbered)
OfCampaign = Annotated[str | None, Query(max_length=63, description="Only those of this campaign.")]
Mine = Annotated[bool, Query(description="Only what the caller handed in.")]
Before = Annotated[
    int | None,
    Query(ge=1, le=LARGEST_NUMBER, description="Begin before the item with this number: `next` of the page before."),
]
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


@dataclass(frozen=True, slots=True)
class Newest(Generic[Item]):
    """Some items, the newest first, and where older ones begin."""

    items: tuple[Item, ...]
    next: int | None
    """Give it as `before` for older ones; null where there are none."""


@router.get("/queries", summary="List what laboratories are asked")
def list_laboratory_queries(  # noqa: PLR0913 - its filters
    store: TheStore,
    principal: Reader,
    after: After = 0,
    limit: Limit = 100,
    *,
    campaign: OfCampaign = None,
    mine: Annotated[bool, Query(description="Only what the caller has taken on.")] = False,
    free: Annotated[bool, Query(description="Only what nobody has taken on.")] = False,
    with_stopped: Annotated[bool, Query(description="What stopped and archived campaigns asked, too.")] = False,
) -> Page[LaboratoryQuery]:
    """Samples to make and measure in the campaigns that the caller may see: the most urgent campaign's first.

    Within a campaign the oldest comes first. Read on after `query_id`.
    """
    records = visible_campaigns(store, principal, campaign)
    wanted = records if with_stopped else those_that_go_on(records)
    states = (QueryState.QUEUED,) if free else (QueryState.CLAIMED,) if mine else _IN_THE_LABORATORY
    only = QueueFilter(states, principal.name if mine else None)
    return keyset(lambda n: laboratory_page(store, wanted, only, after=after, limit=n), same, limit=limit)


@router.get("/queries/{query_id}", summary="Show a sample")
def show_sample(query_id: Number, store: TheStore, principal: Reader) -> Sample:
    """What is asked, why, and everything that is known of the crystal."""
    return sample_of(store, *visible_query(store, principal, query_id))


@router.get("/measurements", summary="List what laboratories measured")
def list_laboratory_measurements(
    store: TheStore,
    principal: Reader,
    before: Before = None,
    limit: Limit = 100,
    *,
    campaign: OfCampaign = None,
    mine: Mine = False,
) -> Newest[MeasurementRecord]:
    """The newest first, corrections among them, in the campaigns that the caller may see."""
    asked = laboratory_fidelities(visible_campaigns(store, principal, campaign))
    worker = principal.name if mine else None
    return _newest(store.laboratory.answers(asked, worker=worker, before=before, limit=limit + 1), limit)


@router.get("/failures", summary="List what laboratories could not make or measure")
def list_laboratory_failures(
    store: TheStore,
    principal: Reader,
    before: Before = None,
    limit: Limit = 100,
    *,
    campaign: OfCampaign = None,
    mine: Mine = False,
) -> Newest[FailureRecord]:
    """The newest first, in the campaigns that the caller may see."""
    asked = laboratory_fidelities(visible_campaigns(store, principal, campaign))
    worker = principal.name if mine else None
    return _newest(store.laboratory.failures(asked, worker=worker, before=before, limit=limit + 1), limit)


@router.get("/uploads", summary="List what laboratories handed in as files")
def list_laboratory_uploads(
    store: TheStore,
    principal: Reader,
    before: Before = None,
    limit: Limit = 100,
    *,
    campaign: OfCampaign = None,
    mine: Mine = False,
) -> Newest[UploadView]:
    """The newest first, in the campaigns that the caller may see."""
    ids = [record.id for record in visible_campaigns(store, principal, campaign)]
    uploaded_by = principal.name if mine else None
    found = _newest(store.uploads.newest(ids, uploaded_by=uploaded_by, before=before, limit=limit + 1), limit)
    return Newest(tuple(upload_view(store, record) for record in found.items), found.next)


@router.post("/queries/{query_id}/claim", summary="Take a sample on", response_model=QueryRecord)
def claim_sample(query_id: Number, change: InLaboratory) -> Response:
    """Keeps a query for the caller, for weeks. One's own again is harmless."""

    def claim() -> Audited:
        visible_query(change.store, change.principal, query_id)
        query = claim_laboratory_query(change.store, query_id, worker=change.principal.name)
        return Audited("laboratory.claim", f"query {query_id}", query)

    return change.make(claim)


@router.post("/queries/{query_id}/release", summary="Give a sample back", response_model=QueryRecord)
def release_sample(query_id: Number, change: InLaboratory) -> Response:
    """Lets others take it on."""

    def release() -> Audited:
        visible_query(change.store, change.principal, query_id)
        release_laboratory_query(change.store, query_id, worker=change.principal.name)
        return Audited("laboratory.release", f"query {query_id}", change.store.queries.get(query_id))

    return change.make(release)


@router.post(
    "/queries/{query_id}/result",
    summary="Hand in a laboratory's result",
    status_code=201,
    response_model=MeasurementRecord,
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
    "/queries/{query_id}/failure",
    summary="Say that there will be no result",
    status_code=201,
    response_model=QueryRecord,
)
def hand_in_laboratory_failure(query_id: Number, given: LaboratoryFailure, change: InLaboratory) -> Response:
    """Records why a sample could not be made or measured; takes the query on first where nobody has."""
    store, worker = change.store, change.principal.name

    def record() -> Audited:
        visible_query(store, change.principal, query_id)
        query = record_laboratory_failure(store, query_id, worker=worker, kind=given.kind, reason=given.reason)
        return Audited("laboratory.failure", f"query {query_id}", query, {"kind": given.kind.value}, status=201)

    return change.make(record)


def visible_campaigns(store: Store, principal: Principal, name: str | None = None) -> tuple[CampaignRecord, ...]:
    """The campaigns that the caller may see, or the one of a name.

    Raises:
        NotFoundError: If there is none of that name, or it belongs to others.
    """
    if name is not None:
        return (visible_campaign(store, principal, name),)
    return store.campaigns.list(visible_groups(principal))


def _newest(found: Sequence[Record], limit: int) -> Newest[Record]:
    shown = tuple(found[:limit])
    return Newest(shown, shown[-1].id if len(found) > limit else None)
