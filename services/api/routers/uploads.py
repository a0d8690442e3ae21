"""Uploads: files that laboratories hand in, reported row by row, then accepted or rejected."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Annotated, BinaryIO, Final, cast

from fastapi import APIRouter, Depends, FastAPI, File, Form, Query, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonObject
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import (
    Name,
    Number,
    Reader,
    TheService,
    TheStore,
    require,
    visible_campaign,
)
from services.api.paging import After, Limit, Page, keyset
from services.api.slow_work import SlowWork
from services.api.upload_views import (
    AcceptanceView,
    ChangedCells,
    ChangedRows,
    Confirmation,
    RowView,
    UploadDetails,
    UploadView,
    row_view,
    upload_details,
    upload_view,
)
from services.store import Store
from services.store.uploads import RowState, UploadKind, UploadRecord
from services.uploads.artifacts import ArtifactFolder
from services.uploads.child import Readers, ReadingLimits
from services.uploads.desk import UploadDesk
from services.uploads.intent import laboratory_intent
from services.uploads.new_data import new_data_of
from services.uploads.obelix import write_new_data
from services.uploads.showing import report_csv
from services.uploads.template import template_rows, write_csv, write_xlsx

_CHUNK_BYTES: Final = 2**20
_PATIENCE_S: Final = 1.5
"""How long a file waits for its turn; whoever waits and is read has an answer within ten seconds."""
_MOST_AT_ONCE: Final = 2
"""Files that are read at the same time where there are processors for them: one stays with whoever else is served."""
_SHARE: Final = 0.25
"""Of one processor's time that files may take from whoever else is served."""
_NOTHING_CONFIRMED: Final = Confirmation()
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@asynccontextmanager
async def _reading(app: FastAPI) -> AsyncIterator[None]:
    """Keeps the processes that read files while the application runs; they start with the first file."""
    n_spare = len(os.sched_getaffinity(0)) - 1
    readers = Readers(ReadingLimits(n_children=max(1, min(_MOST_AT_ONCE, n_spare))))
    app.state.upload_readers = readers
    # One more than can be read at once: it is kept while the others are read.
    n_at_once = readers.limits.n_children + 1
    app.state.slow_work = SlowWork(n_at_once=n_at_once, patience_s=_PATIENCE_S, share=_SHARE)
    try:
        yield
    finally:
        await run_in_threadpool(readers.close)


router = APIRouter(tags=["uploads"], lifespan=_reading)

Handing = Annotated[Change, Depends(changing(Permission.LABORATORY))]
Laboratory = Annotated[Principal, Depends(require(Permission.LABORATORY))]
Exporter = Annotated[Principal, Depends(require(Permission.EXPORT))]


async def the_desk(request: Request, service: TheService, store: TheStore) -> UploadDesk:
    """The desk where files are handed in."""
    return UploadDesk(store, ArtifactFolder(service.settings.artifacts), request.app.state.upload_readers)


TheDesk = Annotated[UploadDesk, Depends(the_desk)]


async def the_slow_work(request: Request) -> SlowWork:
    """Where files are read, a few at once."""
    return cast(SlowWork, request.app.state.slow_work)


TheSlowWork = Annotated[SlowWork, Depends(the_slow_work)]


class SheetFormat(StrEnum):
    """How a table is written."""

    CSV = "csv"
    XLSX = "xlsx"


@router.post("/campaigns/{name}/uploads", summary="Hand in a file", status_code=201, response_model=UploadDetails)
async def hand_in_file(  # noqa: PLR0913, PLR0917 - the parts of its form
    name: Name,
    store: TheStore,
    desk: TheDesk,
    slow_work: TheSlowWork,
    principal: Laboratory,
    file: Annotated[UploadFile, File(description="A csv, xlsx, cif, zip, picture or PDF of at most 64 MiB.")],
    kind: Annotated[UploadKind | None, Form(description="What it holds; left out, it is found out.")] = None,
    options: Annotated[
        str,
        Form(
            max_length=10_000,
            description="JSON object of text: what holds for every row that does not say otherwise.",
            examples=['{"query": "12", "thickness": "1.20 ± 0.02 mm", "area": "0.785 cm2"}'],
        ),
    ] = "{}",
) -> Response:
    """Keeps the file and reports on it row by row. Nothing enters before the upload is accepted."""
    given = _options(options)

    def take_in() -> Response:
        campaign = visible_campaign(store, principal, name)
        artifact = desk.keep(campaign, _chunks(file.file), name=file.filename, uploaded_by=principal.name)
        examined = desk.examine(campaign, artifact, kind=kind, options=given)

        def add() -> Audited:
            record = desk.add(examined)
            details: JsonObject = {"campaign": name, "artifact": artifact.digest, "kind": record.kind.value}
            return Audited("upload.hand_in", f"upload {record.id}", upload_details(store, record), details, status=201)

        return Change(store, principal, None, {}).make(add)

    return await slow_work.run(take_in)


