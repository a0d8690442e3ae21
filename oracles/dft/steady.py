"""A calculator that retries: where self-consistency is not reached, the next step of the policy is tried."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.errors import PermanentLookError, PetaliteError, TransientLookError
from domain.json_value import JsonObject
from domain.parsing import to_json_value
from oracles.calculators import CalculatorChoice, kpoint_grid
from oracles.dft.code import Bands, Calculation, Kpoints
from oracles.dft.hubbard import NO_TERMS, HubbardTerms
from oracles.dft.retries import Attempt, RetryStep

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator
    from numpy.typing import NDArray

_OF_THE_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the structures of one crystal are calculated, all of them alike so that their energies can be compared."""

    choice: CalculatorChoice
    retries: tuple[RetryStep, ...]
    start: Atoms
    """The cell that gives the grid of k-points, which stays the same while the cell is relaxed."""
    kpoint_density_A: float | None = None
    moments: Mapping[str, float] = field(default_factory=dict)
    """Initial magnetic moments by symbol, Bohr magnetons."""
    hubbard: HubbardTerms = NO_TERMS
    needs_bands: bool = False

    def kpoints(self, step: RetryStep | None) -> Kpoints | None:
        """The grid, denser where the step says so."""
        if self.kpoint_density_A is None:
            return None
        return kpoint_grid(self.start, self.kpoint_density_A * (step.kpoint_density_factor if step else 1.0))

    def prepared(self, atoms: Atoms) -> Atoms:
        """A copy of a structure, with its moments and without constraints, which are the optimiser's alone."""
        crystal = atoms.copy()
        crystal.set_constraint()
        crystal.set_initial_magnetic_moments([self.moments.get(symbol, 0.0) for symbol in crystal.symbols])
        return crystal


