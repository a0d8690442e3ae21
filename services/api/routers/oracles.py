"""Oracles: which there are, how they have done, and who answers for them at the moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from domain.errors import NotFoundError
from services.api.dependencies import Reader, TheStore, visible_groups
from services.api.registered import registered_oracles
from services.health import live_workers
from services.reports.contributors import Contributor, contributors
from services.reports.figure import Figure
from services.reports.oracle_figures import LOOKS_DRAWN, OraclePlot, draw_answers, draw_costs
from services.store.cursors import Sign
from services.store.machines import FidelityUse, Holder
from services.store.pages import OracleUse
from services.store.records import EventRecord, FailureRecord, MeasurementRecord

router = APIRouter(tags=["oracles"])

UNAVAILABLE_SHOWN: Final = 20

OracleName = Annotated[str, Path(max_length=200, description="Name of the oracle.", examples=["potential"])]
Newest = Annotated[int, Query(ge=1, le=500, description="How many of the newest.")]


_RECENT: Final = 10
_IN_A_ROW: Final = 3


class OracleHealth(StrEnum):
    """What its last ten looks say of an oracle."""

    HEALTHY = "healthy"
    FAILING = "failing"
    """The last three failed, or more than half of the last ten."""
    UNUSED = "unused"
    """It was never heard of."""


@dataclass(frozen=True, slots=True)
class OracleView:
    """An oracle, and how it has done in the campaigns that the caller may see."""

    name: str
    is_registered: bool
    """Whether it is registered where the service runs. Machines elsewhere may have others."""
    health: OracleHealth
    n_recent: int
    """Of its last looks, ten at most."""
    n_recent_failed: int
    """How many of those failed; what it rejected does not count."""
    n_measurements: int
    last_answer_at: datetime | None
    last_failure_at: datetime | None
    """When it last failed at something; what it rejected does not count."""
    failures: dict[str, int]
    """How many of each kind."""
    declared: float
    """Charged for its looks, in the campaigns' own units."""
    core_seconds: float
    """Measured for them, where it was measured."""
    n_timed: int
    """Looks of which the core-seconds were measured."""
    core_seconds_per_unit: float | None
    """Core-seconds measured for each unit that was charged: 1 where costs are declared in core-seconds, and well."""
    units: tuple[str, ...]
    """What the campaigns count their costs in."""


@dataclass(frozen=True, slots=True)
class MachinesView:
    """Who works at the moment."""

    n_workers: int
    """Workers of the service that have been heard of a moment ago; they advance campaigns."""
    last_heard_at: datetime | None
    """When the last of them was heard of."""
    workers: tuple[Sign, ...]
    """Each of them, with when it was last heard of."""
    contributors: tuple[Contributor, ...]
    """Who answered the caller's campaigns, among the newest 2,000 looks of all: machines, people, the service."""
    holders: tuple[Holder, ...]
    """Who holds queries of the caller's campaigns."""
    unavailable: tuple[EventRecord, ...]
    """What campaigns had to leave out lately because its software was missing, the newest first."""


@router.get("/oracles", summary="List the oracles")
def list_oracles(store: TheStore, principal: Reader) -> list[OracleView]:
    """Every oracle that is registered here or has answered."""
    registered = registered_oracles()
    campaign_ids = store.campaigns.ids(visible_groups(principal))
    uses = store.pages.oracle_uses(campaign_ids)
    return [
        _view(
            name,
            uses.get(name, OracleUse()),
            store.machines.last_failed(name, campaign_ids, limit=_RECENT) if name in uses else (),
            is_registered=name in registered,
        )
        for name in sorted(registered | set(uses))
    ]


@router.get("/oracles/{oracle}", summary="Show an oracle")
def show_oracle(oracle: OracleName, store: TheStore, principal: Reader) -> OracleView:
    """One oracle and how it has done."""
    for view in list_oracles(store, principal):
        if view.name == oracle:
            return view
    raise NotFoundError(f"There is no oracle '{oracle}'.", remedy="List the oracles.")


