"""Reference energies at the door: the first one counts for its group until a person takes it back or replaces it."""

import math
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from domain.errors import ConflictError, InvalidValueError
from domain.events import EventKind
from domain.json_value import JsonObject
from domain.look import ReferenceEnergy
from domain.measurement import Provenance
from services.store import Store
from services.store.events import write_events
from services.store.records import ReferenceRecord
from services.store.references import (
    NewReference,
    append_reference,
    comparable_references,
    read_reference,
    reference_chain,
)
from services.store.resting import RestingMeasurement, measurements_resting_on

AGREES_WITHIN_EV_PER_ATOM: Final = 0.005
"""By how much the same calculation may differ between two groups' machines before somebody should look."""
ALIKE_WITHIN_EV_PER_ATOM: Final = 0.5
"""By how much an oracle's other versions and settings may give another energy of the same element."""
_THE_SAME_EV_PER_ATOM: Final = 1e-6
_TOLD: Final = 100
"""Measurements that an event names; the service lists them all."""


@dataclass(frozen=True, slots=True)
class CorrectedReference:
    """What was recorded, and what rests on the energy that counts no longer."""

    reference: ReferenceRecord
    affected: tuple[RestingMeasurement, ...]
    """Formation energies that were counted from it. They go on counting until somebody takes them back."""


def record_reference(
    store: Store,
    reference: ReferenceEnergy,
    *,
    provenance: Provenance,
    group_id: int | None,
    core_seconds: float | None = None,
    campaign_id: int | None = None,
) -> ReferenceRecord:
    """Keeps an element's reference energy for a group's campaigns. One that counts already stays.

    Args:
        store: The store.
        reference: The energy.
        provenance: Under whose oracle, version and settings it is kept.
        group_id: Whose campaigns count from it; None for those of no group.
        core_seconds: Processor time that it took.
        campaign_id: The campaign that is told if the energy looks like a mistake; None tells none.

    Returns:
        What counts now, which is an earlier one where there was one.

    Raises:
        InvalidValueError: If the energy is not finite.
        ConflictError: If a person took the same energy back before.
    """
    _require_finite(reference)
    with store.writing() as connection:
        chain = reference_chain(connection, provenance, reference.symbol, group_id)
        if chain and not chain[-1].is_retracted:
            return chain[-1]
        _require_new(reference, chain)
        new = NewReference(
            reference,
            provenance,
            group_id,
            core_seconds,
            supersedes=chain[-1].id if chain else None,
            remarks=_remarks(connection, reference, provenance, group_id),
        )
        record = append_reference(connection, new, at=store.now())
        if record.remarks and campaign_id is not None:
            message = f"ask: {' '.join(record.remarks)}"
            payload: JsonObject = {"reference_id": record.id, "symbol": reference.symbol}
            write_events(connection, campaign_id, [(EventKind.STAGE_NOTE, message, payload)], at=store.now())
        return record


def retract_reference(store: Store, number: int, *, reason: str, worker: str) -> CorrectedReference:
    """Takes a reference energy back: it is kept and no longer counted from. The same again is harmless.

    Args:
        store: The store.
        number: The one that counts.
        reason: Why.
        worker: Who says so.

    Raises:
        NotFoundError: If there is none.
        InvalidValueError: If there is no reason.
        ConflictError: If it was corrected before, or takes another one back itself.
    """
    with store.writing() as connection:
        wrong = read_reference(connection, number)
        if wrong.is_retracted:
            raise ConflictError(
                f"Reference energy {number} takes another one back already.", remedy="Nothing is left to do."
            )
        new = NewReference(
            wrong.reference, wrong.provenance, wrong.group_id, supersedes=number, is_retracted=True, said_by=worker
        )
        return _correct(store, connection, wrong, replace(new, reason=_given(reason)))


def replace_reference(
    store: Store, number: int, *, energy_eV_per_atom: float, reason: str, worker: str, structure: str | None = None
) -> CorrectedReference:
    """Puts another energy in the place of one that was wrong or taken back. The same again is harmless.

    Args:
        store: The store.
        number: The newest of its element and origin.
        energy_eV_per_atom: The right one.
        reason: What was wrong, and where the right one is from.
        worker: Who says so.
        structure: Which structure it is of, in words; None where it is the same.

    Raises:
        NotFoundError: If there is none.
        InvalidValueError: If there is no reason, or the energy is not finite.
        ConflictError: If it was corrected otherwise before.
    """
    with store.writing() as connection:
        wrong = read_reference(connection, number)
        before = wrong.reference
        reference = replace(
            before,
            energy_eV_per_atom=energy_eV_per_atom,
            structure=structure or before.structure,
            cif=before.cif if structure is None else "",
            details={},
        )
        _require_finite(reference)
        provenance = replace(wrong.provenance, worker=worker)
        new = NewReference(
            reference,
            provenance,
            wrong.group_id,
            supersedes=number,
            reason=_given(reason),
            said_by=worker,
            remarks=_remarks(connection, reference, provenance, wrong.group_id),
        )
        return _correct(store, connection, wrong, new)


