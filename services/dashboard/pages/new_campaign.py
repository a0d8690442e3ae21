"""A new campaign: from a form, from YAML beside it, from an example, a file or another campaign."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, UploadFile
from starlette.responses import Response

from domain.campaign import CampaignSpec
from domain.elements import HEAVIEST, Element, element
from domain.errors import (
    ConflictError,
    InvalidValueError,
    NotFoundError,
    PermissionDeniedError,
    PetaliteError,
    ServiceError,
    SpecError,
)
from domain.parsing import LocatedError, parse
from domain.quantity import QUANTITIES, Goal
from domain.search_space import SearchSpace
from domain.space_groups import CrystalSystem, SpaceGroup, all_space_groups
from domain.timing import Timing
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import Name, TheService, TheStore, require, visible_campaign
from services.api.errors import TooManyRequestsError
from services.api.problems import status_of
from services.api.registered import registered_oracles
from services.api.routers import campaigns, schedules
from services.api.service import Service
from services.api.spec_checker import SpaceCount
from services.api.spec_summary import LARGEST_SPEC, SpecSummary, summarise
from services.dashboard.examples import example_text, examples
from services.dashboard.pages.campaigns import choosable_groups
from services.dashboard.periodic_table import ROWS
from services.dashboard.posted import Posted
from services.dashboard.spec_draft import Draft, draft_from_text, draft_of
from services.dashboard.spec_form import rungs_of, with_step
from services.dashboard.timings import INTERVALS, WAYS, WEEKDAYS, chosen_timing, time_zones
from services.dashboard.view import TheView, View, link
from services.dashboard.words import plain, unit
from services.specs import dump_spec, problems_of, read_document
from services.store import Store

router = APIRouter()

Writer = Annotated[Principal, Depends(require(Permission.CAMPAIGN_WRITE))]
Creating = Annotated[Change, Depends(changing(Permission.CAMPAIGN_WRITE, takes_key=False))]
_LONGEST_NAME: Final = 63
_REFUSED: Final = 422
GENERATORS: Final = ("crystal-gfn", "uniform")
SURROGATES: Final = ("multi-fidelity-gp", "target-only-gp")
"""To choose from; what is known decides whoever checks the spec."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a process of its own found out about a spec."""

    draft: Draft
    summary: SpecSummary | None = None
    """None where it cannot be run."""
    count: SpaceCount | None = None
    why_uncounted: PetaliteError | None = None
    """None where the space was counted, or where it is not written yet."""


@router.get("/campaigns/new")
def show_new_campaign(
    view: TheView, store: TheStore, principal: Writer, template: Annotated[str, Query(max_length=63)] = ""
) -> Response:
    """An empty form, or one that is filled from an example."""
    draft = draft_from_text(example_text(template)) if template else Draft({}, "", "")
    return _page(view, store, principal, draft, {})


@router.get("/campaigns/{name}/clone")
def clone_campaign(name: Name, view: TheView, store: TheStore, principal: Writer) -> Response:
    """The form, filled like another campaign, under a name that is free."""
    spec = visible_campaign(store, principal, name).spec
    clone = replace(spec, name=_free_name(store, spec.name))
    return _page(view, store, principal, draft_from_text(dump_spec(clone)), {})


