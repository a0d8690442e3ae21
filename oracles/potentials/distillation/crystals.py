"""The crystals that a potential is taught, and those that it is examined with.

What is kept for the examination is a whole chemical system (all crystals of the same elements), never a frame of a
crystal that was taught: neighbouring frames flatter every error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from domain.digest import derive_seed
from domain.errors import InvalidValueError, PetaliteError
from oracles.disorder.ordering import OrderingSettings, order
from oracles.disorder.reading import read_cif
from oracles.potentials.distillation.recipe import CrystalRecipe
from oracles.references import has_reference, reference_structure

if TYPE_CHECKING:
    from ase import Atoms

Split = Literal["train", "valid", "test"]

_COMPOSITION_TOLERANCE: Final = 0.02
"""Of ordered stand-ins: they teach forces, so that a share of an element may be off by so much."""
_MAX_ENUMERATED: Final = 1_000
_VOLUME_EXPONENT: Final = 0.7
"""With which a cell follows the covalent radii cubed of what is put into it."""
_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class TaughtCrystal:
    """One ordered crystal."""

    name: str
    atoms: Atoms
    family: str
    origin: Literal["file", "substituted", "generated", "element"]
    split: Split = "train"

    @property
    def system(self) -> str:
        """Its elements, alphabetically: `Cl-Li-P-S`."""
        return system_of(self.atoms.get_chemical_symbols())


@dataclass(frozen=True, slots=True)
class CrystalFile:
    """A CIF as it was found."""

    name: str
    text: str
    family: str = ""


def system_of(symbols: Iterable[str]) -> str:
    """Distinct symbols, alphabetically, joined by hyphens."""
    return "-".join(sorted(set(symbols)))


def crystals_of_files(
    files: Sequence[CrystalFile], recipe: CrystalRecipe, *, seed: int, report: Callable[[str], None]
) -> list[TaughtCrystal]:
    """Orders what is in the files; what cannot be read, ordered or held in a cell of the size allowed is left out.

    Files come in an order drawn with the seed, so that those taken of a chemical system are not always the first.

    Args:
        files: CIFs.
        recipe: Sizes and limits.
        seed: Of the order, and of what is drawn in ordering.
        report: Called with a line for each file.
    """
    import numpy as np

    taken: Counter[str] = Counter()
    found: list[TaughtCrystal] = []
    order_of_files = np.random.default_rng(derive_seed(seed, "files")).permutation(len(files))
    for index in order_of_files.tolist():
        file = files[index]
        try:
            atoms = _ordered(file, recipe, taken, seed=seed)
        except PetaliteError as error:
            report(f"{file.name}: left out. {error.problem}")
            continue
        if atoms is None:
            continue
        crystal = TaughtCrystal(file.name, atoms, file.family, "file")
        taken[crystal.system] += 1
        found.append(crystal)
        report(f"{file.name}: {atoms.get_chemical_formula()}")
    return found


def _ordered(file: CrystalFile, recipe: CrystalRecipe, taken: Mapping[str, int], *, seed: int) -> Atoms | None:
    """One ordered cell of a file; None where its chemical system has enough, or an element is not wanted."""
    import numpy as np

    structure = read_cif(file.text)
    if taken.get(system_of(structure.amounts), 0) >= recipe.max_per_system:
        return None
    if set(structure.amounts) & set(recipe.excluded_elements):
        return None
    settings = OrderingSettings(
        keep=1,
        max_sites=2 * recipe.max_atoms,
        composition_tolerance=_COMPOSITION_TOLERANCE,
        enumerate_up_to=_MAX_ENUMERATED,
    )
    rng = np.random.default_rng(derive_seed(seed, "ordering", file.name))
    atoms = order(structure, settings, rng=rng).every[0].atoms
    if len(atoms) > recipe.max_atoms:
        raise InvalidValueError(
            f"Its ordered cell has {len(atoms)} atoms; at most {recipe.max_atoms} are taken.",
            remedy="Allow more 'max_atoms'.",
        )
    return repeated(atoms, recipe.min_atoms)


def repeated(atoms: Atoms, min_atoms: int) -> Atoms:
    """The cell, repeated along its shortest vector until it has enough atoms."""
    while len(atoms) < min_atoms:
        repeats = [1, 1, 1]
        repeats[int(atoms.cell.lengths().argmin())] = 2
        atoms = atoms.repeat(repeats)
    return atoms


def held_out_systems(crystals: Sequence[TaughtCrystal], recipe: CrystalRecipe, *, seed: int) -> dict[str, Split]:
    """Draws the chemical systems for examination and validation; no element loses its last systems to them."""
    import numpy as np

    systems = sorted({crystal.system for crystal in crystals})
    left = Counter(symbol for system in systems for symbol in system.split("-"))
    n_test, n_valid = (round(share * len(systems)) for share in (recipe.held_out, recipe.validation))
    drawn: dict[str, Split] = {}
    for index in np.random.default_rng(derive_seed(seed, "held out")).permutation(len(systems)).tolist():
        symbols = systems[index].split("-")
        if len(drawn) == n_test + n_valid:
            break
        if all(left[symbol] > recipe.min_systems for symbol in symbols):
            drawn[systems[index]] = "test" if len(drawn) < n_test else "valid"
            left.subtract(symbols)
    return drawn


def substituted(crystals: Sequence[TaughtCrystal], recipe: CrystalRecipe, *, seed: int) -> list[TaughtCrystal]:
    """Puts similar elements in place of one or two in crystals drawn at random; the cell follows their size."""
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "substituted"))
    partners = {symbol: tuple(g for g in group if g != symbol) for group in recipe.substitutes for symbol in group}
    sources = [crystal for crystal in crystals if len(crystal.atoms) <= recipe.max_atoms // 2]
    found: list[TaughtCrystal] = []
    known = {crystal.system for crystal in crystals}
    for _ in range(_ATTEMPTS * recipe.n_substituted if sources else 0):
        if len(found) == recipe.n_substituted:
            break
        source = sources[int(rng.integers(len(sources)))]
        symbols = sorted(set(source.atoms.get_chemical_symbols()) & set(partners))
        chosen = rng.permutation(symbols)[: 1 + int(rng.integers(2))].tolist()
        swap = {symbol: str(rng.choice(partners[symbol])) for symbol in chosen}
        atoms = _swapped(source.atoms, swap)
        crystal = TaughtCrystal(f"{source.name}-{len(found)}", atoms, source.family, "substituted")
        if swap and crystal.system not in known:
            found.append(crystal)
    return found


def _swapped(atoms: Atoms, swap: Mapping[str, str]) -> Atoms:
    from ase.data import covalent_radii

    before = (covalent_radii[atoms.numbers] ** 3).sum()
    other = atoms.copy()
    other.symbols = [swap.get(symbol, symbol) for symbol in atoms.get_chemical_symbols()]
    after = (covalent_radii[other.numbers] ** 3).sum()
    other.set_cell(atoms.cell[:] * (after / before) ** (_VOLUME_EXPONENT / 3), scale_atoms=True)
    return other


def elements_themselves(symbols: Iterable[str], recipe: CrystalRecipe) -> list[TaughtCrystal]:
    """The crystals of the elements that formation energies are counted from."""
    structures = [reference_structure(symbol) for symbol in sorted(set(symbols)) if has_reference(symbol)]
    return [
        TaughtCrystal(f"element-{one.symbol}", repeated(_bare(one.atoms), recipe.min_atoms), "elements", "element")
        for one in structures
    ]


def _bare(atoms: Atoms) -> Atoms:
    """Without magnetic moments: teachers are not told of them."""
    from ase import Atoms as AseAtoms

    return AseAtoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)


def without_rare_elements(crystals: Sequence[TaughtCrystal], recipe: CrystalRecipe) -> list[TaughtCrystal]:
    """Leaves out crystals with an element that too few chemical systems would teach, until none is left."""
    kept = list(crystals)
    while True:
        systems = {crystal.system for crystal in kept if crystal.split == "train"}
        taught = Counter(symbol for system in systems for symbol in system.split("-"))
        fewer = [crystal for crystal in kept if all(taught[s] >= recipe.min_systems for s in crystal.system.split("-"))]
        if len(fewer) == len(kept):
            return kept
        kept = fewer


def with_splits(crystals: Sequence[TaughtCrystal], drawn: Mapping[str, Split]) -> list[TaughtCrystal]:
    """Marks crystals of the files by their chemical system, and drops others that belong to a held-out one."""
    return [
        replace(crystal, split=drawn.get(crystal.system, "train"))
        for crystal in crystals
        if crystal.origin == "file" or crystal.system not in drawn
    ]
