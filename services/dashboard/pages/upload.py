"""One upload: its report row by row, the forms that correct rows, and what is done with all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Form, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError, NotFoundError, PetaliteError
from domain.json_value import JsonObject, JsonValue
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import Number, Reader, TheStore
from services.api.paging import After
from services.api.routers import uploads
from services.api.routers.uploads import Laboratory, TheDesk, TheSlowWork
from services.api.upload_views import AcceptanceView, ChangedCells, ChangedRows, Confirmation, RowView
from services.dashboard import words
from services.dashboard.series_form import SaidOfSeries, changed_rows, common_cells, said_of_series, spectra_of
from services.dashboard.view import TheView, View, link
from services.store import Store
from services.store.uploads import RowState, UploadKind, UploadRow, UploadState
from services.uploads.adjusting import CIRCUIT_TITLES, is_left_out
from services.uploads.options import FILLABLE

router = APIRouter(prefix="/uploads/{upload_id}")

ON_A_PAGE: Final = 50
CELL: Final = "cell:"
"""Before the name of a column in forms, so that no column is taken for another field."""
InLaboratory = Annotated[Change, Depends(changing(Permission.LABORATORY, takes_key=False))]
States = Annotated[list[RowState] | None, Query()]


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of the report as the page shows it."""

    row: RowView
    taken_for: str
    """In words; empty where it is refused."""
    columns: tuple[str, ...]
    """That may be filled in, those of the file first."""


@router.get("")
def show_upload(
    upload_id: Number, view: TheView, store: TheStore, principal: Reader, after: After = 0, state: States = None
) -> Response:
    """The report, page by page."""
    return _page(view, store, principal, upload_id, after=after, states=state)


@router.get("/rows/{number}")
def show_row(upload_id: Number, number: Number, view: TheView, store: TheStore, principal: Reader) -> Response:
    """One row with the form that corrects it; a spectrum with its figures."""
    return _row_page(view, store, principal, upload_id, number, is_open=True)


@router.post("/rows/{number}")
async def fix_row(
    upload_id: Number,
    number: Number,
    request: Request,
    view: TheView,
    change: InLaboratory,
    desk: TheDesk,
    slow_work: TheSlowWork,
) -> Response:
    """Corrects cells, or fits a spectrum again as it is told to."""
    form = await request.form()
    typed = {
        name.removeprefix(CELL): text for name, text in form.items() if name.startswith(CELL) and isinstance(text, str)
    }

    def known() -> Mapping[str, JsonValue]:
        uploads.visible_upload(change.store, change.principal, upload_id)
        return change.store.uploads.row(upload_id, number).cells

    before = await run_in_threadpool(known)
    changed = {name: text for name, text in typed.items() if text.strip() != str(before.get(name, "")).strip()}
    try:
        await uploads.fix_row(upload_id, number, ChangedCells(changed), change, desk, slow_work)
    except (InvalidValueError, ConflictError) as error:
        return await run_in_threadpool(
            _row_page, view, change.store, change.principal, upload_id, number, is_open=True, typed=typed, trouble=error
        )
    if not view.is_partial:
        return view.go(link("uploads", upload_id, "rows", number))
    return await run_in_threadpool(_row_page, view, change.store, change.principal, upload_id, number, is_open=False)


@router.post("/series")
async def fit_series(
    upload_id: Number,
    view: TheView,
    change: InLaboratory,
    desk: TheDesk,
    slow_work: TheSlowWork,
    said: Annotated[SaidOfSeries, Depends(said_of_series)],
) -> Response:
    """Fits the spectra again that are to be fitted otherwise, and the line through all that are not left out."""

    def spectra() -> Sequence[UploadRow]:
        uploads.visible_upload(change.store, change.principal, upload_id)
        return spectra_of(change.store, upload_id)

    rows = changed_rows(await run_in_threadpool(spectra), said)
    try:
        if rows:
            await uploads.fix_rows(upload_id, ChangedRows(rows), change, desk, slow_work)
    except (InvalidValueError, ConflictError) as error:
        return await run_in_threadpool(
            _page, view, change.store, change.principal, upload_id, series_trouble=error, said=said
        )
    return view.go(f"{link('uploads', upload_id)}#series")


@router.post("/recheck")
async def recheck_upload(
    upload_id: Number, view: TheView, change: InLaboratory, desk: TheDesk, slow_work: TheSlowWork
) -> Response:
    """Looks at refused rows again."""
    await uploads.recheck_upload(upload_id, change, desk, slow_work)
    return view.go(link("uploads", upload_id))


