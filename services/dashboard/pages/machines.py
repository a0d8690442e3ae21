"""Where numbers come from: oracles with their health, and who works at the moment."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from services.access.principal import Principal
from services.api.dependencies import Reader, TheService, TheStore, visible_groups
from services.api.routers import oracles
from services.dashboard.view import TheView
from services.reports.oracle_figures import OraclePlot
from services.store import Store

router = APIRouter(prefix="/machines")

LISTED: Final = 25
"""Newest answers and failures of an oracle."""
FIGURES: Final[Mapping[OraclePlot, str]] = {
    OraclePlot.COSTS: "What each look took",
    OraclePlot.ANSWERS: "Answers and failures by day",
}


@router.get("")
def show_machines(view: TheView, service: TheService, store: TheStore, principal: Reader) -> Response:
    """All oracles, the workers, and how to connect another machine."""
    return view.page(
        "pages/machines.html",
        oracles=oracles.list_oracles(store, principal),
        working=oracles.show_machines(store, principal),
        public_url=service.settings.public_url,
    )


@router.get("/oracles/{oracle}")
def show_oracle(oracle: oracles.OracleName, view: TheView, store: TheStore, principal: Reader) -> Response:
    """One oracle: what its looks cost, what it answered last, and at what it failed."""
    return view.page(
        "pages/oracle.html",
        oracle=oracles.show_oracle(oracle, store, principal),
        figures=FIGURES,
        answers=oracles.list_oracle_measurements(oracle, store, principal, limit=LISTED),
        failures=oracles.list_oracle_failures(oracle, store, principal, limit=LISTED),
        campaigns=_asking(store, principal, oracle),
    )


def _asking(store: Store, principal: Principal, oracle: str) -> list[tuple[str, str, float, str]]:
    """The campaigns that ask an oracle: name, fidelity, declared cost of a look, and its unit."""
    return [
        (campaign.name, rung.name, rung.cost, campaign.spec.budget.unit)
        for campaign in store.campaigns.list_page(visible_groups(principal), after_id=0, limit=200)
        for rung in campaign.spec.ladder
        if rung.oracle == oracle
    ]