@router.post("/campaigns/new/file")
def fill_from_file(view: TheView, store: TheStore, principal: Writer, file: UploadFile) -> Response:
    """The form, filled from a YAML file."""
    content = file.file.read(LARGEST_SPEC + 1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError("The file is not text in UTF-8.", remedy="Choose the campaign's YAML file.") from error
    if not text.strip():
        raise SpecError("No file was chosen, or it is empty.", remedy="Choose the campaign's YAML file.")
    return _page(view, store, principal, draft_from_text(text), {})


@router.post("/campaigns/new/sync")
def bring_into_step(
    view: TheView,
    store: TheStore,
    principal: Writer,
    posted: Posted,
) -> Response:
    """Lets the YAML follow the form or the form the YAML, or takes a step in the ladder."""
    step, prefer = posted.get("step", ""), posted.get("prefer", "")
    if step:
        draft = replace(draft_of(with_step(posted, step), prefer="form-surely"), is_form_stale=True)
    else:
        draft = draft_of(posted, prefer=prefer)
    if view.is_partial:
        return view.page("parts/spec_synced.html", draft=draft, choices=_choices(draft))
    return _page(view, store, principal, draft, posted)


@router.post("/campaigns/new/check")
def check_spec(view: TheView, service: TheService, _principal: Writer, posted: Posted) -> Response:
    """Whether the spec can be run, what it would cost at first, and how many crystals there are."""
    return view.page("parts/spec_verdict.html", verdict=_verdict(draft_of(posted, prefer="yaml"), service))


@router.post("/campaigns/new")
def create_campaign(view: TheView, store: TheStore, service: TheService, change: Creating, posted: Posted) -> Response:
    """Creates the campaign, schedules it and starts it where that is wanted; all of it, or nothing."""
    draft = draft_of(posted)
    try:
        timing = chosen_timing(posted)
        if draft.spec is None:
            return _page(view, store, change.principal, draft, posted, problem=_unfinished(draft), status=_REFUSED)
        service.checker.require_runnable(draft.spec)
        _create(change, service, draft.spec, posted, timing)
    except LocatedError as error:
        draft = replace(draft, problems=problems_of(_of_spec(error), draft.text.encode()), spec=None)
        return _page(view, store, change.principal, draft, posted, status=_REFUSED)
    except (ConflictError, InvalidValueError, SpecError, PermissionDeniedError, NotFoundError) as error:
        status = status_of(error).value
        return _page(view, store, change.principal, draft, posted, problem=error, status=status)
    return view.go(link("campaigns", draft.spec.name))


def _create(
    change: Change, service: Service, spec: CampaignSpec, posted: Mapping[str, str], timing: Timing | None
) -> None:
    with change.store.writing():
        campaigns.create_campaign(campaigns.NewCampaign(spec, posted.get("group") or None), change, service)
        if timing is not None:
            wanted = schedules.NewSchedule(timing.kind, timing.expression, timing.time_zone)
            schedules.add_schedule(spec.name, wanted, change)
        if posted.get("start"):
            change.principal.require(Permission.CAMPAIGN_RUN)
            campaigns.start_campaign(spec.name, change)


def _unfinished(draft: Draft) -> SpecError:
    """Why nothing was created, above the form; what is wrong stands beside its field."""
    if draft.problems:
        return SpecError(
            "The campaign was not created.", remedy="Correct what is marked in the form and below the YAML."
        )
    return SpecError("The campaign was not created.", remedy=f"Still needed: {', '.join(draft.needed)}.")


def _of_spec(error: LocatedError) -> LocatedError:
    """The same problems, placed in the spec and not in the body of a request that holds it."""
    problems = tuple(
        replace(found, location=found.location[2:]) if found.location[:2] == ("body", "spec") else found
        for found in error.problems
    )
    return LocatedError(error.problem, remedy=error.remedy, problems=problems)


def _verdict(draft: Draft, service: Service) -> Verdict:
    summary: SpecSummary | None = None
    count: SpaceCount | None = None
    why_uncounted: PetaliteError | None = None
    try:
        if draft.spec is not None:
            service.checker.require_runnable(draft.spec)
            summary = summarise(draft.spec)
    except SpecError as error:
        draft = replace(draft, problems=problems_of(error, draft.text.encode()))
    except (TooManyRequestsError, ServiceError) as error:
        why_uncounted = error
    try:
        space = draft.spec.space if draft.spec is not None else _space_of(draft.text)
        count = None if space is None or why_uncounted is not None else service.checker.count(space)
    except (SpecError, TooManyRequestsError, ServiceError) as error:
        why_uncounted = error
    return Verdict(draft, summary, count, why_uncounted)


def _space_of(text: str) -> SearchSpace | None:
    """The search space of a spec that is not finished yet; None where that is not either."""
    try:
        return parse(SearchSpace, read_document(text).get("space"), what="The search space")
    except SpecError:
        return None


def _free_name(store: Store, name: str) -> str:
    stem = name.rpartition("-")[0] if name.rpartition("-")[2].isdecimal() else name
    number = 2
    while True:
        free = f"{(stem or name)[: _LONGEST_NAME - len(str(number)) - 1]}-{number}"
        try:
            store.campaigns.get(free)
        except NotFoundError:
            return free
        number += 1


def _page(
    view: View,
    store: Store,
    principal: Principal,
    draft: Draft,
    posted: Mapping[str, str],
    *,
    problem: PetaliteError | None = None,
    status: int = 200,
) -> Response:
    return view.page(
        "pages/new_campaign.html",
        status=status,
        draft=draft,
        posted=posted,
        problem=problem,
        examples=examples(),
        groups=choosable_groups(store, principal),
        ways=WAYS,
        intervals=INTERVALS,
        weekdays=WEEKDAYS,
        zones=time_zones(),
        choices=_choices(draft),
    )


def _choices(draft: Draft) -> dict[str, object]:
    """What the fields of a spec offer to choose from."""
    return {
        "rungs": rungs_of(draft.fields),
        "periodic_rows": ROWS,
        "elements": _elements(),
        "systems": _systems(),
        "quantities": [(found.name, f"{plain(found.name)} ({unit(found.unit)})") for found in QUANTITIES.values()],
        "goals": [(goal.value, goal.value) for goal in Goal],
        "oracles": sorted(registered_oracles()),
        "generators": GENERATORS,
        "surrogates": SURROGATES,
    }


def _elements() -> Mapping[str, Element]:
    known = (Element(number) for number in range(1, HEAVIEST + 1))
    return {found.symbol: element(found.symbol) for found in known}


def _systems() -> Mapping[CrystalSystem, tuple[SpaceGroup, ...]]:
    groups = all_space_groups()
    return {system: tuple(group for group in groups if group.crystal_system is system) for system in CrystalSystem}
