"""Campaigns to take away as a whole."""

import os
from collections.abc import Mapping
from functools import partial
from typing import Annotated, BinaryIO, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import Name, TheService, TheStore, require, visible_campaign
from services.api.structure_answer import attached
from services.reports.crate import LICENCE_ADDRESS, CrateOptions
from services.reports.packing import MEDIA_TYPES, ExportFormat, packed
from services.uploads.artifacts import ArtifactFolder

router = APIRouter(tags=["exports"])

_CHUNK_BYTES: Final = 262_144
_BINARY: Final[dict[str, object]] = {"schema": {"type": "string", "format": "binary"}}
_JSON: Final[dict[str, object]] = {"schema": {"type": "object"}}
_RESPONSES: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": "The file.",
        "content": {**dict.fromkeys(MEDIA_TYPES.values(), _BINARY), MEDIA_TYPES[ExportFormat.JSON]: _JSON},
    }
}


@router.get(
    "/campaigns/{name}/export",
    summary="Take a campaign away",
    response_class=StreamingResponse,
    responses=_RESPONSES,
)
def export_campaign(
    name: Name,
    store: TheStore,
    service: TheService,
    principal: Annotated[Principal, Depends(require(Permission.EXPORT))],
    wanted: Annotated[ExportFormat, Query(alias="format", description="In which format.")] = ExportFormat.RO_CRATE,
    licence: Annotated[
        str | None, Query(max_length=300, pattern=LICENCE_ADDRESS, description="Address of the licence granted.")
    ] = None,
    author: Annotated[
        list[Annotated[str, Query(max_length=200)]] | None, Query(max_length=50, description="Names of the authors.")
    ] = None,
) -> Response:
    """A campaign as RO-Crate (every number with its provenance), as a zip of CIF, CSV and JSON, or as one table.

    The RO-Crate holds what the audit log says of the campaign where the caller may read the audit log.
    """
    campaign = visible_campaign(store, principal, name)
    options = CrateOptions(
        licence=licence,
        authors=tuple(author or ()),
        with_audit=Permission.AUDIT_READ in principal.permissions,
        find_file=ArtifactFolder(service.settings.artifacts).path,
    )
    with packed(store, campaign, wanted, options) as file:
        store.audit.append(principal.name, "campaign.export", f"campaign {name}", {"format": wanted.value})
        # Open, it can be read to its end although it has no name any more, and nothing is left if nobody does.
        content = file.path.open("rb")
    headers = {**attached(file.name), "Content-Length": str(os.fstat(content.fileno()).st_size)}
    return _OpenFile(content, media_type=file.media_type, headers=headers)


class _OpenFile(StreamingResponse):
    """Sends an open file, and closes it even if the caller is gone before the first byte."""

    def __init__(self, content: BinaryIO, *, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(iter(partial(content.read, _CHUNK_BYTES), b""), media_type=media_type, headers=headers)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        with self._content:
            await super().__call__(scope, receive, send)
