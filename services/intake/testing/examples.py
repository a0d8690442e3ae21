"""What a machine hands in, for tests."""

from domain.cost import Cost
from domain.fidelity import settings_digest
from domain.measurement import Failure, FailureKind, Measurement, Provenance
from services.store import Store
from services.store.examples import FakeClock
from services.store.records import QueryRecord


def example_measurement(value: float = -1.25, unit: str = "eV/atom", *, at: FakeClock | None = None) -> Measurement:
    """A formation energy that some machine computed."""
    return Measurement(
        value=value,
        unit=unit,
        sigma=0.02,
        provenance=Provenance("potential", "chgnet 0.4.2", settings_digest("potential", {}), "host/1", seed=2**63 - 1),
        cost=Cost(1.1, core_seconds=3.5, money=0.01),
        measured_at=(at or FakeClock())(),
        details={"steps": 12},
    )


def example_failure(kind: FailureKind = FailureKind.TRANSIENT, reason: str = "It ran out of memory.") -> Failure:
    """A look that gave no number."""
    return Failure(kind, reason, "host/1", Cost(1.1, core_seconds=7.0), FakeClock()(), details={"signal": 9})


def claim(store: Store, query: QueryRecord, worker: str = "host/1") -> QueryRecord:
    """Claims a query that must be free."""
    claimed = store.queries.claim(query.id, worker=worker, lease_s=60)
    assert claimed is not None
    return claimed
