"""One sample: what is asked, what is known, and the form in which its result is handed in. Made for a phone."""

import io
import json
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

import segno
from fastapi import APIRouter, Depends, File, Form, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError, PetaliteError, UnconfirmedValueError
from domain.events import EventKind
from domain.measurement import FailureKind
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import Number, Reader, TheService, TheStore, visible_query
from services.api.problems import status_of
from services.api.routers import laboratory
from services.api.routers.laboratory import LaboratoryFailure, LaboratoryResult
from services.api.routers.uploads import TheDesk, TheSlowWork, hand_in_file
from services.dashboard.view import TheView, View, link
from services.dashboard.written_result import WrittenResult, units_of, written_result
from services.reports.laboratory import Sample
from services.store import Store
from services.store.uploads import UploadKind, UploadState

router = APIRouter(prefix="/laboratory/queries/{query_id}")

InLaboratory = Annotated[Change, Depends(changing(Permission.LABORATORY, takes_key=False))]
_WAITING: Final = ("queued", "claimed", "awaiting_approval")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a form came back."""

    problem: str
    remedy: str
    form: str
    """Which of the forms: `result` or `failure`."""
    can_be_confirmed: bool = False

    @classmethod
    def of(cls, error: PetaliteError, form: str) -> Self:
        """Why a form was refused; what looks like a mistake is confirmed by a tick that the page then offers."""
        if not isinstance(error, UnconfirmedValueError):
            return cls(error.problem, error.remedy, form)
        remedy = "Correct it; or tick “I have checked it” below, and hand it in again."
        return cls(error.problem, remedy, form, can_be_confirmed=True)


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in the forms of the page."""

    result: WrittenResult = field(default_factory=WrittenResult)
    kind: str = FailureKind.PERMANENT.value
    reason: str = ""
    trouble: Trouble | None = None
    notices: tuple[str, ...] = ()
    """What else is to be said, such as a picture that was none."""


@router.get("")
def show_sample(query_id: Number, view: TheView, store: TheStore, principal: Reader) -> Response:
    """Everything about a sample, and the forms for what came out."""
    return _page(view, store, principal, query_id, Filled())


@router.post("/result")
async def hand_in_result(  # noqa: PLR0913 - the parts of its form
    query_id: Number,
    view: TheView,
    change: InLaboratory,
    desk: TheDesk,
    slow_work: TheSlowWork,
    written: Annotated[WrittenResult, Depends(written_result)],
    *,
    confirmed: Annotated[bool, Form()] = False,
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Records the result, then keeps what was attached to it."""
    store, principal = change.store, change.principal

    def record() -> Response | int:
        campaign, _ = visible_query(store, principal, query_id)
        quantity, typed = campaign.spec.objective.measured, written
        try:
            typed = written.sorted_out(quantity, WrittenResult(unit=units_of(quantity)[0]))
            kept = laboratory.hand_in_result(query_id, LaboratoryResult(typed.measurement(), confirmed), change)
        except (InvalidValueError, ConflictError) as error:
            filled = Filled(typed, trouble=Trouble.of(error, "result"))
            return _page(view, store, principal, query_id, filled, status=status_of(error).value)
        return int(json.loads(bytes(kept.body))["id"])

    measurement_id = await run_in_threadpool(record)
    if isinstance(measurement_id, Response):
        return measurement_id
    campaign, _ = await run_in_threadpool(visible_query, store, principal, query_id)
    notices: list[str] = []
    for file in files or ():
        if not file.size:
            continue
        options = json.dumps({"measurement": str(measurement_id)})
        try:
            answer = await hand_in_file(
                name=campaign.name,
                store=store,
                desk=desk,
                slow_work=slow_work,
                principal=principal,
                file=file,
                kind=UploadKind.ATTACHMENT,
                options=options,
            )
        except PetaliteError as error:
            notices.append(f"{file.filename}: {error.problem} {error.remedy}")
            continue
        kept = json.loads(bytes(answer.body))
        if kept["upload"]["state"] == UploadState.UNREADABLE.value:
            notices.append(f"{file.filename}: {kept['report']['problem']} It is kept, but not with the result.")
    if notices:
        filled = Filled(notices=tuple(notices))
        return await run_in_threadpool(_page, view, store, principal, query_id, filled)
    return view.go(link("laboratory", "queries", query_id))


@router.post("/failure")
def hand_in_failure(
    query_id: Number,
    view: TheView,
    change: InLaboratory,
    kind: Annotated[FailureKind, Form()] = FailureKind.PERMANENT,
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Says that there will be no result."""
    try:
        if not reason.strip():
            raise InvalidValueError("It is not said what happened.", remedy="Give a reason in a sentence.")
        laboratory.hand_in_laboratory_failure(query_id, LaboratoryFailure(kind, reason), change)
    except (InvalidValueError, ConflictError) as error:
        filled = Filled(kind=kind.value, reason=reason, trouble=Trouble.of(error, "failure"))
        return _page(view, change.store, change.principal, query_id, filled, status=status_of(error).value)
    return view.go(link("laboratory", "queries", query_id))


@router.get("/traveller")
def show_traveller(
    query_id: Number, view: TheView, store: TheStore, service: TheService, principal: Reader
) -> Response:
    """A sheet that goes with the sample, to be filled in by hand."""
    sample = laboratory.show_sample(query_id, store, principal)
    return view.page("pages/traveller.html", sample=sample, url=_public_url(service.settings.public_url, query_id))


@router.get("/code.svg")
def show_code(query_id: Number, store: TheStore, service: TheService, principal: Reader) -> Response:
    """The address of the sample's page as a code for a phone's camera. A file of its own: pages hold no pictures."""
    visible_query(store, principal, query_id)
    drawn = io.BytesIO()
    code = segno.make(_public_url(service.settings.public_url, query_id), error="m", micro=False)
    code.save(drawn, kind="svg", scale=4, border=4, dark="#000", light="#fff")
    return Response(drawn.getvalue(), media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=3600"})


def show_conflict(view: View, store: Store, principal: Principal, query_id: int, error: ConflictError) -> Response:
    """The sample as it stands, and why it cannot be what somebody wanted it to be."""
    filled = Filled(notices=(f"{error.problem} {error.remedy}",))
    return _page(view, store, principal, query_id, filled, status=status_of(error).value)


def _page(
    view: View, store: Store, principal: Principal, query_id: int, filled: Filled, *, status: int = 200
) -> Response:
    sample = laboratory.show_sample(query_id, store, principal)
    campaign, _ = visible_query(store, principal, query_id)
    counts = store.pages.count_queries((campaign.id,))
    return view.page(
        "pages/sample.html",
        status=status,
        sample=sample,
        filled=filled,
        standing=_standing(sample),
        attached=[file for answer in sample.answers for file in store.artifacts.of_measurement(answer.id)],
        kinds=tuple(FailureKind),
        units=units_of(campaign.spec.objective.measured),
        depends_on_temperature=campaign.spec.objective.measured.depends_on_temperature,
        n_waiting=sum(counts.get(state, 0) for state in _WAITING),
        newest_event=store.events.newest_id(),
        event_kinds=tuple(EventKind),
    )


def _standing(sample: Sample) -> tuple[int, ...]:
    """Numbers of the answers that count."""
    replaced = {answer.supersedes for answer in sample.answers}
    return tuple(
        answer.id
        for answer in sample.answers
        if answer.id not in replaced and not answer.is_retracted and not answer.is_evidence
    )


def _public_url(base: str, query_id: int) -> str:
    return f"{base}{link('laboratory', 'queries', query_id)}"
