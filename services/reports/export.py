"""A campaign as files that anything can read: CIF, CSV, JSON and a picture."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from domain.blueprint import Realization
from domain.disorder import disorder_told
from domain.errors import ExportError
from domain.measurement import Measurement
from services.reports.document import campaign_document
from services.reports.leaders import Leader, leaders
from services.reports.plots import draw_best_against_spent
from services.reports.tables import material_rows, measurement_rows, series_rows, write_csv
from services.spreadsheets import harmless_cell
from services.store import Store

_OWN_NAMES = "[0-9][0-9][0-9]-*-*.cif"
"""What earlier exports called their structures; no other file is touched."""


@dataclass(frozen=True, slots=True)
class Export:
    """What was written."""

    folder: Path
    n_crystals: int
    """CIF files."""
    plot: Path


def export_campaign(store: Store, campaign: str, folder: Path) -> Export:
    """Writes a campaign into a folder: `crystals/*.cif`, `crystals.csv`, `*.csv`, `campaign.json`, `best_value.png`.

    An export that is there already is replaced.

    Raises:
        NotFoundError: If there is no such campaign.
        ExportError: If the folder cannot be written.
    """
    try:
        return _write(store, campaign, folder)
    except OSError as error:
        raise ExportError(
            f"{folder} cannot be written: {error.strerror}.", remedy="Give a folder in which you may write."
        ) from error


def write_files(store: Store, campaign: str, folder: Path) -> int:
    """Writes what anybody can read of a campaign into a folder: all but the picture. Returns how many CIFs there are.

    Raises:
        NotFoundError: If there is no such campaign.
        OSError: If the folder cannot be written.
    """
    ranked = leaders(store, campaign)
    crystals = folder / "crystals"
    crystals.mkdir(parents=True, exist_ok=True)
    for outdated in crystals.glob(_OWN_NAMES):
        outdated.unlink()
    names = {leader.candidate.id: _write_cif(store, leader, place, crystals) for place, leader in enumerate(ranked, 1)}
    _write_table(store, campaign, ranked, names, folder / "crystals.csv")
    with (folder / "measurements.csv").open("w", newline="", encoding="utf-8") as file:
        write_csv(file, measurement_rows(store, store.campaigns.get(campaign)))
    with (folder / "known_materials.csv").open("w", newline="", encoding="utf-8") as file:
        write_csv(file, material_rows(store, store.campaigns.get(campaign)))
    with (folder / "series.csv").open("w", newline="", encoding="utf-8") as file:
        write_csv(file, series_rows(store, store.campaigns.get(campaign)))
    document = json.dumps(campaign_document(store, campaign), indent=2, ensure_ascii=False)
    (folder / "campaign.json").write_text(document + "\n", encoding="utf-8")
    return sum(name is not None for name in names.values())


def _write(store: Store, campaign: str, folder: Path) -> Export:
    n_crystals = write_files(store, campaign, folder)
    plot = folder / "best_value.png"
    draw_best_against_spent(store, campaign, plot)
    return Export(folder=folder, n_crystals=n_crystals, plot=plot)


def best_realization(store: Store, candidate_id: int) -> Realization | None:
    """The sites to show of a candidate: relaxed before unrelaxed, then the lowest energy; None if it has none."""
    found = [record.realization for record in store.realizations.list(candidate_id)]
    return min(found, key=_preference, default=None)


def _preference(realization: Realization) -> tuple[bool, float]:
    energy = realization.energy_eV_per_atom
    return (not realization.is_relaxed, energy if energy is not None else float("inf"))


def _write_cif(store: Store, leader: Leader, place: int, folder: Path) -> str | None:
    realization = best_realization(store, leader.candidate.id)
    if realization is None:
        return None
    blueprint = leader.candidate.blueprint
    name = f"{place:03d}-{blueprint.composition.reduced_formula}-{blueprint.space_group.number}.cif"
    (folder / name).write_text(_cif_head(leader, realization) + realization.cif, encoding="utf-8")
    return name


def _cif_head(leader: Leader, realization: Realization) -> str:
    """Comment lines that say what the sites are: a blueprint's group may be lower than the one they fell into."""
    blueprint, look = leader.candidate.blueprint, leader.best_look
    measured = look.measurement
    lines = (
        f"Blueprint {leader.candidate.digest[:16]}: {blueprint.title}, group number {blueprint.space_group.number}",
        f"Sites by {realization.method}, {'relaxed' if realization.is_relaxed else 'not relaxed'}, written out in P1",
        f"Best look: {look.fidelity}, {measured.censoring.value.strip('=')}{measured.value:.6g} {measured.unit}",
    )
    return "".join(f"# {line}\n" for line in lines)


def _write_table(
    store: Store, campaign: str, ranked: tuple[Leader, ...], names: dict[int, str | None], path: Path
) -> None:
    spec = store.campaigns.get(campaign).spec
    unit = spec.objective.measured.unit
    looks = [title for f in spec.ladder for title in (f"{f.name} ({unit})", f"{f.name} bound")]
    header = [
        "place", "formula", "space_group", "digest", f"expected ({unit})", f"expected_sd ({unit})",
        *looks, f"paid ({spec.budget.unit})", "cif", "disorder",
    ]  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for place, leader in enumerate(ranked, start=1):
            blueprint = leader.candidate.blueprint
            values = {look.fidelity: look.measurement for look in leader.looks}
            row = [
                place, harmless_cell(blueprint.composition.reduced_formula), blueprint.space_group.number,
                leader.candidate.digest, leader.expected, leader.expected_sd,
                *(cell for fidelity in spec.ladder for cell in _cells(values.get(fidelity.name))), leader.paid,
                names[leader.candidate.id], disorder_told(leader.best_look.measurement.details) or "",
            ]  # fmt: skip
            writer.writerow(row)


def _cells(measured: Measurement | None) -> tuple[float | str, str]:
    """A value, and `<` or `>` where it is only a bound."""
    return ("", "") if measured is None else (measured.value, measured.censoring.value.strip("="))
