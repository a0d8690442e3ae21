"""A campaign's crystals as a table: sorted, narrowed down, taken away."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import StreamingResponse

from domain.errors import InvalidValueError
from domain.measurement import Censoring
from domain.states import QueryState
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import LARGEST_NUMBER, Name, Reader, TheStore, require, visible_campaign
from services.api.paging import LARGEST_PAGE, Limit
from services.api.routers.rounds import read_formula
from services.api.structure_answer import attached
from services.spreadsheets import harmless_cell
from services.store import Store
from services.store.crystals import CrystalFilter, CrystalOrder, CrystalPage, CrystalRow, CrystalSort
from services.store.records import CampaignRecord

router = APIRouter(tags=["rounds and candidates"])

Symbol = Annotated[str, Field(pattern="^[A-Z][a-z]?$")]
Place = Annotated[str | None, Query(max_length=400, description="`next` of the page before.")]
_CSV: Final[dict[int | str, dict[str, object]]] = {
    200: {"description": "The table.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


class Direction(StrEnum):
    """Which end comes first."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True)
class LeaderParameters:
    """Which crystals are listed, and in which order."""

    sort: Annotated[
        CrystalOrder | None,
        Query(description="By what. Left out: by promise, or by round before anything is expected."),
    ] = None
    order: Annotated[Direction, Query(description="Which end comes first; the best promise is the lowest.")] = (
        Direction.ASCENDING
    )
    value_at: Annotated[
        str | None, Query(max_length=200, description="Fidelity whose values are sorted by; the target if left out.")
    ] = None
    formula: Annotated[str | None, Query(max_length=80, description="Only those of this reduced formula.")] = None
    element: Annotated[list[Symbol] | None, Query(max_length=20, description="Elements all of which they contain.")] = (
        None
    )
    space_group: Annotated[int | None, Query(ge=1, le=230, description="Only those of this space group.")] = None
    round_index: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER, description="Only those of this round.")] = None
    reached: Annotated[
        str | None, Query(max_length=200, description="Only those that were measured at this fidelity.")
    ] = None
    state: Annotated[QueryState | None, Query(description="Only those with a look in this state.")] = None
    candidate: Annotated[
        list[Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]] | None,
        Query(max_length=LARGEST_PAGE, description="Numbers of those among which they are."),
    ] = None

    @property
    def wanted(self) -> CrystalFilter:
        """Which crystals, for the store.

        Raises:
            InvalidValueError: If the formula is none.
        """
        return CrystalFilter(
            candidates=frozenset(self.candidate or ()),
            formula=None if self.formula is None else read_formula(self.formula).reduced_formula,
            elements=frozenset(self.element or ()),
            space_group=self.space_group,
            round_index=self.round_index,
            reached=self.reached,
            state=self.state,
        )

    def sorted_for(self, store: Store, campaign: CampaignRecord) -> CrystalSort:
        """In which order, for the store.

        Raises:
            InvalidValueError: If the campaign's ladder has no such fidelity.
        """
        ladder = campaign.spec.fidelities
        for named in (self.value_at, self.reached):
            if named is not None and named not in ladder.names:
                raise InvalidValueError(
                    f"The ladder has no fidelity '{named}'.", remedy=f"Give one of {', '.join(ladder.names)}."
                )
        usual = CrystalOrder.PROMISE if store.crystals.are_believed(campaign.id) else CrystalOrder.ROUND
        return CrystalSort(
            by=self.sort or usual,
            sign=campaign.spec.objective.sign,
            fidelity=self.value_at or ladder.target.name,
            scale=campaign.spec.objective.measured.scale,
            is_descending=self.order is Direction.DESCENDING,
        )


@router.get("/campaigns/{name}/leaders", summary="List a campaign's crystals, the best first")
def list_leaders(
    name: Name,
    store: TheStore,
    principal: Reader,
    only: Annotated[LeaderParameters, Depends()],
    after: Place = None,
    limit: Limit = 100,
) -> CrystalPage:
    """Its crystals with what is expected of them, what was measured and what was paid.

    Crystals that have no value to sort by are left out.
    """
    campaign = visible_campaign(store, principal, name)
    sort = only.sorted_for(store, campaign)
    return store.crystals.page(campaign.id, sort, wanted=only.wanted, after=after, limit=limit)


@router.get(
    "/campaigns/{name}/leaders.csv",
    summary="Take a campaign's crystals away as a table",
    response_class=StreamingResponse,
    responses=_CSV,
)
def take_leaders(
    name: Name,
    store: TheStore,
    principal: Annotated[Principal, Depends(require(Permission.EXPORT))],
    only: Annotated[LeaderParameters, Depends()],
) -> StreamingResponse:
    """All of them, in the same order, with the same columns for every crystal."""
    campaign = visible_campaign(store, principal, name)
    sort, wanted = only.sorted_for(store, campaign), only.wanted
    store.audit.append(principal.name, "campaign.export", f"campaign {name}", {"format": "leaders"})
    lines = _lines(store, campaign, sort, wanted)
    return StreamingResponse(lines, media_type="text/csv", headers=attached(f"{name}-crystals.csv"))


def _lines(store: Store, campaign: CampaignRecord, sort: CrystalSort, wanted: CrystalFilter) -> Iterator[str]:
    unit, currency = campaign.spec.objective.measured.unit, campaign.spec.budget.unit
    names = campaign.spec.fidelities.names
    header = ["candidate", "round", "formula", "space_group", "density_g_cm3", "blueprint_digest"]
    header += [f"expected ({unit})", f"expected_sd ({unit})"]
    header += [f"expected_low ({unit})", f"expected_high ({unit})", f"paid ({currency})"]
    header += [title for name in names for title in (f"{name} ({unit})", f"{name} sigma ({unit})", f"{name} bound")]
    header.append("disorder")
    yield _line(header)
    after: str | None = None
    while True:
        page = store.crystals.page(campaign.id, sort, wanted=wanted, after=after, limit=LARGEST_PAGE)
        yield "".join(_line(_cells(row, names)) for row in page.items)
        if page.next is None:
            return
        after = page.next


def _cells(row: CrystalRow, fidelities: tuple[str, ...]) -> list[str | float | int | None]:
    cells: list[str | float | int | None] = [
        row.candidate_id, row.round_index, row.formula, row.space_group, row.density_g_cm3, row.digest, row.expected,
        row.expected_sd, row.expected_low, row.expected_high, row.paid,
    ]  # fmt: skip
    for name in fidelities:
        look = row.look_at(name)
        bound = "" if look is None or look.censoring is Censoring.NONE else look.censoring.value
        cells += (None, None, "") if look is None else (look.value, look.sigma, bound)
    cells.append(row.disorder or "")
    return cells


def _line(cells: list[str] | list[str | float | int | None]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow([harmless_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return file.getvalue()