def _correct(store: Store, connection: Connection, wrong: ReferenceRecord, new: NewReference) -> CorrectedReference:
    newest = reference_chain(connection, wrong.provenance, wrong.reference.symbol, wrong.group_id)[-1]
    affected = measurements_resting_on(connection, wrong)
    if newest.id != wrong.id:
        if newest.supersedes == wrong.id and _says_the_same(newest, new):
            return CorrectedReference(newest, affected)
        raise ConflictError(
            f"Reference energy {wrong.id} was corrected by {newest.id} before.", remedy=f"Correct {newest.id} instead."
        )
    record = append_reference(connection, new, at=store.now())
    _tell(store, connection, wrong, record, affected)
    return CorrectedReference(record, affected)


def _tell(
    store: Store,
    connection: Connection,
    wrong: ReferenceRecord,
    record: ReferenceRecord,
    affected: tuple[RestingMeasurement, ...],
) -> None:
    """Says in each campaign whose numbers rest on a corrected energy which ones they are."""
    before = wrong.reference
    becomes = "is taken back" if record.is_retracted else f"becomes {record.reference.energy_eV_per_atom:.4f} eV/atom"
    for campaign_id in sorted({found.campaign_id for found in affected}):
        numbers = [found.measurement_id for found in affected if found.campaign_id == campaign_id]
        message = (
            f"reference {before.symbol} of {wrong.provenance.oracle}: {before.energy_eV_per_atom:.4f} eV/atom "
            f"{becomes}, says {record.said_by}: {record.reason} {len(numbers)} measurements rest on it."
        )
        payload: JsonObject = {
            "reference_id": record.id,
            "supersedes": wrong.id,
            "symbol": before.symbol,
            "n_measurements": len(numbers),
            "measurements": numbers[:_TOLD],
            "by": record.said_by,
            "reason": record.reason,
        }
        write_events(connection, campaign_id, [(EventKind.REFERENCE_CORRECTED, message, payload)], at=store.now())


def _remarks(
    connection: Connection, reference: ReferenceEnergy, provenance: Provenance, group_id: int | None
) -> tuple[str, ...]:
    """What makes an energy look like a mistake. Others' numbers are theirs: it is only said that they differ."""
    found: list[str] = []
    for known in comparable_references(connection, provenance, reference.symbol, group_id):
        difference = abs(known.reference.energy_eV_per_atom - reference.energy_eV_per_atom)
        is_others = known.group_id != group_id
        if is_others and difference > AGREES_WITHIN_EV_PER_ATOM:
            found.append(
                f"The reference energy of {reference.symbol} differs by more than {AGREES_WITHIN_EV_PER_ATOM:g} "
                f"eV/atom from what another group has of the same oracle, version and settings."
            )
        elif not is_others and difference > ALIKE_WITHIN_EV_PER_ATOM:
            found.append(
                f"The reference energy of {reference.symbol} differs by {difference:.3g} eV/atom from reference energy "
                f"{known.id}, which {provenance.oracle} gave in another version or with other settings."
            )
    return tuple(dict.fromkeys(found))


def _require_new(reference: ReferenceEnergy, chain: tuple[ReferenceRecord, ...]) -> None:
    """Keeps a machine from putting back what a person has taken back."""
    refused = {record.supersedes: record for record in chain if record.is_retracted}
    for record in chain:
        difference = abs(record.reference.energy_eV_per_atom - reference.energy_eV_per_atom)
        if record.id in refused and difference <= _THE_SAME_EV_PER_ATOM:
            withdrawal = refused[record.id]
            raise ConflictError(
                f"The reference energy of {reference.symbol}, {reference.energy_eV_per_atom:.6g} eV/atom, was taken "
                f"back by {withdrawal.said_by}: {withdrawal.reason}",
                remedy="Mend the oracle, or have a scientist put the right energy in its place: "
                f"petalite reference replace {withdrawal.id}.",
            )


def _require_finite(reference: ReferenceEnergy) -> None:
    if not math.isfinite(reference.energy_eV_per_atom):
        raise InvalidValueError(
            f"A reference energy of {reference.energy_eV_per_atom} eV/atom is impossible.",
            remedy="Give a finite number.",
        )


def _says_the_same(one: ReferenceRecord, new: NewReference) -> bool:
    said = (one.is_retracted, one.reason, one.said_by, one.reference)
    return said == (new.is_retracted, new.reason, new.said_by, new.reference)


def _given(reason: str) -> str:
    if not reason.strip():
        raise InvalidValueError("A correction has no reason.", remedy="Say what was wrong.")
    return reason.strip()
