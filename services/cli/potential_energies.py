"""What a campaign's results can teach a potential: energies of crystals whose sites are known."""

from collections.abc import Iterator, Mapping, Sequence

from domain.disorder import DISORDER
from domain.errors import NotFoundError
from domain.json_value import JsonObject, JsonValue
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
    """The energies of a measurement with their sites, where both are kept and belong to the settings as given."""
    if not _keeps_number(measured.measurement.details):
        return
    by_sites = dict(_by_sites(measured))
    for sites in store.realizations.list(measured.candidate_id):
        energy = by_sites.get(sites.realization.digest)
        if energy is not None:
            yield TaughtEnergy(sites.realization.cif, energy)


def _by_sites(measured: MeasurementRecord) -> Iterator[tuple[str, float]]:
    """Digest of the sites and their energy; a mean over ordered choices is the energy of none of them."""
    details = measured.measurement.details
    disorder = details.get(DISORDER)
    if isinstance(disorder, Mapping) and disorder.get("taken") == "average":
        for one in _mappings(disorder.get("arrangements")):
            yield from _pair(one.get("sites"), one.get(_ENERGY))
    else:
        yield from _pair(measured.measurement.provenance.realization_digest, details.get(_ENERGY))


def _pair(digest: JsonValue, energy: JsonValue) -> Iterator[tuple[str, float]]:
    if isinstance(digest, str) and isinstance(energy, int | float):
        yield digest, float(energy)


def _keeps_number(details: JsonObject) -> bool:
    """Whether no retry changed what was computed."""
    attempts = _mappings(details.get("attempts"))
    return not attempts or attempts[-1].get("keeps_number") is not False


def _mappings(value: JsonValue) -> Sequence[JsonObject]:
    entries = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return [entry for entry in entries if isinstance(entry, Mapping)]
