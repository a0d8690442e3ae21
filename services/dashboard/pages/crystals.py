"""The crystals of a campaign as a table that is sorted, narrowed down and taken away."""

from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from domain.quantity import Goal
from domain.states import QueryState
from services.api.dependencies import LARGEST_NUMBER, Name, Reader, TheStore, visible_campaign
from services.api.routers import leaders
from services.api.routers.leaders import Direction, LeaderParameters, Place
from services.dashboard.pages.frame import campaign_frame, is_anything_known
from services.dashboard.pages.parameters import BLANK, symbols_in
from services.dashboard.view import TheView, address, link
from services.store.crystals import CrystalOrder, CrystalSort
from services.store.records import CampaignRecord

router = APIRouter(prefix="/campaigns/{name}")

ON_A_PAGE: Final = 50
COLUMNS: Final = ("expected", "looks", "paid", "space group", "density", "round", "state")
"""What may be shown of a crystal beside its formula."""


@dataclass(frozen=True, slots=True)
class CrystalsAsked:
    """What the form above the table asks for."""

    sort: Annotated[CrystalOrder | None, Query(), BLANK] = None
    order: Annotated[Direction | None, Query(), BLANK] = None
    value_at: Annotated[str | None, Query(max_length=200), BLANK] = None
    formula: Annotated[str | None, Query(max_length=80), BLANK] = None
    elements: Annotated[str | None, Query(max_length=80), BLANK] = None
    space_group: Annotated[int | None, Query(ge=1, le=230), BLANK] = None
    round_index: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER), BLANK] = None
    reached: Annotated[str | None, Query(max_length=200), BLANK] = None
    state: Annotated[QueryState | None, Query(), BLANK] = None
    column: Annotated[list[str] | None, Query(max_length=20)] = None

    @property
    def columns(self) -> tuple[str, ...]:
        """What is shown; everything where nothing is chosen."""
        return tuple(name for name in COLUMNS if not self.column or name in self.column)

    @property
    def parameters(self) -> LeaderParameters:
        """The same in the words of the API."""
        return LeaderParameters(
            sort=self.sort,
            order=self.order or Direction.ASCENDING,
            value_at=self.value_at,
            formula=self.formula,
            element=symbols_in(self.elements),
            space_group=self.space_group,
            round_index=self.round_index,
            reached=self.reached,
            state=self.state,
        )

    @property
    def filters(self) -> dict[str, str | int | list[str] | None]:
        """What is asked beside the order, for addresses."""
        return {
            "formula": self.formula,
            "elements": self.elements,
            "space_group": self.space_group,
            "round_index": None if self.round_index is None else str(self.round_index),
            "reached": self.reached,
            "state": self.state,
            "column": self.column,
        }

    @property
    def ordering(self) -> dict[str, str | int | list[str] | None]:
        """In which order, for addresses."""
        return {"sort": self.sort, "order": self.order, "value_at": self.value_at}


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column that can be sorted by."""

    url: str
    """Sorts by it, or the other way round."""
    sorted: str
    """`ascending`, `descending` or `none`, as for screen readers."""


@router.get("/crystals")
def show_crystals(
    name: Name,
    view: TheView,
    store: TheStore,
    principal: Reader,
    asked: Annotated[CrystalsAsked, Depends()],
    after: Place = None,
) -> Response:
    """A page of the table."""
    campaign = visible_campaign(store, principal, name)
    parameters = asked.parameters
    page = leaders.list_leaders(name, store, principal, parameters, after=after, limit=ON_A_PAGE)
    path = link("campaigns", name, "crystals")
    next_url = address(path, **asked.ordering, **asked.filters, after=page.next) if page.next else None
    api = f"/api/v1{link('campaigns', name, 'leaders.csv')}"
    element = parameters.element
    taken = {**asked.ordering, **asked.filters, "elements": None, "column": None, "element": element}
    return view.page(
        "pages/crystals.html",
        frame=campaign_frame(store, campaign, "crystals"),
        page=page,
        asked=asked,
        columns=COLUMNS,
        headings=_headings(campaign, asked, parameters.sorted_for(store, campaign)),
        is_believed=store.crystals.are_believed(campaign.id) and is_anything_known(store, campaign),
        n_crystals=store.crystals.count(campaign.id),
        states=tuple(QueryState),
        next_url=next_url,
        here_url=address(path, **asked.ordering, **asked.filters, after=after),
        is_first=after is None,
        first_url=address(path, **asked.ordering, **asked.filters),
        csv_url=address(api, **taken),
    )


def _headings(campaign: CampaignRecord, asked: CrystalsAsked, now: CrystalSort) -> dict[str, Heading]:
    """How to sort by each column, by its name; fidelities by theirs behind `at `."""
    path = link("campaigns", campaign.name, "crystals")
    is_high_better = campaign.spec.objective.goal is Goal.MAXIMIZE
    found: dict[str, Heading] = {}
    for by in CrystalOrder:
        if by is not CrystalOrder.VALUE:
            is_high_first = by is CrystalOrder.PAID or (by is CrystalOrder.EXPECTED and is_high_better)
            found[by.value] = _heading(path, asked, now, replace(now, by=by, is_descending=is_high_first))
    for fidelity in campaign.spec.fidelities.names:
        wanted = replace(now, by=CrystalOrder.VALUE, fidelity=fidelity, is_descending=is_high_better)
        found[f"at {fidelity}"] = _heading(path, asked, now, wanted)
    return found


def _heading(path: str, asked: CrystalsAsked, now: CrystalSort, wanted: CrystalSort) -> Heading:
    is_value = wanted.by is CrystalOrder.VALUE
    is_now = now.by is wanted.by and (not is_value or now.fidelity == wanted.fidelity)
    is_descending = not now.is_descending if is_now else wanted.is_descending
    url = address(
        path,
        sort=wanted.by,
        order=Direction.DESCENDING if is_descending else Direction.ASCENDING,
        value_at=wanted.fidelity if is_value else None,
        **asked.filters,
    )
    shown = "descending" if now.is_descending else "ascending"
    return Heading(url, shown if is_now else "none")
