"""The day's work that storms interrupt: the same questions, the same answers, however often it is taken up again."""

from dataclasses import replace
from datetime import UTC, datetime

from domain.campaign import CampaignSpec
from domain.cost import Cost
from domain.fidelity import AnsweredBy, Fidelity
from domain.measurement import Failure, FailureKind, Measurement, Provenance
from domain.quantity import Goal, Objective
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_round

CAMPAIGN = "storm"
WORKER = "storm"
FIDELITY = "static"
N_QUERIES = 24
LEASE_S = 3600.0
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def spec() -> CampaignSpec:
    """A campaign for dense crystals whose looks any machine may take."""
    return replace(
        example_spec(CAMPAIGN),
        objective=Objective("density", Goal.MAXIMIZE),
        ladder=(Fidelity(FIDELITY, "density", 1.1, answered_by=AnsweredBy.MACHINES),),
    )


def open_day(url: str, *, group_id: int | None = None, n_queries: int = N_QUERIES) -> None:
    """Asks the day's questions, at noon: no answer may be older than its question."""
    with open_store(url, clock=lambda: NOON) as store:
        campaign = store.campaigns.create(spec(), group_id=group_id)
        open_round(store, campaign.id, 0, [example_pick(number, FIDELITY) for number in range(n_queries)])


def fails(query_id: int, attempt: int) -> FailureKind | None:
    """How a look at a query fails, if it does: some for good, some only the first time."""
    if query_id % 7 == 0:
        return FailureKind.PERMANENT
    return FailureKind.TRANSIENT if query_id % 5 == 0 and attempt == 1 else None


def said(query_id: int, attempt: int) -> str:
    """What an acknowledgement of a look's outcome says."""
    return f"answered {query_id}" if fails(query_id, attempt) is None else f"failed {query_id} {attempt}"


def known(store: Store) -> frozenset[str]:
    """What the store holds of what may have been acknowledged."""
    campaign = store.campaigns.get(CAMPAIGN)
    answered = {f"answered {found.query_id}" for found in store.measurements.list(campaign.id)}
    failed = {f"failed {found.query_id} {found.attempt}" for found in store.failures.list(campaign.id)}
    return frozenset(answered | failed)


def measurement(query_id: int) -> Measurement:
    """The answer to a query: always the same."""
    fidelity = spec().fidelities.target
    provenance = Provenance(fidelity.oracle, "storm 1", fidelity.settings_digest, WORKER, seed=query_id)
    cost = Cost(fidelity.cost, core_seconds=0.1 * query_id)
    return Measurement(2.0 + query_id / 1000, "g/cm^3", 0.05, provenance, cost, NOON)


def failure(kind: FailureKind) -> Failure:
    """What went wrong: always the same."""
    return Failure(kind, "The storm blew.", WORKER, Cost(spec().fidelities.target.cost), NOON)
