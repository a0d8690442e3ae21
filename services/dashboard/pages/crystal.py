"""One crystal: its sites, what was asked and answered about it, and why."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from domain.disorder import disorder_told
from services.api.dependencies import (
    LARGEST_NUMBER,
    Number,
    Reader,
    TheStore,
    visible_candidate,
    visible_query,
)
from services.api.routers import realizations, rounds
from services.api.views import candidate_details, candidate_view
from services.dashboard.pages.frame import campaign_frame, is_anything_known
from services.dashboard.pages.ion_transport import transport_shown
from services.dashboard.view import TheView, link
from services.materials.cell import cell_of_blueprint
from services.materials.formats import StructureFormat
from services.materials.show import RealizationView
from services.materials.sites import SiteList, list_sites
from services.store import Store
from services.store.records import CampaignRecord, FailureRecord, MeasurementRecord, QueryRecord

router = APIRouter()


@dataclass(frozen=True, slots=True)
class LookShown:
    """A look with everything that came of it."""

    query: QueryRecord
    measurements: tuple[MeasurementRecord, ...]
    failures: tuple[FailureRecord, ...]
    superseded: frozenset[int]
    """Numbers of measurements that a later one corrects."""

    def counts(self, record: MeasurementRecord) -> bool:
        """Whether a measurement stands."""
        return not (record.is_evidence or record.is_retracted or record.id in self.superseded)


@router.get("/crystals/{candidate_id}")
def show_crystal(
    candidate_id: Number,
    view: TheView,
    store: TheStore,
    principal: Reader,
    realization: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None,
) -> Response:
    """A crystal with its sites and all its looks."""
    campaign, record = visible_candidate(store, principal, candidate_id)
    details = candidate_details(store, campaign, record)
    sites = realizations.list_realizations(candidate_id, store, principal)
    superseded = frozenset(m.supersedes for m in details.measurements if m.supersedes is not None)
    looks = tuple(
        LookShown(
            query=query,
            measurements=tuple(m for m in details.measurements if m.query_id == query.id),
            failures=tuple(f for f in details.failures if f.query_id == query.id),
            superseded=superseded,
        )
        for query in details.queries
    )
    chosen = chosen_sites(sites, realization)
    standing = [one for one in details.measurements if one.id not in superseded]
    numbers = [one.id for one in standing]
    files = store.artifacts.of_measurements(numbers)
    return view.page(
        "pages/crystal.html",
        frame=campaign_frame(store, campaign, "crystals"),
        crystal=candidate_view(record),
        candidate=record,
        looks=looks,
        fidelities=_oracles(campaign),
        belief=store.crystals.belief(candidate_id),
        is_anything_known=is_anything_known(store, campaign),
        sites=sites,
        chosen=chosen,
        site_list=None if chosen is None else _list_sites(store, chosen.id),
        numbers={one.digest: one.id for one in sites},
        of_disordered={one.digest for one in sites if one.is_of_disordered},
        disorder={m.id: told for m in details.measurements if (told := disorder_told(m.measurement.details))},
        formats=tuple(StructureFormat),
        imagined=cell_of_blueprint(record.blueprint),
        novelty=rounds.show_novelty(candidate_id, store, principal),
        transport=transport_shown(standing, store.series.of(numbers), files),
        files=files,
    )


@router.get("/crystals/{candidate_id}/hull")
def show_hull(candidate_id: Number, view: TheView, store: TheStore, principal: Reader) -> Response:
    """How far a crystal is above the hull: a part of its page that takes longer than the rest."""
    campaign, record = visible_candidate(store, principal, candidate_id)
    return view.page(
        "pages/hull.html",
        frame=campaign_frame(store, campaign, "crystals"),
        crystal=candidate_view(record),
        stability=rounds.show_hull(candidate_id, store, principal),
    )


@router.get("/looks/{query_id}")
def show_look(query_id: Number, store: TheStore, principal: Reader) -> Response:
    """A look, on the page of its crystal."""
    _, query = visible_query(store, principal, query_id)
    return RedirectResponse(f"{link('crystals', query.candidate_id)}#look-{query_id}", status_code=303)


def _list_sites(store: Store, realization_id: int) -> SiteList | None:
    contents = store.structures.realizations([realization_id]).get(realization_id)
    return None if contents is None else list_sites(contents.record.realization.cif)


def _oracles(campaign: CampaignRecord) -> dict[str, str]:
    return {fidelity.name: fidelity.oracle for fidelity in campaign.spec.ladder}


def chosen_sites(sites: list[RealizationView], wanted: int | None = None) -> RealizationView | None:
    """The sites that were asked for; else relaxed before unrelaxed ones, then those of the lowest energy."""
    asked = [one for one in sites if one.id == wanted]

    def preference(one: RealizationView) -> tuple[bool, float]:
        energy = one.energy_eV_per_atom
        return (not one.is_relaxed, float("inf") if energy is None else energy)

    return min(asked or sites, key=preference, default=None)
