"""Relaxation of cell and sites, first under the crystal's own symmetry, and every way in which it may end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from domain.errors import InvalidValueError, PermanentLookError
from domain.json_value import JsonObject
from domain.relaxation import RelaxationOutcome
from oracles.structures import GROUP_TOLERANCE_A, OVERLAP_RATIO, contact_ratios, primitive_cell, space_group_number

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from ase.filters import Filter

_EXPLODED_VOLUME_RATIO: Final = 2.0
_EXPLODED_CONTACT_RATIO: Final = 1.6
"""An atom whose nearest neighbour is farther than this share of the sum of covalent radii has left the crystal."""
_CHECK_EVERY: Final = 20
"""Steps between two looks at whether the crystal still holds together."""
_PUSH_A: Final = 0.03
"""Standard deviation by which atoms are moved before the symmetry is given up: no force points out of it by itself."""
_PUSH_STRAIN: Final = 0.01
"""The same for every component of the cell's strain."""
_FREE_TOLERANCE_A: Final = 0.1
"""Within which a free crystal counts as having its symmetry still: forces below the limit leave it as far from it."""
_SAME_ENERGY_EV: Final = 1e-3
"""For an atom: by so much a free crystal may lie below the symmetric one and still be the same minimum."""


@dataclass(frozen=True, slots=True)
class RelaxationLimits:
    """When a relaxation ends."""

    fmax_eV_A: float
    """Largest residual force, eV/Å (stress counted as the filter's generalised force)."""
    max_steps: int
    """Most optimiser steps, for each stage."""

    def __post_init__(self) -> None:
        if not (self.fmax_eV_A > 0 and self.max_steps >= 1):
            raise InvalidValueError(
                f"fmax_eV_A {self.fmax_eV_A} and max_steps {self.max_steps} allow no relaxation.",
                remedy="Give positive numbers.",
            )


