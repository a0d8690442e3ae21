"""What a campaign's results can teach a potential: energies of crystals whose sites are known."""

from collections.abc import Iterator

from domain.errors import NotFoundError
from oracles.potentials.fine_tuning import TaughtEnergy, require_enough
from services.store import Store
from services.store.records import MeasurementRecord

_ENERGY = "energy_eV_per_atom"


def energies_of(store: Store, campaign: str, fidelity: str | None) -> tuple[tuple[TaughtEnergy, ...], str]:
    """Energies that stand, each with the sites that it belongs to, and where they come from in words.

    Args:
        store: Where the campaign is kept.
        campaign: Its name.
        fidelity: Which of its fidelities; None: its target.

    Raises:
        NotFoundError: If there is no such campaign or fidelity.
        InvalidValueError: If too few energies are kept with their sites.
    """
    record = store.campaigns.get(campaign)
    ladder = record.spec.fidelities
    wanted = fidelity or ladder.target.name
    if wanted not in ladder.names:
        names = ", ".join(ladder.names)
        raise NotFoundError(f"The campaign '{campaign}' has no fidelity '{wanted}'.", remedy=f"Name one of {names}.")
    standing = [found for found in store.measurements.standing(record.id) if found.fidelity == wanted]
    found = tuple(energy for measured in standing for energy in _energies(store, measured))
    require_enough(len(found))
    versions = "; ".join(sorted({one.measurement.provenance.oracle_version for one in standing}))
    return found, f"{len(found)} energies of '{wanted}' of the campaign '{campaign}': {versions}"


def _energies(store: Store, measured: MeasurementRecord) -> Iterator[TaughtEnergy]:
    """The energy of a measurement with its sites, where both are kept."""
    energy = measured.measurement.details.get(_ENERGY)
    digest = measured.measurement.provenance.realization_digest
    if not isinstance(energy, int | float) or digest is None:
        return
    for sites in store.realizations.list(measured.candidate_id):
        if sites.realization.digest == digest:
            yield TaughtEnergy(sites.realization.cif, float(energy))
