"""Atom sites of candidates, to look at and to take away."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from domain.errors import NotFoundError
from domain.relaxation import Relaxation
from services.access.principal import Principal
from services.api.dependencies import Number, Reader, TheStore, visible_candidate
from services.api.structure_answer import FORMAT_RESPONSES, WantedFormat, structure_response
from services.materials.formats import StructureFormat, write_realization
from services.materials.relaxations import relaxations_by_sites
from services.materials.show import RealizationView, realization_view
from services.store import Store
from services.store.structure_contents import RealizationContents

router = APIRouter(tags=["realizations"])


@router.get("/candidates/{candidate_id}/realizations", summary="List a crystal's realizations")
def list_realizations(candidate_id: Number, store: TheStore, principal: Reader) -> list[RealizationView]:
    """Every set of sites that was found for a crystal, in the order in which they were found."""
    visible_candidate(store, principal, candidate_id)
    relaxations = _relaxations(store, candidate_id)
    return [realization_view(record, relaxations) for record in store.realizations.list(candidate_id)]


@router.get("/realizations/{realization_id}", summary="Show a realization")
def show_realization(realization_id: Number, store: TheStore, principal: Reader) -> RealizationView:
    """How the sites were found, and the energy by which they were picked."""
    record = _visible(store, principal, realization_id).record
    return realization_view(record, _relaxations(store, record.candidate_id))


@router.get(
    "/realizations/{realization_id}/structure",
    summary="Take a realization's sites away",
    response_class=Response,
    responses=FORMAT_RESPONSES,
)
def take_realization(
    realization_id: Number, store: TheStore, principal: Reader, wanted: WantedFormat = StructureFormat.CIF
) -> Response:
    """The sites as CIF, POSCAR, extxyz or MSON. As CIF it is the text that was recorded, byte for byte."""
    contents = _visible(store, principal, realization_id)
    realization = contents.record.realization
    text = write_realization(realization, wanted, title=f"{contents.blueprint.title} by {realization.method}")
    return structure_response(text, wanted, name=f"realization-{realization_id}")


def _relaxations(store: Store, candidate_id: int) -> Mapping[str, tuple[Relaxation, ...]]:
    measured = store.candidates.looks(candidate_id).measurements
    return relaxations_by_sites(record.measurement.details for record in measured)


def _visible(store: Store, principal: Principal, realization_id: int) -> RealizationContents:
    contents = store.structures.realizations([realization_id]).get(realization_id)
    if contents is None or not principal.may_see(store.campaigns.by_id(contents.campaign_id)):
        raise NotFoundError(
            f"There is no realization number {realization_id}.", remedy="List a crystal's realizations."
        )
    return contents