@router.get("/oracles/{oracle}/fidelities", summary="List what an oracle's looks cost")
def list_oracle_fidelities(oracle: OracleName, store: TheStore, principal: Reader) -> list[FidelityUse]:
    """Declared beside measured at each fidelity that it answers in the campaigns that the caller may see."""
    return list(store.machines.fidelities(oracle, store.campaigns.ids(visible_groups(principal))))


@router.get("/oracles/{oracle}/measurements", summary="List what an oracle answered last")
def list_oracle_measurements(
    oracle: OracleName, store: TheStore, principal: Reader, limit: Newest = 100
) -> list[MeasurementRecord]:
    """Its newest answers in the campaigns that the caller may see, the newest first; corrections are left out."""
    return list(store.machines.measurements(oracle, store.campaigns.ids(visible_groups(principal)), limit=limit))


@router.get("/oracles/{oracle}/failures", summary="List an oracle's last failures")
def list_oracle_failures(
    oracle: OracleName, store: TheStore, principal: Reader, limit: Newest = 100
) -> list[FailureRecord]:
    """Its newest failures in the campaigns that the caller may see, the newest first."""
    return list(store.machines.failures(oracle, store.campaigns.ids(visible_groups(principal)), limit=limit))


@router.get("/oracles/{oracle}/plots/{figure}", summary="Draw a figure of an oracle")
def draw_oracle_plot(oracle: OracleName, figure: OraclePlot, store: TheStore, principal: Reader) -> Figure:
    """A figure of its newest looks, as data for Plotly."""
    campaign_ids = store.campaigns.ids(visible_groups(principal))
    looks = store.machines.measurements(oracle, campaign_ids, limit=LOOKS_DRAWN)
    if figure is OraclePlot.COSTS:
        return draw_costs(looks)
    return draw_answers(looks, store.machines.failures(oracle, campaign_ids, limit=LOOKS_DRAWN))


@router.get("/machines", summary="Show who works")
def show_machines(store: TheStore, principal: Reader) -> MachinesView:
    """The service's workers, and who holds queries of the caller's campaigns."""
    campaign_ids = store.campaigns.ids(visible_groups(principal))
    workers = live_workers(store)
    return MachinesView(
        n_workers=len(workers),
        last_heard_at=workers[0].at if workers else None,
        workers=workers,
        contributors=contributors(store, campaign_ids),
        holders=store.machines.holders(campaign_ids),
        unavailable=store.machines.unavailable(campaign_ids, limit=UNAVAILABLE_SHOWN),
    )


def _view(name: str, use: OracleUse, last_failed: Sequence[bool], *, is_registered: bool) -> OracleView:
    return OracleView(
        name=name,
        is_registered=is_registered,
        health=health_of(last_failed),
        n_recent=len(last_failed),
        n_recent_failed=sum(last_failed),
        n_measurements=use.n_measurements,
        last_answer_at=use.last_answer_at,
        last_failure_at=use.last_failure_at,
        failures=dict(use.failures),
        declared=use.declared,
        core_seconds=use.core_seconds,
        n_timed=use.n_timed,
        core_seconds_per_unit=use.core_seconds_per_unit,
        units=tuple(sorted(use.units)),
    )


def health_of(last_failed: Sequence[bool]) -> OracleHealth:
    """One look that fails makes no sick oracle: some crystals cannot be computed.

    Args:
        last_failed: Whether each of its last looks failed, the newest first.
    """
    if not last_failed:
        return OracleHealth.UNUSED
    newest = last_failed[:_IN_A_ROW]
    is_failing = (len(newest) == _IN_A_ROW and all(newest)) or 2 * sum(last_failed) > len(last_failed)
    return OracleHealth.FAILING if is_failing else OracleHealth.HEALTHY
