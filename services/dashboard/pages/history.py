"""What a campaign did: its rounds, its looks and its events."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from domain.events import EventKind
from domain.json_value import JsonObject
from domain.states import QueryState
from services.api.dependencies import LARGEST_NUMBER, Name, Reader, TheStore, visible_campaign
from services.api.paging import After
from services.api.routers import queries
from services.api.routers.queries import QueryFilter
from services.dashboard.pages.frame import campaign_frame
from services.dashboard.pages.parameters import BLANK
from services.dashboard.view import TheView, address, link
from services.store import Store
from services.store.beliefs import NOTE as BELIEFS
from services.store.records import CandidateRecord, QueryRecord

router = APIRouter(prefix="/campaigns/{name}")

ROUNDS_ON_A_PAGE: Final = 20
LOOKS_ON_A_PAGE: Final = 50
EVENTS_ON_A_PAGE: Final = 100


@router.get("/rounds")
def show_rounds(
    name: Name,
    view: TheView,
    store: TheStore,
    principal: Reader,
    before: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER)] = None,
) -> Response:
    """Its rounds, the newest first."""
    campaign = visible_campaign(store, principal, name)
    found = store.rounds.newest(campaign.id, before=before, limit=ROUNDS_ON_A_PAGE + 1)
    rounds = found[:ROUNDS_ON_A_PAGE]
    path = link("campaigns", name, "rounds")
    return view.page(
        "pages/rounds.html",
        frame=campaign_frame(store, campaign, "rounds"),
        rounds=rounds,
        counts={each.index: store.pages.count_looks(campaign.id, round_index=each.index) for each in rounds},
        next_url=address(path, before=rounds[-1].index) if len(found) > ROUNDS_ON_A_PAGE else None,
    )


@router.get("/rounds/{index}")
def show_round(
    name: Name,
    index: Annotated[int, Path(ge=0, le=LARGEST_NUMBER)],
    view: TheView,
    store: TheStore,
    principal: Reader,
    after: After = 0,
) -> Response:
    """One round: what was known, what it decided and why."""
    campaign = visible_campaign(store, principal, name)
    shown_round = store.rounds.at(campaign.id, index)
    only = QueryFilter(state=None, fidelity=None, round_index=index)
    page = queries.list_queries(name, store, principal, only, after=after, limit=LOOKS_ON_A_PAGE)
    path = link("campaigns", name, "rounds", index)
    return view.page(
        "pages/round.html",
        frame=campaign_frame(store, campaign, "rounds"),
        round=shown_round,
        opening=shown_round.notes.get("diagnostics"),
        closing=shown_round.closing_notes.get("diagnostics"),
        other_notes=_other_notes(shown_round.notes),
        counts=store.pages.count_looks(campaign.id, round_index=index),
        page=page,
        candidates=_candidates(store, page.items),
        next_url=address(path, after=page.next) if page.next else None,
    )


@dataclass(frozen=True, slots=True)
class LooksAsked:
    """What the form above the looks asks for."""

    state: Annotated[QueryState | None, Query(), BLANK] = None
    fidelity: Annotated[str | None, Query(max_length=200), BLANK] = None
    round_index: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER), BLANK] = None

    @property
    def only(self) -> QueryFilter:
        """The same in the words of the API."""
        return QueryFilter(None if self.state is None else [self.state], self.fidelity, self.round_index)

    @property
    def filters(self) -> dict[str, str | int | list[str] | None]:
        """The same for addresses."""
        index = None if self.round_index is None else str(self.round_index)
        return {"state": self.state, "fidelity": self.fidelity, "round_index": index}


@router.get("/looks")
def show_looks(
    name: Name,
    view: TheView,
    store: TheStore,
    principal: Reader,
    asked: Annotated[LooksAsked, Depends()],
    after: After = 0,
) -> Response:
    """What was asked, in the order in which it was chosen."""
    campaign = visible_campaign(store, principal, name)
    page = queries.list_queries(name, store, principal, asked.only, after=after, limit=LOOKS_ON_A_PAGE)
    path = link("campaigns", name, "looks")
    newest = store.rounds.newest(campaign.id, limit=1)
    return view.page(
        "pages/looks.html",
        frame=campaign_frame(store, campaign, "looks"),
        page=page,
        candidates=_candidates(store, page.items),
        asked=asked,
        states=tuple(QueryState),
        n_rounds=newest[0].index + 1 if newest else 0,
        is_first=after == 0,
        here_url=address(path, **asked.filters, after=after),
        next_url=address(path, **asked.filters, after=page.next) if page.next else None,
    )


@router.get("/events")
def show_events(
    name: Name,
    view: TheView,
    store: TheStore,
    principal: Reader,
    kind: Annotated[EventKind | None, Query(), BLANK] = None,
    up_to: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER)] = None,
) -> Response:
    """What happened, the newest first."""
    campaign = visible_campaign(store, principal, name)
    kinds = tuple(EventKind) if kind is None else (kind,)
    newest = store.events.last_id(campaign.id) if up_to is None else up_to
    found = store.events.latest(campaign.id, kinds, up_to_id=newest, limit=EVENTS_ON_A_PAGE + 1)
    path = link("campaigns", name, "events")
    has_more = len(found) > EVENTS_ON_A_PAGE
    return view.page(
        "pages/events.html",
        frame=campaign_frame(store, campaign, "events"),
        events=found[:EVENTS_ON_A_PAGE],
        kinds=tuple(EventKind),
        kind=kind,
        here_url=address(path, kind=kind, up_to=up_to),
        is_newest=up_to is None,
        next_url=address(path, kind=kind, up_to=found[-1].id) if has_more else None,
    )


def _candidates(store: Store, asked: tuple[QueryRecord, ...]) -> dict[int, CandidateRecord]:
    return store.candidates.get_all({query.candidate_id for query in asked})


def _other_notes(notes: JsonObject) -> dict[str, object]:
    """Notes that the page does not spell out."""
    return {key: value for key, value in notes.items() if key not in {"diagnostics", BELIEFS}}