@dataclass(frozen=True, slots=True)
class Shape:
    """What is compared before and after."""

    volume_A3_per_atom: float
    space_group: int

    @classmethod
    def of(cls, atoms: Atoms, tolerance_A: float = GROUP_TOLERANCE_A) -> Shape:
        """Measures a crystal."""
        return cls(float(atoms.get_volume()) / len(atoms), space_group_number(atoms, tolerance_A))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a relaxation ended."""

    outcome: RelaxationOutcome
    atoms: Atoms
    """Primitive cell; where the crystal broke, the one that it began with."""
    n_steps: int
    before: Shape
    after: Shape
    energy_eV_per_atom: float = float("nan")
    """Not a number where the crystal broke."""
    largest_force_eV_A: float = float("nan")
    """On an atom."""
    energy_under_symmetry_eV_per_atom: float | None = None
    """Before the symmetry was given up; None where it never was."""
    problem: str = ""
    """What broke the crystal, or would have once its symmetry was given up, in one sentence."""

    def require_whole(self) -> Ending:
        """Gives the ending back where there is a crystal left.

        Raises:
            PermanentLookError: If it exploded or collapsed.
        """
        if self.outcome.is_broken:
            raise PermanentLookError(self.problem, remedy="Look at another crystal: this one is not held together.")
        return self

    def require_converged(self, symbol: str) -> Ending:
        """Gives the ending of an element's reference crystal back where it is one to count energies from.

        Raises:
            PermanentLookError: If the crystal broke, or its forces are still too large.
        """
        if self.outcome is RelaxationOutcome.NOT_CONVERGED:
            raise PermanentLookError(
                f"The reference crystal of {symbol} did not converge in {self.n_steps} steps, and every formation "
                "energy would be counted from it.",
                remedy="Give more max_steps or a larger fmax_eV_A, or another calculator or model.",
            )
        return self.require_whole()

    @property
    def details(self) -> JsonObject:
        """The same for a result's details."""
        return {
            "outcome": self.outcome.value,
            "n_steps": self.n_steps,
            "largest_force_eV_A": self.largest_force_eV_A,
            "volume_before_A3_per_atom": self.before.volume_A3_per_atom,
            "volume_after_A3_per_atom": self.after.volume_A3_per_atom,
            "space_group_before": self.before.space_group,
            "space_group_after": self.after.space_group,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one of the stages of a relaxation stands."""

    before: Shape
    """Of the crystal that the first stage began with."""
    n_steps: int = 0
    """Optimiser steps of this stage."""
    held: Ending | None = None
    """How the stage under symmetry ended; None: this is that stage."""


class Journal(Protocol):
    """Keeps where a relaxation stands, so that one that was killed goes on in its stage with the steps left."""

    @property
    def begun(self) -> tuple[Atoms, Standing] | None:
        """The last structure of an earlier attempt and where it stood; None where there was none."""

    def enter(self, standing: Standing) -> None:
        """Hears that a stage begins, or goes on; the next structure that is computed is its first."""


def relax_cell(
    atoms: Atoms, calculator: Calculator, limits: RelaxationLimits, *, journal: Journal | None = None
) -> Ending:
    """Relaxes cell and sites of the primitive cell, keeping the symmetry that the structure has.

    FIRE on the exponential cell filter with symmetrised forces and stresses.

    Args:
        atoms: Any cell of the crystal.
        calculator: Gives energy, forces and stress.
        limits: When to end.
        journal: Keeps where it stands; None: nobody does.
    """
    from ase.constraints import FixSymmetry
    from ase.filters import FrechetCellFilter

    start = primitive_cell(atoms)
    crystal, standing = start.copy(), Standing(Shape.of(start))
    if journal is not None:
        if journal.begun is not None:
            crystal, standing = journal.begun
        journal.enter(standing)
    crystal.calc = calculator
    crystal.set_constraint(FixSymmetry(crystal))
    return _relaxed(crystal, FrechetCellFilter(crystal), start, standing, limits)


def relax_freely(
    atoms: Atoms,
    calculator: Calculator,
    limits: RelaxationLimits,
    *,
    rng: np.random.Generator,
    journal: Journal | None = None,
) -> Ending:
    """Relaxes under symmetry, then once more without it, from a cell and sites that are moved a little at random.

    What falls back into its symmetry within 0.1 Å and gains no energy, or breaks without it, is given as it was under
    it. Only what fits into the primitive cell is found: distortions that enlarge the cell are not.

    Args:
        atoms: Any cell of the crystal.
        calculator: Gives energy, forces and stress.
        limits: When to end, for each of the two.
        rng: Moves them.
        journal: Keeps where it stands; None: nobody does.
    """
    from ase.filters import FrechetCellFilter

    begun = None if journal is None else journal.begun
    if begun is not None and begun[1].held is not None:
        crystal, standing = begun
        held = begun[1].held
    else:
        held = relax_cell(atoms, calculator, limits, journal=journal)
        if held.outcome.is_broken:
            return held
        crystal, standing = _pushed(held.atoms, rng), Standing(held.before, held=held)
    if journal is not None:
        journal.enter(standing)
    crystal.calc = calculator
    return taken(held, _relaxed(crystal, FrechetCellFilter(crystal), held.atoms, standing, limits))


def taken(held: Ending, free: Ending) -> Ending:
    """Which of the two stages' crystals is given, with what both of them cost."""
    n_steps, under_symmetry = held.n_steps + free.n_steps, held.energy_eV_per_atom
    as_held = replace(held, n_steps=n_steps, energy_under_symmetry_eV_per_atom=under_symmetry)
    if free.outcome.is_broken:
        return replace(as_held, problem=f"Once its symmetry was given up: {free.problem}")
    after = Shape.of(free.atoms, _FREE_TOLERANCE_A)
    is_same_group = after.space_group == space_group_number(held.atoms, _FREE_TOLERANCE_A)
    gains = free.energy_eV_per_atom < held.energy_eV_per_atom - _SAME_ENERGY_EV
    # Forces that are below the limit only without symmetry are still the better end.
    ends_better = _is_converged(free) and not _is_converged(held)
    if is_same_group and not gains and not ends_better:
        return as_held
    return replace(
        free,
        n_steps=n_steps,
        after=after,
        outcome=_outcome(held.before, after, is_converged=_is_converged(free)),
        energy_under_symmetry_eV_per_atom=under_symmetry,
    )


def _is_converged(ending: Ending) -> bool:
    return ending.outcome in {RelaxationOutcome.CONVERGED, RelaxationOutcome.CHANGED_GROUP}


def _pushed(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    import numpy as np

    moved = atoms.copy()
    strain = rng.normal(scale=_PUSH_STRAIN, size=(3, 3))
    moved.set_cell(atoms.cell[:] @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
    moved.positions += rng.normal(scale=_PUSH_A, size=moved.positions.shape)
    return moved


def relax_sites(atoms: Atoms, calculator: Calculator, limits: RelaxationLimits) -> Ending:
    """Relaxes sites in a fixed cell, for molecular crystals whose cell a potential without dispersion cannot hold."""
    crystal = atoms.copy()
    crystal.calc = calculator
    return _relaxed(crystal, crystal, atoms.copy(), Standing(Shape.of(crystal)), limits)


class _BrokenError(Exception):
    """The crystal is none any more."""

    def __init__(self, outcome: RelaxationOutcome, problem: str) -> None:
        super().__init__(problem)
        self.outcome = outcome
        self.problem = problem


def _relaxed(
    crystal: Atoms, target: Atoms | Filter, start: Atoms, standing: Standing, limits: RelaxationLimits
) -> Ending:
    """Runs the optimiser on `target`, which moves `crystal`, and says how it ended."""
    import numpy as np
    from ase.optimize import FIRE

    before = standing.before
    optimizer = FIRE(target, logfile=None)
    optimizer.attach(_require_numbers, 1, crystal)
    optimizer.attach(_require_together, _CHECK_EVERY, crystal, before)
    try:
        # A potential that gives no numbers is noticed at its first step; numpy need not say so as well.
        with np.errstate(all="ignore"):
            n_left = max(limits.max_steps - standing.n_steps, 0)
            is_converged = bool(optimizer.run(fmax=limits.fmax_eV_A, steps=n_left))
        _require_together(crystal, before)
    except _BrokenError as error:
        n_steps = standing.n_steps + int(optimizer.nsteps)
        return Ending(error.outcome, start, n_steps, before, before, problem=error.problem)
    crystal.set_constraint()
    after = Shape.of(crystal)
    energy = float(crystal.get_potential_energy()) / len(crystal)
    largest_force = float(np.linalg.norm(crystal.get_forces(), axis=1).max())
    crystal.calc = None
    outcome = _outcome(before, after, is_converged=is_converged)
    n_steps = standing.n_steps + int(optimizer.nsteps)
    return Ending(outcome, crystal, n_steps, before, after, energy, largest_force)


def _outcome(before: Shape, after: Shape, *, is_converged: bool) -> RelaxationOutcome:
    if not is_converged:
        return RelaxationOutcome.NOT_CONVERGED
    is_same = before.space_group == after.space_group
    return RelaxationOutcome.CONVERGED if is_same else RelaxationOutcome.CHANGED_GROUP


def _require_numbers(crystal: Atoms) -> None:
    import numpy as np

    forces = crystal.get_forces(apply_constraint=False)
    if not (np.isfinite(forces).all() and np.isfinite(crystal.get_potential_energy())):
        raise _BrokenError(
            RelaxationOutcome.EXPLODED,
            "The crystal exploded in relaxation: the potential's energy or forces are no numbers any more.",
        )


def _require_together(crystal: Atoms, before: Shape) -> None:
    volume_ratio = float(crystal.get_volume()) / len(crystal) / before.volume_A3_per_atom
    nearest, loneliest = contact_ratios(crystal)
    if volume_ratio > _EXPLODED_VOLUME_RATIO and loneliest > _EXPLODED_CONTACT_RATIO:
        raise _BrokenError(
            RelaxationOutcome.EXPLODED,
            f"The crystal exploded in relaxation: {volume_ratio:.1f} times its volume, and an atom without neighbours.",
        )
    if nearest < OVERLAP_RATIO:
        raise _BrokenError(
            RelaxationOutcome.COLLAPSED,
            f"The crystal collapsed in relaxation: atoms at {nearest:.2f} of the sum of their covalent radii, "
            f"{volume_ratio:.2f} times its volume.",
        )
