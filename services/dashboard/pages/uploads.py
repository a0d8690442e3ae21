"""A campaign's uploads: what laboratories handed in, and the form that takes more."""

import json
from typing import Annotated, Final

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from services.api.dependencies import LARGEST_NUMBER, Name, Reader, TheStore, visible_campaign
from services.api.routers import laboratory
from services.api.routers.laboratory import Before
from services.api.routers.uploads import Laboratory, TheDesk, TheSlowWork, hand_in_file
from services.api.views import campaign_view
from services.dashboard.view import TheView, link
from services.store.uploads import UploadKind

router = APIRouter(prefix="/campaigns/{name}/uploads")

ON_A_PAGE: Final = 50
LARGEST_MIB: Final = 64
Said = Annotated[str, Form(max_length=200)]


async def said_of_file(  # noqa: PLR0913, PLR0917 - the fields of the form
    query: Said = "",
    fidelity: Said = "",
    sample: Said = "",
    thickness: Said = "",
    area: Said = "",
    temperature: Said = "",
    use: Said = "",
    measurement: Said = "",
) -> dict[str, str]:
    """What is said of the file as a whole, without what was left empty."""
    given = {
        "query": query,
        "fidelity": fidelity,
        "sample": sample,
        "thickness": thickness,
        "area": area,
        "temperature": temperature,
        "use": use,
        "measurement": measurement,
    }
    return {name: text.strip() for name, text in given.items() if text.strip()}


@router.get("")
def show_uploads(
    name: Name,
    view: TheView,
    store: TheStore,
    principal: Reader,
    before: Before = None,
    query: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None,
) -> Response:
    """What was handed in, the newest first, and the form."""
    record = visible_campaign(store, principal, name)
    asked = laboratory.list_laboratory_queries(store, principal, limit=500, campaign=name, with_stopped=True)
    return view.page(
        "pages/uploads.html",
        shown=campaign_view(record, now=store.now()),
        uploads=laboratory.list_laboratory_uploads(store, principal, before, ON_A_PAGE, campaign=name),
        laboratories=[rung for rung in record.spec.ladder if rung.is_laboratory],
        has_spectra=record.spec.objective.quantity == "ionic_conductivity",
        samples=asked.items,
        query=query,
        kinds=tuple(UploadKind),
        largest_mib=LARGEST_MIB,
    )


@router.post("")
async def hand_in(  # noqa: PLR0913 - the parts of its form
    name: Name,
    view: TheView,
    store: TheStore,
    desk: TheDesk,
    slow_work: TheSlowWork,
    principal: Laboratory,
    said: Annotated[dict[str, str], Depends(said_of_file)],
    *,
    file: Annotated[list[UploadFile] | None, File()] = None,
    kind: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Keeps a file and shows what it was taken for."""
    await run_in_threadpool(visible_campaign, store, principal, name)
    chosen = [each for each in file or () if each.size]
    if len(chosen) != 1:
        problem = "No file was chosen, or it is empty." if not chosen else "Several files were chosen."
        raise InvalidValueError(problem, remedy="Choose one file; pack several spectra or CIFs into one zip.")
    answer = await hand_in_file(
        name=name,
        store=store,
        desk=desk,
        slow_work=slow_work,
        principal=principal,
        file=chosen[0],
        kind=UploadKind(kind) if kind in set(UploadKind) else None,
        options=json.dumps(said),
    )
    kept: JsonObject = json.loads(bytes(answer.body))
    upload = kept["upload"]
    return view.go(link("uploads", str(upload["id"]) if isinstance(upload, dict) else ""))
