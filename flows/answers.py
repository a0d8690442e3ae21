"""From what an oracle process answers to what intake records; the same here and on any other machine."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from domain.cost import Cost
from domain.errors import InvalidValueError
from domain.fidelity import Fidelity
from domain.json_value import JsonValue
from domain.measurement import Failure, FailureKind, Measurement, Provenance
from domain.ports import Oracle
from flows.look_files import MISSING, MissingFile
from oracles.running.process import Answer, Refusal


def measurement_of(answer: Answer, oracle: Oracle, fidelity: Fidelity, *, worker: str, seed: int) -> Measurement:
    """The measurement that an answer is, with its provenance."""
    return Measurement(
        value=answer.result.value,
        unit=oracle.quantity.unit,
        sigma=answer.result.sigma,
        provenance=Provenance(
            oracle=oracle.name,
            oracle_version=answer.oracle_version,
            settings_digest=fidelity.settings_digest,
            worker=worker,
            seed=seed,
            realization_digest=answer.result.realization_digest,
        ),
        cost=Cost(amount=fidelity.cost, core_seconds=answer.core_seconds),
        measured_at=datetime.now(UTC),
        censoring=answer.result.censoring,
        temperature_K=answer.result.temperature_K,
        details=answer.result.details,
    )


def without_files(measurement: Measurement, missing: Sequence[MissingFile]) -> Measurement:
    """A measurement that says which of the files that its look produced are not kept, and why."""
    if not missing:
        return measurement
    said: list[JsonValue] = [file.said for file in missing]
    known = measurement.details.get(MISSING)
    before = known if isinstance(known, list) else []
    return replace(measurement, details={**measurement.details, MISSING: [*before, *said]})


def failure_of(refusal: Refusal, fidelity: Fidelity, *, worker: str) -> Failure:
    """The failure that a refusal is."""
    return Failure(
        kind=refusal.kind,
        reason=refusal.reason,
        worker=worker,
        cost=Cost(amount=fidelity.cost, core_seconds=refusal.core_seconds),
        failed_at=datetime.now(UTC),
        details=refusal.details,
    )


def as_refusal(answer: Answer, implausible: InvalidValueError) -> Refusal:
    """An answer with a value that cannot be, as the failure that would repeat itself."""
    return Refusal(
        kind=FailureKind.PERMANENT,
        reason=implausible.problem,
        core_seconds=answer.core_seconds,
        wall_s=answer.wall_s,
        details=answer.result.details,
    )
