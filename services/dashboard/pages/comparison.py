"""Crystals, and campaigns, beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from starlette.responses import Response

from domain.errors import InvalidValueError
from services.access.principal import Principal
from services.api.dependencies import (
    LARGEST_NUMBER,
    Reader,
    TheStore,
    visible_campaign,
    visible_candidate,
)
from services.api.routers import leaders, realizations, rounds
from services.api.routers.leaders import LeaderParameters
from services.api.routers.standings import CampaignStanding, standing_shown
from services.dashboard.pages.crystal import chosen_sites
from services.dashboard.pages.frame import is_anything_known
from services.dashboard.view import TheView, address
from services.materials.cell import CellView, cell_of_blueprint
from services.materials.formats import StructureFormat
from services.materials.novelty import Novelty
from services.materials.show import RealizationView
from services.reports.comparison import MOST_COMPARED
from services.store import Store
from services.store.crystals import CrystalOrder, CrystalRow
from services.store.records import CampaignRecord, CandidateRecord

T = TypeVar("T")

router = APIRouter(prefix="/compare")

Crystals = Annotated[list[Annotated[int, Query(ge=1, le=LARGEST_NUMBER)]], Query()]
Campaigns = Annotated[list[Annotated[str, Query(max_length=63)]], Query()]


@dataclass(frozen=True, slots=True)
class CrystalShown:
    """One crystal, as it stands beside others."""

    campaign: CampaignRecord
    candidate: CandidateRecord
    row: CrystalRow
    imagined: CellView
    sites: RealizationView | None
    """The sites that its own page would show; None where there are none."""
    novelty: Novelty
    is_anything_known: bool
    """Whether its campaign has learned anything: before, what is expected is nobody's knowledge."""

    @property
    def cell(self) -> CellView:
        """As relaxed, where it was; else as imagined."""
        return (self.sites and self.sites.cell) or self.imagined


@router.get("/crystals")
def compare_crystals(view: TheView, store: TheStore, principal: Reader, crystal: Crystals = []) -> Response:  # noqa: B006 - the framework copies it
    """What is known of some crystals, of one campaign or of several."""
    numbers = _few(crystal, "crystals")
    shown = _crystals(store, principal, numbers)
    fidelities = dict.fromkeys(rung.name for one in shown for rung in one.campaign.spec.ladder)
    return view.page(
        "pages/compare_crystals.html", shown=shown, fidelities=tuple(fidelities), formats=tuple(StructureFormat)
    )


@router.get("/campaigns")
def compare_campaigns(view: TheView, store: TheStore, principal: Reader, campaign: Campaigns = []) -> Response:  # noqa: B006 - the framework copies it
    """How some campaigns stand, and what each found for its money."""
    records = [visible_campaign(store, principal, name) for name in _few(campaign, "campaigns")]
    standings, now = store.standings.of(records), store.now()
    shown: list[tuple[CampaignRecord, CampaignStanding]] = [
        (record, standing_shown(record, standings[record.id], now)) for record in records
    ]
    return view.page(
        "pages/compare_campaigns.html",
        shown=shown,
        are_alike=len({record.spec.objective for record in records}) == 1,
        figure=address("/api/v1/plots/comparison", campaign=[record.name for record in records]),
    )


def _few(chosen: Sequence[T], what: str) -> list[T]:
    numbers = list(dict.fromkeys(chosen))
    if len(numbers) > MOST_COMPARED:
        raise InvalidValueError(
            f"{len(numbers)} {what} are too many beside each other.", remedy=f"Tick at most {MOST_COMPARED}."
        )
    return numbers


def _crystals(store: Store, principal: Principal, numbers: Sequence[int]) -> list[CrystalShown]:
    found = [visible_candidate(store, principal, number) for number in numbers]
    known = {campaign.id: is_anything_known(store, campaign) for campaign, _ in found}
    rows: dict[int, CrystalRow] = {}
    for name in {campaign.name for campaign, _ in found}:
        asked = LeaderParameters(sort=CrystalOrder.ROUND, candidate=list(numbers))
        rows |= {row.candidate_id: row for row in leaders.list_leaders(name, store, principal, asked).items}
    return [
        CrystalShown(
            campaign=campaign,
            candidate=candidate,
            row=rows[candidate.id],
            imagined=cell_of_blueprint(candidate.blueprint),
            sites=chosen_sites(realizations.list_realizations(candidate.id, store, principal)),
            novelty=rounds.show_novelty(candidate.id, store, principal),
            is_anything_known=known[campaign.id],
        )
        for campaign, candidate in found
    ]
