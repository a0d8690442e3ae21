"""Looks at known materials with a campaign's own oracle, so that its crystals meet energies of their own kind."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.blueprint import Blueprint, Realization
from domain.errors import InvalidValueError, UnsupportedCrystalError
from domain.look import LookRequest
from domain.material import KnownMaterial
from domain.measurement import Measurement
from domain.ports import ComputedOracle
from flows.answers import measurement_of, without_files
from flows.look_files import MissingFile
from flows.ordering import order_material
from flows.processes import oracle_processes
from flows.references import MissingReference, find_references
from flows.workplace import Workplace
from oracles.disorder.ordering import OrderingSettings
from oracles.running.process import Answer, OracleProcess, Refusal
from services.intake import Findings, is_asked_about, record_unsolicited
from services.materials.formats import StructureFormat, write_structure
from services.store.material_values import standing_values
from services.store.materials import MOST_IN_LIST, MaterialFilter, MaterialRecord
from services.store.phases import ORDERED_FORMULA

WORKER: Final = "known materials"
"""Who looks, as the measurements say it."""


@dataclass(frozen=True, slots=True)
class PhaseLook:
    """What came of a look at a known material."""

    material_id: int
    title: str
    value: float | None
    """In the quantity's unit; None where there is none."""
    reason: str = ""
    """Why there is none."""


def unseen_materials(
    workplace: Workplace, fidelity: str, wanted: MaterialFilter, *, with_disorder: bool = False
) -> Iterator[MaterialRecord]:
    """Known materials of the campaign's elements whose sites are known and that have no value at a fidelity.

    Those that are crystals of the campaign, which asks about them at that fidelity itself, are left to it.

    Args:
        workplace: The campaign.
        fidelity: Of its ladder.
        wanted: Which ones.
        with_disorder: Whether those whose sites are shared or partly vacant are among them.
    """
    store, campaign = workplace.store, workplace.campaign
    values = tuple(store.material_values.every(campaign.id))
    standing = standing_values(values)
    seen = {value.material_id for value in values if value.id in standing and value.fidelity == fidelity}
    groups = frozenset() if campaign.group_id is None else frozenset({campaign.group_id})
    after = 0
    while page := store.materials.list(groups=groups, wanted=wanted, after=after, limit=MOST_IN_LIST):
        after = page[-1].id
        for record in page:
            material = record.material
            is_whole = material.blueprint is not None and material.is_ordered
            can_be_seen = material.structure is not None and (is_whole or (with_disorder and not material.is_ordered))
            is_inside = set(material.elements) <= set(workplace.spec.space.elements)
            if can_be_seen and is_inside and record.id not in seen and not _is_asked(workplace, record, fidelity):
                yield record


def _is_asked(workplace: Workplace, record: MaterialRecord, fidelity: str) -> bool:
    blueprint = record.material.blueprint
    return blueprint is not None and is_asked_about(workplace.store, workplace.campaign.id, blueprint, fidelity)


def look_at_materials(
    workplace: Workplace, fidelity: str, found: Sequence[MaterialRecord], *, ordering: OrderingSettings
) -> Iterator[PhaseLook]:
    """Looks at known materials one after the other and keeps the answers, which are charged to nobody.

    Args:
        workplace: The campaign.
        fidelity: A computed one of its ladder.
        found: The materials, with their sites.
        ordering: How disordered ones are ordered first.

    Yields:
        What came of each, once it is kept.

    Raises:
        InvalidValueError: If people or machines elsewhere answer the fidelity, or it is none of the ladder's.
        OracleUnavailableError: If its oracle cannot run here.
    """
    asked = workplace.fidelity(fidelity)
    oracle = workplace.oracles.get(fidelity)
    if not isinstance(oracle, ComputedOracle):
        raise InvalidValueError(
            f"Fidelity '{fidelity}' is not computed here.", remedy="Choose one whose oracle runs on this machine."
        )
    oracle.check()
    with oracle_processes(asked, 1, scratch=Path(tempfile.gettempdir())) as (process,):
        for record in found:
            yield _look(workplace, oracle, process, fidelity, _Subject(record, ordering))


