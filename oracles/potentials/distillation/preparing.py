"""From files of crystals to configurations that wait for a teacher."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import InvalidValueError, UnsupportedCrystalError
from oracles.potentials.distillation.crystals import (
    CrystalFile,
    TaughtCrystal,
    crystals_of_files,
    elements_themselves,
    held_out_systems,
    substituted,
    with_splits,
    without_rare_elements,
)
from oracles.potentials.distillation.distortions import distorted, key_of
from oracles.potentials.distillation.imagined import imagined
from oracles.potentials.distillation.recipe import Recipe
from oracles.structures import require_sound_structure

if TYPE_CHECKING:
    from ase import Atoms

Report = Callable[[str], None]


def read_files(source: Path, table: Path | None = None) -> tuple[CrystalFile, ...]:
    """Reads the CIFs of a folder or of a tar archive, in the order of their names.

    Args:
        source: Folder or archive.
        table: CSV with the columns `ID` (the CIF's name without its ending) and `Family`; None: families are unknown.

    Raises:
        InvalidValueError: If there is no CIF.
    """
    families = _families(table) if table is not None else {}
    files = tuple(
        CrystalFile(name, text, families.get(name, "")) for name, text in sorted(_texts(source)) if text.strip()
    )
    if not files:
        raise InvalidValueError(f"There is no CIF in {source}.", remedy="Give a folder or a tar archive of .cif files.")
    return files


def _texts(source: Path) -> Iterator[tuple[str, str]]:
    if source.is_dir():
        for path in source.glob("*.cif"):
            yield path.stem, path.read_text(errors="replace")
    elif source.is_file() and tarfile.is_tarfile(source):
        with tarfile.open(source) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name.endswith(".cif") else None
                if content is not None:
                    yield Path(member.name).stem, content.read().decode(errors="replace")


def _families(table: Path) -> Mapping[str, str]:
    with table.open(newline="") as file:
        return {row["ID"]: row.get("Family", "") for row in csv.DictReader(file)}


def taught_crystals(files: tuple[CrystalFile, ...], recipe: Recipe, *, report: Report) -> list[TaughtCrystal]:
    """All crystals with what they are for: training, validation, examination.

    Args:
        files: CIFs as found.
        recipe: Which are taken, and what is made beside them.
        report: Called with a line for each file.

    Raises:
        InvalidValueError: If none is left.
    """
    given = crystals_of_files(files, recipe.crystals, seed=recipe.seed, report=report)
    drawn = held_out_systems(given, recipe.crystals, seed=recipe.seed)
    taught = [crystal for crystal in given if crystal.system not in drawn]
    made = [*given, *substituted(taught, recipe.crystals, seed=recipe.seed)]
    plan = recipe.crystals
    common = elements_of(without_rare_elements(with_splits(made, drawn), plan))
    made += imagined(common, plan.n_generated, min_atoms=plan.min_atoms, seed=recipe.seed)
    kept = without_rare_elements(with_splits(made, drawn), plan)
    if not kept:
        raise InvalidValueError(
            "No crystal is left to be taught.",
            remedy="Give more crystals, or lower 'min_systems' or 'held_out' in the recipe.",
        )
    if recipe.crystals.has_references:
        kept += elements_themselves(elements_of(kept), plan)
    return kept


def elements_of(crystals: Iterable[TaughtCrystal]) -> tuple[str, ...]:
    """Symbols that occur, alphabetically."""
    return tuple(sorted({symbol for crystal in crystals for symbol in crystal.system.split("-")}))


def configurations(crystals: list[TaughtCrystal], recipe: Recipe) -> list[Atoms]:
    """Each crystal at rest and bent, with what is known of it in `info`; unsound ones are left out."""
    made: list[Atoms] = []
    for crystal in crystals:
        bent = distorted(crystal.atoms, recipe.distortions, seed=recipe.seed, name=crystal.name)
        n_kept = recipe.distortions.most_generated if crystal.origin == "generated" else len(bent)
        for kind, atoms in bent[:n_kept]:
            marked = marked_as(atoms, crystal, kind)
            if _is_sound(marked):
                made.append(marked)
    return made


def marked_as(atoms: Atoms, crystal: TaughtCrystal, kind: str) -> Atoms:
    """The bare atoms with the crystal's name, system, family, origin and split, and a key of their own."""
    from ase import Atoms as AseAtoms

    bare = AseAtoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    bare.wrap()
    bare.info = {
        "key": key_of(bare),
        "crystal": crystal.name,
        "system": crystal.system,
        "family": crystal.family or "unnamed",
        "origin": crystal.origin,
        "kind": kind,
        "split": crystal.split,
    }
    return bare


def _is_sound(atoms: Atoms) -> bool:
    try:
        require_sound_structure(atoms)
    except UnsupportedCrystalError:
        return False
    return True


def write_configurations(path: Path, frames: list[Atoms]) -> None:
    """Writes extended XYZ, whole or not at all."""
    from ase.io import write

    unfinished = path.with_suffix(".unfinished")
    write(unfinished, frames, format="extxyz")
    unfinished.replace(path)


def read_configurations(path: Path) -> list[Atoms]:
    """Reads extended XYZ as `write_configurations` writes it."""
    from ase.io import iread

    return list(iread(path, ":", format="extxyz"))
