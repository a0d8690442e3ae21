"""One crystal: its sites, what was asked and answered about it, and why."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from domain.blueprint import Blueprint
from services.access.principal import Principal
from services.api.dependencies import (
    LARGEST_NUMBER,
    Number,
    Reader,
    TheStore,
    visible_candidate,
    visible_groups,
    visible_query,
)
from services.api.routers import realizations
from services.api.views import candidate_details, candidate_view
from services.dashboard.pages.frame import campaign_frame, is_anything_known
from services.dashboard.view import TheView, link
from services.materials.formats import StructureFormat
from services.materials.show import RealizationView
from services.materials.sites import SiteList, list_sites
from services.reports.arrhenius import NOTE as ARRHENIUS
from services.store import Store
from services.store.materials import MaterialFilter, MaterialRecord
from services.store.records import CampaignRecord, FailureRecord, MeasurementRecord, QueryRecord

router = APIRouter()

MOST_NEIGHBOURS: Final = 20


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


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A known material of the same composition."""

    record: MaterialRecord
    likeness: str
    """What it has in common with the crystal, in words."""


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
    chosen = _chosen(sites, realization)
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
        formats=tuple(StructureFormat),
        neighbours=_neighbours(store, principal, record.blueprint),
        series=[m for m in details.measurements if ARRHENIUS in m.measurement.details and m.id not in superseded],
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


def _chosen(sites: list[RealizationView], wanted: int | None) -> RealizationView | None:
    """The sites that were asked for; else relaxed before unrelaxed ones, then those of the lowest energy."""
    asked = [one for one in sites if one.id == wanted]

    def preference(one: RealizationView) -> tuple[bool, float]:
        energy = one.energy_eV_per_atom
        return (not one.is_relaxed, float("inf") if energy is None else energy)

    return min(asked or sites, key=preference, default=None)


def _neighbours(store: Store, principal: Principal, blueprint: Blueprint) -> tuple[Neighbour, ...]:
    """Known materials of the same reduced formula, the most alike first."""
    wanted = MaterialFilter(formula=blueprint.composition.reduced_formula)
    groups = visible_groups(principal)
    alike = store.materials.resembling(blueprint, groups=groups)[:MOST_NEIGHBOURS]
    known = {record.id for record in alike}
    others = store.materials.list(groups=groups, wanted=wanted, limit=MOST_NEIGHBOURS)
    found = [*alike, *(record for record in others if record.id not in known)][:MOST_NEIGHBOURS]
    return tuple(
        sorted(
            (Neighbour(record, _likeness(record, blueprint)) for record in found),
            key=lambda one: (one.record.digest != blueprint.digest, one.record.id not in known, one.record.id),
        )
    )


def _likeness(record: MaterialRecord, blueprint: Blueprint) -> str:
    if record.digest == blueprint.digest:
        return "the same blueprint"
    if record.material.space_group != blueprint.space_group.number:
        return "another space group" if record.material.space_group else "space group unknown"
    if record.material.blueprint is None:
        return "the same space group"
    strain = record.material.blueprint.volume_per_atom_A3 / blueprint.volume_per_atom_A3 - 1
    return f"the same space group, volume per atom {100 * strain:+.1f} %".replace("-", "−")
