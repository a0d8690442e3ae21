"""A potential's card: what it was made from, how far it errs, how fast it is, and where it must not be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from domain.digest import content_digest
from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json_value
from oracles.potentials.distillation.crystals import system_of
from oracles.potentials.distillation.labelling import teachable
from oracles.potentials.distillation.recipe import Recipe

if TYPE_CHECKING:
    from ase import Atoms

LICENCE: Final = "Apache-2.0"
LIMITS: Final = (
    "It imitates another potential, so that it has that one's errors (of its functional, PBE, and of its own training) "
    "and its own on top; where a number decides something, look with the teacher or with DFT.",
    "Elements that are not listed are refused. Those that are listed with few chemical systems are known poorly.",
    "It sees no charges beyond its cutoff, no magnetism and no dispersion: no surfaces, molecules, gases or defects "
    "with a charge, and no elements with moments.",
    "Absolute conductivities need longer runs and larger cells than those it was examined in; its order of conductors "
    "has to be tested against the teacher on the chemistry at hand.",
    "Energies of different compositions differ by more than its error within one crystal: rank by formation energy "
    "only what differs by several times the error that is stated.",
)


def card_of(
    recipe: Recipe,
    frames: Sequence[Atoms],
    *,
    teacher: JsonObject,
    measured: Mapping[str, JsonValue],
    software: str,
    command: str,
) -> dict[str, JsonValue]:
    """Gathers the card.

    Args:
        recipe: Of the potential.
        frames: All labelled ones.
        teacher: Which software, model and weights answered.
        measured: Errors, speed and endurance, as they were measured.
        software: Versions that trained.
        command: Which makes the potential again.
    """
    by_split = {split: [a for a in frames if a.info["split"] == split] for split in ("train", "valid", "test")}
    taught = teachable(by_split["train"], recipe)
    return {
        "licence": LICENCE,
        "sources": dict(recipe.sources),
        "teacher": dict(teacher),
        "recipe_sha256": content_digest(to_json_value(recipe)),
        "recipe": to_json_value(recipe),
        "software": software,
        "command": command,
        "configurations": {
            "taught": len(taught),
            "taught_atoms": sum(len(atoms) for atoms in taught),
            "left_out_for_large_forces": len(by_split["train"]) - len(taught),
            "validation": len(by_split["valid"]),
            "examination": len(by_split["test"]),
            "by_kind": _counted(atoms.info["kind"] for atoms in taught),
            "by_origin": _counted(atoms.info["origin"] for atoms in taught),
        },
        "elements": _counted(symbol for atoms in taught for symbol in set(atoms.get_chemical_symbols())),
        "systems": _systems_by_element(taught),
        "held_out": {
            split: cast("list[JsonValue]", sorted({_system(atoms) for atoms in by_split[split]}))
            for split in ("valid", "test")
        },
        **measured,
        "limits": [*recipe.notes, *LIMITS],
        "unfit_for": list(recipe.unfit_for),
    }


def _counted(keys: Iterable[object]) -> dict[str, JsonValue]:
    return dict(sorted(Counter(map(str, keys)).items()))


def _system(atoms: Atoms) -> str:
    """Of its atoms, not of its marks: as a mark, fluorine's F is read as a truth value."""
    return system_of(atoms.get_chemical_symbols())


def _systems_by_element(frames: Sequence[Atoms]) -> dict[str, JsonValue]:
    """In how many chemical systems each element was taught."""
    systems = {_system(atoms) for atoms in frames}
    return _counted(symbol for system in systems for symbol in system.split("-"))