@dataclass(frozen=True, slots=True)
class _Subject:
    """A material that is to be looked at."""

    record: MaterialRecord
    ordering: OrderingSettings

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.record.material.formula} ({self.record.material.source} {self.record.material.source_id})"

    def sites(self, seed: int) -> tuple[Blueprint, tuple[Realization, ...]]:
        """A blueprint with its sites, or with ordered choices for them.

        Raises:
            UnsupportedCrystalError: If there are none.
        """
        material = self.record.material
        if not material.is_ordered:
            ordered = order_material(material, self.ordering, seed=seed)
            return ordered.blueprint, ordered.realizations
        if material.blueprint is None:
            raise UnsupportedCrystalError("Its conventional cell is not known.", remedy="Import its CIF.")
        return material.blueprint, (_sites(material, material.blueprint),)


def _look(
    workplace: Workplace, oracle: ComputedOracle, process: OracleProcess, fidelity: str, subject: _Subject
) -> PhaseLook:
    record, title = subject.record, subject.title
    try:
        request = _request(workplace, oracle, process, fidelity, subject)
    except UnsupportedCrystalError as error:
        return PhaseLook(record.id, title, None, error.problem)
    outcome = process.look(request)
    if isinstance(outcome, Refusal):
        return PhaseLook(record.id, title, None, outcome.reason)
    asked = workplace.fidelity(fidelity)
    whole = measurement_of(outcome, oracle, asked, worker=f"{WORKER}/{workplace.runner}", seed=request.seed)
    measurement = _told(whole, request, outcome, subject)
    try:
        record_unsolicited(
            workplace.store,
            workplace.campaign.id,
            fidelity=fidelity,
            measurement=measurement,
            about=record.id,
            found=Findings((*request.realizations, *outcome.result.realizations), outcome.result.series),
        )
    except InvalidValueError as implausible:
        return PhaseLook(record.id, title, None, implausible.problem)
    return PhaseLook(record.id, title, measurement.value)


def _told(measurement: Measurement, request: LookRequest, outcome: Answer, subject: _Subject) -> Measurement:
    """A measurement that says which files are not kept, and the formula of the choices for a disordered material."""
    if not subject.record.material.is_ordered:
        formula = request.blueprint.composition.reduced_formula
        measurement = replace(measurement, details={**measurement.details, ORDERED_FORMULA: formula})
    why = "Files of looks at known materials are not kept."
    return without_files(measurement, [MissingFile(file.note.name, why) for file in outcome.result.files])


def _request(
    workplace: Workplace,
    oracle: ComputedOracle,
    process: OracleProcess,
    fidelity: str,
    subject: _Subject,
) -> LookRequest:
    blueprint, realizations = subject.sites(workplace.seed("known material", subject.record.id))
    oracle.require_supported(blueprint)
    symbols = oracle.reference_elements(blueprint)
    references = find_references(workplace, oracle, fidelity, symbols, [process])
    energies = {}
    for symbol in symbols:
        energy = references[symbol]
        if isinstance(energy, MissingReference):
            raise UnsupportedCrystalError(energy.reason, remedy="Compute the reference energy first.")
        energies[symbol] = energy
    seed = workplace.spec.look_seed(blueprint)
    return LookRequest(blueprint, seed, realizations, energies)


def _sites(material: KnownMaterial, blueprint: Blueprint) -> Realization:
    if material.structure is None:
        raise UnsupportedCrystalError(f"The sites of {material.source_id} are not known.", remedy="Import its CIF.")
    return Realization(
        blueprint_digest=blueprint.digest,
        cif=write_structure(material.structure, StructureFormat.CIF, title=material.formula),
        method=f"known: {material.source} {material.source_id}",
        seed=0,
        energy_eV_per_atom=None,
        ranked_by=None,
        is_relaxed=False,
    )
