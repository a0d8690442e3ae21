"""What a student knows of chemistry that it was never taught: errors against its teacher, beside CHGNet's own.

Legend: N frames.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from domain.json_value import JsonObject, JsonValue
from oracles.potentials.distillation.crystals import system_of

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MILLI: Final = 1000.0
_SPEED_CALLS: Final = 8
_STEP_A: Final = 0.01
"""By which atoms are moved between two timed calls, so that nothing is remembered."""


@dataclass(slots=True)
class _Errors:
    """Absolute differences from the teacher, gathered frame by frame."""

    forces_eV_A: list[Floats] = field(default_factory=list)
    stresses_eV_A3: list[Floats] = field(default_factory=list)
    energies_eV_per_atom: list[tuple[str, float]] = field(default_factory=list)
    """Crystal and signed difference: a constant one within a crystal changes no force and no ranking of its sites."""

    def summary(self) -> JsonObject:
        """Mean absolute errors in meV/atom, meV/Å and meV/Å³."""
        import numpy as np

        by_crystal: dict[str, list[float]] = defaultdict(list)
        for crystal, difference in self.energies_eV_per_atom:
            by_crystal[crystal].append(difference)
        within = [abs(value - float(np.mean(values))) for values in by_crystal.values() for value in values]
        return {
            "n_configurations": len(self.energies_eV_per_atom),
            "forces_meV_A": _rounded(np.concatenate(self.forces_eV_A, axis=None)),
            "energy_meV_per_atom": _rounded(np.array([value for _, value in self.energies_eV_per_atom])),
            "energy_within_crystal_meV_per_atom": _rounded(np.array(within)),
            "stress_meV_A3": _rounded(np.concatenate(self.stresses_eV_A3, axis=None)),
        }


def _median(summaries: Sequence[JsonObject]) -> JsonObject:
    """Of each number, the middle one."""
    return {key: round(median(float(str(one[key])) for one in summaries), 2) for key in summaries[0]}


def _rounded(differences: Floats) -> float:
    return round(_MILLI * float(abs(differences).mean()), 2)


def examined(
    frames: Sequence[Atoms], calculators: Mapping[str, BaseCalculator], *, report: Callable[[str], None]
) -> JsonObject:
    """Errors of each calculator on the same labelled frames, together and by system, family, kind and element.

    Args:
        frames: N labelled frames, none of which was taught.
        calculators: By name.
        report: Called with a line for each calculator.
    """
    found: dict[str, JsonValue] = {}
    for name, calculator in calculators.items():
        groups = _gathered(frames, calculator)
        summaries: dict[str, dict[str, JsonObject]] = {
            kind: {key: errors.summary() for key, errors in sorted(by_key.items())} for kind, by_key in groups.items()
        }
        # A system with many crystals would drown the others in a mean, and one that is all wrong would be their mean.
        summaries["median"] = {"median of systems": _median(list(summaries["system"].values()))}
        found[name] = summaries
        report(f"examined {name}: {groups['all']['all'].summary()}")
    return found


def _gathered(frames: Sequence[Atoms], calculator: BaseCalculator) -> dict[str, dict[str, _Errors]]:
    groups: dict[str, dict[str, _Errors]] = {
        kind: defaultdict(_Errors) for kind in ("all", "system", "family", "kind", "element")
    }
    for frame in frames:
        asked = frame.copy()
        asked.calc = calculator
        energy = (float(asked.get_potential_energy()) - frame.info["REF_energy"]) / len(frame)
        forces = asked.get_forces() - frame.arrays["REF_forces"]
        stress = asked.get_stress() - frame.info["REF_stress"]
        keys = {"all": "all", "system": system_of(frame.get_chemical_symbols())}
        keys |= {kind: str(frame.info[kind]) for kind in ("family", "kind")}
        for kind, key in keys.items():
            errors = groups[kind][key]
            errors.forces_eV_A.append(forces)
            errors.stresses_eV_A3.append(stress)
            errors.energies_eV_per_atom.append((str(frame.info["crystal"]), energy))
        for symbol in sorted(set(frame.get_chemical_symbols())):
            errors = groups["element"][symbol]
            errors.forces_eV_A.append(forces[[s == symbol for s in frame.get_chemical_symbols()]])
            errors.stresses_eV_A3.append(stress)
            errors.energies_eV_per_atom.append((str(frame.info["crystal"]), energy))
    return groups


def mean_force_eV_A(frames: Sequence[Atoms]) -> float:
    """Mean absolute component of the teacher's forces: what an error is to be compared with."""
    import numpy as np

    return float(np.abs(np.concatenate([frame.arrays["REF_forces"] for frame in frames], axis=None)).mean())


def cpu_seconds_per_call(atoms: Atoms, calculator: BaseCalculator) -> float:
    """Processor time of one energy with forces and stress, after a first call that is not counted."""
    import numpy as np

    rng = np.random.default_rng(0)
    moving = atoms.copy()
    moving.calc = calculator
    moving.get_forces()
    began = time.process_time()
    for _ in range(_SPEED_CALLS):
        moving.positions += rng.normal(0.0, _STEP_A, moving.positions.shape)
        moving.get_forces()
    return (time.process_time() - began) / _SPEED_CALLS
