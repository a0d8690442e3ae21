"""Files that looks produced, handed in by the machines that made them, before the answer that names them."""

from collections.abc import Iterator
from typing import Annotated, BinaryIO, Final

from fastapi import APIRouter, Depends, File, Query, UploadFile
from starlette.responses import Response

from domain.errors import ConflictError
from domain.json_value import JsonObject
from domain.look import FileNote
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import LARGEST_NUMBER, Number, TheService
from services.store.artifacts import ArtifactRecord
from services.uploads.artifacts import ArtifactFolder, shown_name

router = APIRouter(tags=["machines"])

Claiming = Annotated[Change, Depends(changing(Permission.QUERY_CLAIM, takes_key=False))]
_CHUNK_BYTES: Final = 2**20


@router.post(
    "/queries/{query_id}/files",
    summary="Hand in a file that a look produced",
    status_code=201,
    response_model=ArtifactRecord,
)
def hand_in_look_file(
    query_id: Number,
    change: Claiming,
    service: TheService,
    file: Annotated[UploadFile, File(description="Under the name by which it is offered, with its media type.")],
    fence: Annotated[int, Query(ge=1, le=LARGEST_NUMBER, description="Of the claim under which was looked.")],
    description: Annotated[str, Query(min_length=1, max_length=500, description="What it holds, in a sentence.")],
) -> Response:
    """Keeps a file for the answer that names its number. The same again is the file that is kept.

    A file that is larger than the service takes (`PETALITE_LOOK_FILE_MIB`) is refused; the answer counts without it.
    """
    store, settings = change.store, service.settings
    question = change.questions.held(store, change.principal, query_id, fence)
    if fence > question.fence:
        raise ConflictError(
            f"Query {query_id} never handed out fence {fence}.", remedy="Hand the file in under the claim's own fence."
        )
    note = FileNote(shown_name(file.filename), file.content_type or "application/octet-stream", description)
    # Before the transaction: a large file takes its time.
    blob = ArtifactFolder(settings.artifacts).keep(_chunks(file.file), limit=settings.look_file_MiB * 2**20)

    def add() -> Audited:
        record = store.artifacts.keep_produced(
            question.campaign_id, note, digest=blob.digest, size=blob.size, uploaded_by=change.principal.name
        )
        details: JsonObject = {"artifact": record.digest, "name": record.name, "size": record.size}
        return Audited("query.file", f"query {query_id}", record, details, status=201)

    return change.make(add)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