@router.post("/accept")
def accept_upload(
    upload_id: Number,
    view: TheView,
    store: TheStore,
    desk: TheDesk,
    principal: Laboratory,
    confirmed: Annotated[list[int] | None, Form()] = None,
    *,
    confirm_all: Annotated[bool, Form()] = False,
) -> Response:
    """Lets rows enter, and says why others did not."""
    confirmation = Confirmation(tuple(confirmed or ()), confirm_all)
    done = uploads.accept_upload(upload_id, store, principal, desk, confirmation)
    if not done.held_back:
        return view.go(link("uploads", upload_id))
    return _page(view, store, principal, upload_id, done=done)


@router.post("/reject")
def reject_upload(upload_id: Number, view: TheView, change: InLaboratory, desk: TheDesk) -> Response:
    """Ends the upload; what has entered stays."""
    uploads.reject_upload(upload_id, change, desk)
    return view.go(link("uploads", upload_id))


def _page(  # noqa: PLR0913 - which rows, and what came of a form
    view: View,
    store: Store,
    principal: Principal,
    upload_id: int,
    *,
    after: int = 0,
    states: list[RowState] | None = None,
    done: AcceptanceView | None = None,
    series_trouble: PetaliteError | None = None,
    said: SaidOfSeries | None = None,
) -> Response:
    details = uploads.show_upload(upload_id, store, principal)
    kind = details.upload.kind
    page = uploads.list_rows(upload_id, store, principal, after, ON_A_PAGE, states)
    fits = cast(Mapping[str, JsonObject], details.report.get("fits") or {})
    rows = [_shown(row, kind) for row in page.items]
    spectra = spectra_of(store, upload_id) if len(fits) > 1 else ()
    return view.page(
        "pages/upload.html",
        status=200 if series_trouble is None else 422,
        spectra=spectra,
        left_out=said.left_out if said else {row.number for row in spectra if is_left_out(row.cells)},
        series={**common_cells(spectra), **(said.cells if said else {})},
        series_trouble=series_trouble,
        details=details,
        campaign=store.campaigns.by_id(details.upload.campaign_id),
        rows=rows,
        next=page.next,
        states=states or (),
        all_states=tuple(RowState),
        done=done,
        fits=fits,
        spectrum=rows[0] if len(fits) == 1 and len(rows) == 1 else None,
        circuits=CIRCUIT_TITLES,
        line=details.report.get("arrhenius") or {},
        is_open=details.upload.state is UploadState.OPEN,
        typed={},
        trouble=None,
    )


def _row_page(  # noqa: PLR0913 - which row, and what was typed into it
    view: View,
    store: Store,
    principal: Principal,
    upload_id: int,
    number: int,
    *,
    is_open: bool,
    typed: Mapping[str, str] | None = None,
    trouble: PetaliteError | None = None,
) -> Response:
    details = uploads.show_upload(upload_id, store, principal)
    found = uploads.list_rows(upload_id, store, principal, number - 1, 1, None).items
    if not found or found[0].number != number:
        raise NotFoundError(f"Upload {upload_id} has no row {number}.", remedy="Read its report for its rows.")
    fits = cast(Mapping[str, JsonObject], details.report.get("fits") or {})
    return view.page(
        "pages/upload_row.html",
        # A form that htmx sent is swapped in whatever came of it.
        status=200 if trouble is None or view.is_partial else 422,
        details=details,
        campaign=store.campaigns.by_id(details.upload.campaign_id),
        shown=_shown(found[0], details.upload.kind),
        fits=fits,
        circuits=CIRCUIT_TITLES,
        is_editing=is_open,
        is_open=details.upload.state is UploadState.OPEN,
        n_rows=sum(details.upload.rows.values()),
        typed=typed or {},
        trouble=trouble,
    )


def _shown(row: RowView, kind: UploadKind) -> ShownRow:
    columns = tuple(dict.fromkeys([*row.cells, *FILLABLE.get(kind, ())]))
    taken_for = _taken_for(row.understood)
    if taken_for and is_left_out(row.cells):
        taken_for += ", left out of the line"
    return ShownRow(row, taken_for, columns)


def _taken_for(understood: JsonObject) -> str:
    """What would enter, in words."""
    if not understood:
        return ""
    reading, crystal = understood.get("reading"), understood.get("crystal")
    parts = []
    if isinstance(reading, dict):
        parts.append(words.reading(reading))
    match understood.get("destination"):
        case "answer":
            parts.append(f"answers sample № {understood.get('query_id')}")
        case "amendment":
            parts.append(f"corrects measurement № {understood.get('measurement_id')}")
        case "realization":
            parts.append(f"sites of candidate № {understood.get('candidate_id')}")
        case "part":
            parts.append("one temperature of the series")
        case _:
            name = crystal.get("name", "") if isinstance(crystal, dict) else ""
            parts.append(f"{name}, which nobody asked for" if isinstance(reading, dict) else f"known material {name}")
    return ", ".join(parts)