@dataclass(slots=True)
class SteadyCalculator:
    """What ASE's atoms and optimisers ask for energies, forces and stresses.

    A step that was needed once is kept for every further structure of the crystal.
    """

    recipe: Recipe
    told: Callable[[Atoms], None]
    """Hears of every structure that was computed."""
    _attempts: list[Attempt] = field(default_factory=lambda: [Attempt("")], init=False)
    _calculator: BaseCalculator | None = field(default=None, init=False)
    _last: Atoms | None = field(default=None, init=False)

    def get_potential_energy(self, atoms: Atoms, force_consistent: bool = False) -> float:  # noqa: ARG002, FBT001, FBT002
        """Energy extrapolated to no smearing, which is what ASE's potential energy is, eV."""
        return float(self._asked(atoms, lambda crystal: crystal.get_potential_energy()))

    def get_forces(self, atoms: Atoms) -> NDArray[np.float64]:
        """Forces `[A, 3]`, eV/Å."""
        forces: NDArray[np.float64] = self._asked(atoms, lambda crystal: crystal.get_forces())
        return forces

    def get_stress(self, atoms: Atoms) -> NDArray[np.float64]:
        """Stress `[6]` in Voigt's order, eV/Å³."""
        stress: NDArray[np.float64] = self._asked(atoms, lambda crystal: crystal.get_stress())
        return stress

    def bands(self) -> Bands:
        """Eigenvalues of the structure that was computed last.

        Raises:
            PermanentLookError: If none was computed, or the calculator does not tell.
        """
        if self._calculator is None:
            raise PermanentLookError("Nothing was computed yet.", remedy="Ask for an energy first.")
        return self.recipe.choice.code.bands(self._calculator)

    def magnetic_moment(self) -> float:
        """Of the structure that was computed last, Bohr magnetons; 0 where the calculator tells none."""
        return 0.0 if self._last is None else float(self._last.get_magnetic_moment())

    @property
    def details(self) -> JsonObject:
        """Grid, Hubbard terms and every attempt, for a result."""
        kpoints = self.recipe.kpoints(self._step)
        symbols = sorted(set(self.recipe.start.symbols))
        setups = self.recipe.choice.code.setups(self.recipe.choice.parameters, symbols)
        return {
            **({} if kpoints is None else {"kpoints": list(kpoints)}),
            **({"setups": setups} if setups else {}),
            **self.recipe.hubbard.details,
            "attempts": [to_json_value(attempt) for attempt in self._attempts],
        }

    @property
    def _step(self) -> RetryStep | None:
        """The step of the policy that is in force; None: the settings as they were given."""
        n_failed = len(self._attempts) - 1
        return None if n_failed == 0 else self.recipe.retries[n_failed - 1]

    def _asked(self, atoms: Atoms, ask: Callable[[Atoms], NDArray[np.float64]]) -> NDArray[np.float64]:
        crystal = self.recipe.prepared(atoms)
        while True:
            try:
                return self._computed(crystal, ask)
            except _UnconvergedError as error:
                self._give_up(str(error))

    def _computed(self, crystal: Atoms, ask: Callable[[Atoms], NDArray[np.float64]]) -> NDArray[np.float64]:
        code = self.recipe.choice.code
        if self._calculator is None:
            calculation = Calculation(
                crystal, self.recipe.kpoints(self._step), self.recipe.hubbard, self.recipe.needs_bands
            )
            self._calculator = self.recipe.choice.build(calculation, self._step)
        crystal.calc = self._calculator
        try:
            value = ask(crystal)
        except PetaliteError:
            raise
        except Exception as error:
            reason = code.failure(self._calculator, error)
            if reason is not None:
                raise _UnconvergedError(reason) from error
            if code.was_killed(error) or (isinstance(error, OSError) and error.errno in _OF_THE_DISK):
                raise TransientLookError(
                    f"{code.name} was ended from outside: {error}",
                    remedy="See whether this machine has memory and disk enough for it.",
                ) from error
            if isinstance(error, subprocess.CalledProcessError) or code.output(self._calculator) is not None:
                raise code.explained(self._calculator, error) from error
            raise
        reason = code.unconverged(self._calculator)
        if reason is not None:
            raise _UnconvergedError(reason)
        if self.recipe.hubbard:
            code.require_heard(self._calculator)
        self._count(crystal)
        return value

    def _count(self, crystal: Atoms) -> None:
        if self._last is None or self._last != crystal:
            steps = self.recipe.choice.code.n_electronic_steps(self._require_calculator())
            self._attempts[-1] = self._attempts[-1].after(steps)
            self.told(crystal)
        self._last = crystal

    def _give_up(self, reason: str) -> None:
        """Goes over to the next step of the policy.

        Raises:
            PermanentLookError: If there is none.
        """
        code = self.recipe.choice.code
        failed = self._attempts[-1].given_up(reason, code.n_electronic_steps(self._require_calculator()))
        self._attempts[-1] = failed
        self._calculator = None
        if len(self._attempts) > len(self.recipe.retries):
            raise _not_converged(self._attempts)
        step = self.recipe.retries[len(self._attempts) - 1]
        self._attempts.append(Attempt(step.words, keeps_number=step.keeps_number(code.steadying)))

    def _require_calculator(self) -> BaseCalculator:
        if self._calculator is None:
            raise PermanentLookError("Nothing was computed yet.", remedy="Ask for an energy first.")
        return self._calculator


class _UnconvergedError(Exception):
    """Self-consistency was not reached."""


def _not_converged(attempts: list[Attempt]) -> PermanentLookError:
    tried = [f"{attempt.changed or 'as it was set'}: {attempt.failure}" for attempt in attempts]
    told = f": {attempts[0].failure}" if len(attempts) == 1 else f" in {len(attempts)} attempts ({'; '.join(tried)})"
    return PermanentLookError(
        f"The calculation did not converge{told}.",
        remedy="Look at another crystal, or give 'retries' of your own: more smearing, more bands, more k-points.",
    )
