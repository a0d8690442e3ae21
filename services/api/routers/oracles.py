"""Oracles: which there are, and how they have done."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter

from domain.errors import NotFoundError
from services.api.dependencies import Reader, TheStore, visible_groups
from services.api.registered import registered_oracles
from services.store.pages import OracleUse

router = APIRouter(prefix="/oracles", tags=["oracles"])


@dataclass(frozen=True, slots=True)
class OracleView:
    """An oracle, and how it has done in the campaigns that the caller may see."""

    name: str
    is_registered: bool
    """Whether it is registered where the service runs. Machines elsewhere may have others."""
    n_measurements: int
    last_answer_at: datetime | None
    failures: dict[str, int]
    """How many of each kind."""
    declared: float
    """Charged for its looks, in the campaigns' own units."""
    core_seconds: float
    """Measured for them, where it was measured."""


@router.get("", summary="List the oracles")
def list_oracles(store: TheStore, principal: Reader) -> list[OracleView]:
    """Every oracle that is registered here or has answered."""
    registered = registered_oracles()
    uses = store.pages.oracle_uses(store.campaigns.ids(visible_groups(principal)))
    return [
        _view(name, uses.get(name, OracleUse()), is_registered=name in registered)
        for name in sorted(registered | set(uses))
    ]


@router.get("/{oracle}", summary="Show an oracle")
def show_oracle(oracle: str, store: TheStore, principal: Reader) -> OracleView:
    """One oracle and how it has done."""
    for view in list_oracles(store, principal):
        if view.name == oracle:
            return view
    raise NotFoundError(f"There is no oracle '{oracle}'.", remedy="List the oracles.")


def _view(name: str, use: OracleUse, *, is_registered: bool) -> OracleView:
    return OracleView(
        name=name,
        is_registered=is_registered,
        n_measurements=use.n_measurements,
        last_answer_at=use.last_answer_at,
        failures=dict(use.failures),
        declared=use.declared,
        core_seconds=use.core_seconds,
    )
