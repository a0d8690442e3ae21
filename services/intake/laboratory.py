"""Results that people hand in."""

from dataclasses import replace
from importlib.metadata import version
from typing import Final

from domain.cost import Cost
from domain.errors import ConflictError
from domain.measurement import Censoring, Measurement, Provenance
from domain.states import QueryState
from services.intake.door import record_measurement
from services.intake.units import convert
from services.store import Store
from services.store.records import CampaignRecord, MeasurementRecord, QueryRecord

LEASE_DAYS: Final = 60
"""Laboratories have no heartbeat."""
_SECONDS_PER_DAY: Final = 86_400.0


def claim_laboratory_query(store: Store, query_id: int, *, worker: str) -> QueryRecord:
    """Claims a query for somebody in a laboratory; their own claim again is harmless.

    Raises:
        NotFoundError: If there is no such query.
        ConflictError: If it is no laboratory's, somebody else holds it, or it is over.
    """
    _require_laboratory(store, query_id)
    store.queries.requeue_lapsed(store.now())
    claimed = store.queries.claim(query_id, worker=worker, lease_s=LEASE_DAYS * _SECONDS_PER_DAY)
    if claimed is None:
        raise _not_yours(store.queries.get(query_id))
    return claimed


def release_laboratory_query(store: Store, query_id: int, *, worker: str) -> None:
    """Gives a claimed query back to the queue.

    Raises:
        NotFoundError: If there is no such query.
        ConflictError: If it is no laboratory's, or this worker does not hold it.
    """
    _require_laboratory(store, query_id)
    query = store.queries.get(query_id)
    if query.worker != worker or not store.queries.release(query_id, query.fence):
        raise _not_yours(query)


def _require_laboratory(store: Store, query_id: int) -> None:
    query = store.queries.get(query_id)
    if not store.campaigns.by_id(query.campaign_id).spec.fidelities.fidelity(query.fidelity).is_laboratory:
        raise ConflictError(
            f"Query {query_id} is computed at '{query.fidelity}'; no laboratory is asked.",
            remedy="See `petalite lab list` for what a laboratory is asked.",
        )


def record_laboratory_result(  # noqa: PLR0913 - one keyword for each cell of the form that people fill in
    store: Store,
    query_id: int,
    *,
    worker: str,
    value: float,
    unit: str,
    sigma: float | None = None,
    temperature_K: float | None = None,
    censoring: Censoring = Censoring.NONE,
    note: str = "",
) -> MeasurementRecord:
    """Records what somebody measured; claims the query first where it is still queued.

    Handing the same result in again, even later, returns what is stored.

    Raises:
        NotFoundError: If there is no such query.
        InvalidValueError: If the unit or the value is refused.
        ConflictError: If somebody else holds the query, or it was answered otherwise.
    """
    _require_laboratory(store, query_id)
    query = store.queries.get(query_id)
    campaign = store.campaigns.by_id(query.campaign_id)
    fidelity = campaign.spec.fidelities.fidelity(query.fidelity)
    measurement = Measurement(
        value=value,
        unit=unit,
        sigma=sigma,
        provenance=Provenance(
            oracle=fidelity.oracle,
            oracle_version=f"petalite {version('petalite')}",
            settings_digest=fidelity.settings_digest,
            worker=worker,
        ),
        cost=Cost(query.declared.amount),
        measured_at=store.now(),
        censoring=censoring,
        temperature_K=temperature_K,
        details={"note": note} if note else {},
    )
    if query.state is QueryState.DONE:
        return _same_answer(store, query, campaign, measurement)
    # Refused before the claim, so that a typing error leaves the query in the queue.
    convert(measurement, campaign.spec.objective.measured)
    claimed = claim_laboratory_query(store, query_id, worker=worker)
    return record_measurement(store, query_id, fence=claimed.fence, measurement=measurement)


def _same_answer(
    store: Store, query: QueryRecord, campaign: CampaignRecord, measurement: Measurement
) -> MeasurementRecord:
    answers = [record for record in store.measurements.list(campaign.id) if record.query_id == query.id]
    converted = convert(measurement, campaign.spec.objective.measured)
    for record in answers:
        if replace(converted, measured_at=record.measurement.measured_at) == record.measurement:
            return record
    raise ConflictError(
        f"Query {query.id} was answered by {query.worker} with another result.", remedy="Read the stored answer."
    )


def _not_yours(query: QueryRecord) -> ConflictError:
    if query.state is QueryState.CLAIMED:
        return ConflictError(
            f"Query {query.id} is held by {query.worker}.", remedy="They can give it back: petalite lab release."
        )
    return ConflictError(f"Query {query.id} is {query.state.value}.", remedy="Choose one that is queued.")