@router.get("/campaigns/{name}/uploads", summary="List a campaign's uploads")
def list_uploads(
    name: Name, store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[UploadView]:
    """Files that were handed in, in the order in which they came."""
    campaign = visible_campaign(store, principal, name)
    return keyset(
        lambda n: store.uploads.list(campaign.id, after=after, limit=n),
        lambda record: upload_view(store, record),
        limit=limit,
    )


@router.get("/campaigns/{name}/upload-template", summary="Get the table to fill in", response_class=Response)
def show_template(
    name: Name,
    store: TheStore,
    principal: Reader,
    sheet: Annotated[SheetFormat, Query(alias="format")] = SheetFormat.CSV,
) -> Response:
    """A row for each sample that waits for the laboratory or is in its hands."""
    campaign = visible_campaign(store, principal, name)
    rows = template_rows(laboratory_intent(store, campaign))
    if sheet is SheetFormat.XLSX:
        return _download(write_xlsx(rows), f"{name}.xlsx", _SHEET_TYPE)
    return _download(write_csv(rows).encode(), f"{name}.csv", "text/csv")


@router.get("/campaigns/{name}/obelix", summary="Get laboratory results for OBELiX", response_class=Response)
def show_new_data(
    name: Name,
    store: TheStore,
    principal: Exporter,
    doi: Annotated[str, Query(max_length=200, description="Where the measurements are published.")],
    family: Annotated[str, Query(max_length=100, description="What chemists call the crystals.")] = "",
) -> Response:
    """The bundle in which OBELiX takes new data: a csv with its mandatory columns, and the CIFs."""
    campaign = visible_campaign(store, principal, name)
    bundle = write_new_data(new_data_of(store, campaign, doi=doi, family=family))
    return _download(bundle, f"{name}-obelix.zip", "application/zip")


@router.get("/uploads/{upload_id}", summary="Show an upload")
def show_upload(upload_id: Number, store: TheStore, principal: Reader) -> UploadDetails:
    """One upload with its report."""
    return upload_details(store, visible_upload(store, principal, upload_id))


@router.get("/uploads/{upload_id}/rows", summary="List the rows of an upload")
def list_rows(
    upload_id: Number,
    store: TheStore,
    principal: Reader,
    after: After = 0,
    limit: Limit = 100,
    state: Annotated[list[RowState] | None, Query(description="Only those in these states.")] = None,
) -> Page[RowView]:
    """Rows in the order of the file, each with its state and remarks."""
    record = visible_upload(store, principal, upload_id)
    found = store.uploads.rows(record.id, after=after, limit=limit + 1, states=state)
    shown = found[:limit]
    return Page(tuple(row_view(row) for row in shown), shown[-1].number if len(found) > limit else None)


@router.get("/uploads/{upload_id}/report", summary="Get the report as a csv", response_class=Response)
def show_report(upload_id: Number, store: TheStore, principal: Reader) -> Response:
    """State and remarks of each row beside its cells, safe to open in a spreadsheet."""
    record = visible_upload(store, principal, upload_id)
    return _download(report_csv(store.uploads.rows(record.id)).encode(), f"upload-{record.id}.csv", "text/csv")


@router.patch("/uploads/{upload_id}/rows/{number}", summary="Correct a row", response_model=RowView)
async def fix_row(
    upload_id: Number, number: Number, changed: ChangedCells, change: Handing, desk: TheDesk, slow_work: TheSlowWork
) -> Response:
    """Changes cells and looks at the row again. Without cells it is only looked at again."""

    def fix() -> Response:
        visible_upload(change.store, change.principal, upload_id)
        found = desk.check_again(upload_id, number, changed.cells)

        def put() -> Audited:
            desk.put(upload_id, found)
            row = change.store.uploads.row(upload_id, number)
            return Audited(
                "upload.fix", f"upload {upload_id} row {number}", row_view(row), {"cells": dict(changed.cells)}
            )

        return change.make(put)

    return await slow_work.run(fix)


@router.patch("/uploads/{upload_id}/rows", summary="Correct several rows", response_model=UploadDetails)
async def fix_rows(
    upload_id: Number, changed: ChangedRows, change: Handing, desk: TheDesk, slow_work: TheSlowWork
) -> Response:
    """Changes cells of several rows, such as all spectra of a series, and looks at those again: all, or nothing."""
    cells = {row.number: row.changed.cells for row in changed.rows}
    if len(cells) < len(changed.rows):
        raise InvalidValueError("A row is named twice.", remedy="Say once what each row is to hold.")

    def fix() -> Response:
        visible_upload(change.store, change.principal, upload_id)
        found = desk.check_several(upload_id, cells)

        def put() -> Audited:
            desk.put(upload_id, found)
            details: JsonObject = {"cells": {str(number): dict(each) for number, each in cells.items()}}
            record = change.store.uploads.get(upload_id)
            return Audited("upload.fix", f"upload {upload_id}", upload_details(change.store, record), details)

        return change.make(put)

    return await slow_work.run(fix)


@router.post("/uploads/{upload_id}/recheck", summary="Check refused rows again", response_model=UploadDetails)
async def recheck_upload(upload_id: Number, change: Handing, desk: TheDesk, slow_work: TheSlowWork) -> Response:
    """Looks at all refused rows again, such as those for which the time did not suffice: it goes on from there."""

    def check() -> Response:
        visible_upload(change.store, change.principal, upload_id)
        found = desk.check_refused(upload_id)

        def put() -> Audited:
            desk.put(upload_id, found)
            details: JsonObject = {"rows": len(found.found.rows)}
            record = change.store.uploads.get(upload_id)
            return Audited("upload.recheck", f"upload {upload_id}", upload_details(change.store, record), details)

        return change.make(put)

    return await slow_work.run(check)


@router.post("/uploads/{upload_id}/accept", summary="Accept an upload")
def accept_upload(
    upload_id: Number,
    store: TheStore,
    principal: Laboratory,
    desk: TheDesk,
    confirmation: Confirmation = _NOTHING_CONFIRMED,
) -> AcceptanceView:
    """Lets the clean rows enter, and suspicious ones that are confirmed. Accepting again enters nothing twice.

    Takes no idempotency key: rows that were corrected meanwhile are to enter.
    """
    visible_upload(store, principal, upload_id)
    details: JsonObject = {"confirmed": list(confirmation.confirmed), "confirm_all": confirmation.confirm_all}
    # Written first: each row enters in a transaction of its own, so that nobody waits for all of them.
    store.audit.append(principal.name, "upload.accept", f"upload {upload_id}", details)
    done = desk.accept(
        upload_id,
        worker=principal.name,
        confirmed=frozenset(confirmation.confirmed),
        confirm_all=confirmation.confirm_all,
    )
    return AcceptanceView(upload_view(store, done.upload), done.entered, done.held_back)


@router.post("/uploads/{upload_id}/reject", summary="Reject an upload", response_model=UploadView)
def reject_upload(upload_id: Number, change: Handing, desk: TheDesk) -> Response:
    """Ends the upload: rows that have not entered never will. The file and the report are kept."""
    visible_upload(change.store, change.principal, upload_id)

    def reject() -> Audited:
        record = desk.reject(upload_id)
        return Audited("upload.reject", f"upload {upload_id}", upload_view(change.store, record))

    return change.make(reject)


def visible_upload(store: Store, principal: Principal, upload_id: int) -> UploadRecord:
    """Finds an upload for a campaign that the caller may see.

    Raises:
        NotFoundError: If there is none, or it belongs to others.
    """
    record = store.uploads.get(upload_id)
    if not principal.may_see(store.campaigns.by_id(record.campaign_id)):
        raise NotFoundError(f"There is no upload number {upload_id}.", remedy="List the campaign's uploads.")
    return record


def _options(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError("The options are not JSON.", remedy='Send them like {"area": "0.785 cm2"}.') from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidValueError("The options are no object of texts.", remedy='Send them like {"area": "0.785 cm2"}.')
    return cast(dict[str, str], found)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _download(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)
