"""Files that looks produced, handed in by the machines that made them, before the answer that names them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, BinaryIO, Final

from fastapi import APIRouter, Depends, File, Query, UploadFile
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError
from domain.json_value import JsonObject
from domain.look import MOST_FILES, FileNote
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import LARGEST_NUMBER, Number, TheService
from services.messages.claims import LONGEST_LEASE_S
from services.store import Store
from services.store.artifacts import ArtifactRecord
from services.store.pages import OpenQuestion
from services.uploads.artifacts import ArtifactFolder, shown_name

router = APIRouter(tags=["machines"])

Claiming = Annotated[Change, Depends(changing(Permission.QUERY_CLAIM, takes_key=False))]
_CHUNK_BYTES: Final = 2**20
_MOST_PRODUCED: Final = 2 * MOST_FILES
"""Of one query: an attempt that was killed leaves its own, of which the next one's may differ."""


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

    A file that is larger than the service takes (`PETALITE_LOOK_FILE_MIB`) is refused, and so is one that comes long
    after the query ended or after very many others; the answer counts without it.
    """
    store, settings = change.store, service.settings
    question = change.questions.held(store, change.principal, query_id, fence)
    if fence > question.fence:
        raise ConflictError(
            f"Query {query_id} never handed out fence {fence}.", remedy="Hand the file in under the claim's own fence."
        )
    _require_welcome(store, question)
    note = FileNote(shown_name(file.filename), file.content_type or "application/octet-stream", description)
    # Before the transaction: a large file takes its time.
    blob = ArtifactFolder(settings.artifacts).keep(_chunks(file.file), limit=settings.look_file_MiB * 2**20)

    def add() -> Audited:
        record = store.artifacts.keep_produced(
            question.campaign_id,
            note,
            digest=blob.digest,
            size=blob.size,
            uploaded_by=change.principal.name,
            query_id=query_id,
        )
        details: JsonObject = {"artifact": record.digest, "name": record.name, "size": record.size}
        return Audited("query.file", f"query {query_id}", record, details, status=201)

    return change.make(add)


def _require_welcome(store: Store, question: OpenQuestion) -> None:
    """Refuses what no answer will name; no conflict, because an answer that comes late is evidence without its files.

    Raises:
        InvalidValueError: If the query ended long ago, or files enough are kept for it.
    """
    ended = question.finished_at
    if ended is not None and store.now() - ended > timedelta(seconds=LONGEST_LEASE_S):
        raise InvalidValueError(
            f"Query {question.query_id} ended on {ended:%Y-%m-%d}, which is too long ago for its files.",
            remedy="Hand the answer in without them.",
        )
    n_kept = store.artifacts.n_produced(question.query_id)
    if n_kept >= _MOST_PRODUCED:
        raise InvalidValueError(
            f"Query {question.query_id} has {n_kept} files, of all its attempts; no more are kept.",
            remedy="Hand the answer in without more of them.",
        )


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
