"""Where numbers come from: oracles with their health, and who works at the moment."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from services.api.dependencies import Reader, TheService, TheStore
from services.api.routers import oracles
from services.dashboard.view import TheView
from services.reports.oracle_figures import OraclePlot
from services.store.records import CandidateRecord

router = APIRouter(prefix="/machines")

LISTED: Final = 25
"""Newest answers and failures of an oracle."""
MOST_USES: Final = 200
"""Fidelities of an oracle, of the newest campaigns."""
FIGURES: Final[Mapping[OraclePlot, str]] = {
    OraclePlot.COSTS: "What each look took",
    OraclePlot.ANSWERS: "Answers and failures by day",
}


@router.get("")
def show_machines(view: TheView, service: TheService, store: TheStore, principal: Reader) -> Response:
    """All oracles, the workers, and how to connect another machine."""
    return view.page(
        "pages/machines.html",
        # Who works is asked for every few seconds, the rest with the page.
        oracles=() if view.is_partial else oracles.list_oracles(store, principal),
        working=oracles.show_machines(store, principal),
        public_url=service.settings.public_url,
    )


@router.get("/oracles/{oracle}")
def show_oracle(oracle: oracles.OracleName, view: TheView, store: TheStore, principal: Reader) -> Response:
    """One oracle: what its looks cost, what it answered last, and at what it failed."""
    answers = oracles.list_oracle_measurements(oracle, store, principal, limit=LISTED)
    failures = oracles.list_oracle_failures(oracle, store, principal, limit=LISTED)
    numbers = {record.candidate_id for record in answers} | {record.candidate_id for record in failures}
    crystals = store.candidates.get_all(numbers)
    return view.page(
        "pages/oracle.html",
        oracle=oracles.show_oracle(oracle, store, principal),
        figures=FIGURES,
        answers=answers,
        failures=failures,
        crystals=crystals,
        units={number: store.campaigns.by_id(number).spec.budget.unit for number in _campaigns_of(crystals)},
        uses=oracles.list_oracle_fidelities(oracle, store, principal)[:MOST_USES],
    )


def _campaigns_of(crystals: Mapping[int, CandidateRecord]) -> frozenset[int]:
    return frozenset(crystal.campaign_id for crystal in crystals.values())
