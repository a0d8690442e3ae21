"""Artifacts: the files themselves, as they were handed in."""

from fastapi import APIRouter
from starlette.responses import FileResponse

from domain.errors import NotFoundError
from services.access.principal import Principal
from services.api.dependencies import (
    Name,
    Number,
    Reader,
    TheService,
    TheStore,
    visible_campaign,
    visible_measurement,
)
from services.api.paging import After, Limit, Page, keyset, same
from services.store import Store
from services.store.artifacts import ArtifactRecord
from services.uploads.artifacts import ArtifactFolder

router = APIRouter(tags=["artifacts"])


@router.get("/campaigns/{name}/artifacts", summary="List a campaign's files")
def list_artifacts(
    name: Name, store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[ArtifactRecord]:
    """Files that were handed in, in the order in which they came."""
    campaign = visible_campaign(store, principal, name)
    return keyset(lambda n: store.artifacts.list(campaign.id, after=after, limit=n), same, limit=limit)


@router.get("/measurements/{measurement_id}/artifacts", summary="List the files on which a measurement rests")
def list_artifacts_of_measurement(
    measurement_id: Number, store: TheStore, principal: Reader
) -> tuple[ArtifactRecord, ...]:
    """The raw spectrum, the table or the picture that it came from."""
    visible_measurement(store, principal, measurement_id)
    return store.artifacts.of_measurement(measurement_id)


@router.get("/artifacts/{artifact_id}", summary="Show a file's record")
def show_artifact(artifact_id: Number, store: TheStore, principal: Reader) -> ArtifactRecord:
    """Its name, size and SHA-256."""
    return _visible_artifact(store, principal, artifact_id)


@router.get(
    "/artifacts/{artifact_id}/content",
    summary="Get a file",
    response_class=FileResponse,
    responses={206: {"description": "The part that `Range` asks for."}, 416: {"description": "There is no such part."}},
)
def show_content(artifact_id: Number, store: TheStore, service: TheService, principal: Reader) -> FileResponse:
    """The bytes as they were handed in, whole or in the parts that `Range` asks for. Never shown in the browser."""
    record = _visible_artifact(store, principal, artifact_id)
    return FileResponse(
        ArtifactFolder(service.settings.artifacts).path(record.digest),
        media_type=record.media_type,
        filename=record.name,
        content_disposition_type="attachment",
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "ETag": f'"{record.digest}"',
        },
    )


def _visible_artifact(store: Store, principal: Principal, artifact_id: int) -> ArtifactRecord:
    record = store.artifacts.get(artifact_id)
    if record.campaign_id is None or not principal.may_see(store.campaigns.by_id(record.campaign_id)):
        raise NotFoundError(f"There is no artifact number {artifact_id}.", remedy="List the campaign's artifacts.")
    return record
