"""Every way in which a relaxation may end is recorded as what it is, whichever crystal is taken in the end."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from domain.blueprint import Realization
from domain.errors import InvalidValueError, PermanentLookError
from domain.parsing import parse
from domain.relaxation import RELAXATIONS, Relaxation, RelaxationOutcome
from oracles.relaxation import RelaxationLimits, relax_cell, relax_freely, relax_sites, taken
from oracles.relaxed_sites import RelaxationPlan, RelaxedSites, relax_lowest
from oracles.sites import Placement, Placements
from oracles.structures import primitive_cell, to_cif

LIMITS = RelaxationLimits(fmax_eV_A=0.02, max_steps=100)
METAL = {"sigma": 2.3, "epsilon": 0.4, "rc": 5.0}
"""Lennard-Jones atoms as large as copper's."""
SHRINKING = {"sigma": 0.9, "epsilon": 5.0, "rc": 4.0}
"""So small that a metal falls into itself."""
SWELLING = {"sigma": 5.0, "epsilon": 0.05, "rc": 8.0}


class Numberless(Calculator):
    """Gives a number for energy alone from its second call on."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, force: float) -> None:
        super().__init__()
        self.force = force
        self.n_calls = 0

    def calculate(
        self, atoms: Atoms | None = None, properties: object = ("energy",), system_changes: object = all_changes
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        self.n_calls += 1
        force = 0.3 if self.n_calls == 1 else self.force
        self.results = {"energy": 0.0, "forces": np.full((len(self.atoms), 3), force), "stress": np.full(6, force)}


def test_a_crystal_that_finds_its_minimum_has_converged_in_its_group() -> None:
    ending = relax_cell(bulk("Cu", "fcc", a=3.8), EMT(), LIMITS)
    assert ending.outcome is RelaxationOutcome.CONVERGED
    assert (ending.before.space_group, ending.after.space_group) == (225, 225)
    assert ending.atoms.cell.volume == pytest.approx(3.59**3 / 4, rel=0.01)
    assert ending.largest_force_eV_A <= LIMITS.fmax_eV_A
    assert ending.require_whole() is ending


def test_a_relaxation_that_runs_out_of_steps_still_has_an_energy() -> None:
    ending = relax_cell(bulk("Cu", "fcc", a=3.8), EMT(), replace(LIMITS, max_steps=1))
    assert ending.outcome is RelaxationOutcome.NOT_CONVERGED
    assert np.isfinite(ending.energy_eV_per_atom)
    assert ending.require_whole().n_steps == 1


def test_a_crystal_that_falls_into_itself_has_collapsed() -> None:
    ending = relax_cell(bulk("Cu", "fcc", a=3.6), LennardJones(**SHRINKING), LIMITS)
    assert ending.outcome is RelaxationOutcome.COLLAPSED
    assert ending.atoms.cell.volume == pytest.approx(3.6**3 / 4)  # what it began with
    with pytest.raises(PermanentLookError, match=r"collapsed in relaxation: atoms at 0\.\d+ of the sum"):
        ending.require_whole()


def test_a_crystal_whose_atoms_part_has_exploded() -> None:
    ending = relax_cell(bulk("Cu", "fcc", a=3.6), LennardJones(**SWELLING), LIMITS)
    assert ending.outcome is RelaxationOutcome.EXPLODED
    with pytest.raises(PermanentLookError, match="times its volume, and an atom without neighbours"):
        ending.require_whole()


@pytest.mark.parametrize("force", [float("nan"), float("inf")])
@pytest.mark.parametrize("relax", [relax_cell, relax_sites])
def test_forces_that_are_no_numbers_end_a_relaxation_at_once(relax: object, force: float) -> None:
    calculator = Numberless(force)
    ending = relax(bulk("NaCl", "rocksalt", a=5.6), calculator, LIMITS)
    assert ending.outcome is RelaxationOutcome.EXPLODED
    assert "no numbers any more" in ending.problem
    assert calculator.n_calls <= 3


def test_symmetry_holds_a_crystal_where_freedom_takes_it_to_another_group() -> None:
    """The body-centred crystal rests on a saddle: only what breaks its symmetry lets it fall into close packing."""
    crystal, potential = bulk("Cu", "bcc", a=2.9), LennardJones(**METAL)
    held = relax_cell(crystal, potential, LIMITS)
    assert (held.outcome, held.after.space_group) == (RelaxationOutcome.CONVERGED, 229)
    free = relax_freely(crystal, potential, LIMITS, rng=np.random.default_rng(0))
    assert free.outcome is RelaxationOutcome.CHANGED_GROUP
    assert (free.before.space_group, free.after.space_group) == (229, 225)
    assert free.energy_under_symmetry_eV_per_atom == pytest.approx(held.energy_eV_per_atom)
    assert free.energy_eV_per_atom < held.energy_eV_per_atom - 0.1


def test_what_falls_back_into_its_symmetry_is_given_as_it_was_under_it() -> None:
    crystal, potential = bulk("Cu", "fcc", a=3.6), LennardJones(**METAL)
    held = relax_cell(crystal, potential, LIMITS)
    free = relax_freely(crystal, potential, LIMITS, rng=np.random.default_rng(0))
    assert (free.outcome, free.after.space_group) == (RelaxationOutcome.CONVERGED, 225)
    assert to_cif(free.atoms) == to_cif(held.atoms)
    assert free.n_steps > held.n_steps


class BlindAtFirst(EMT):
    """Feels nothing in the first structure that it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.is_first = True

    def calculate(self, *args: object, **kwargs: object) -> None:
        super().calculate(*args, **kwargs)
        if self.is_first:
            self.results["forces"] = np.zeros_like(self.results["forces"])
            self.results["stress"] = np.zeros(6)
        self.is_first = False


def test_a_lower_minimum_of_the_same_group_is_not_dropped() -> None:
    crystal = bulk("Cu", "fcc", a=3.8)
    ending = relax_freely(crystal, BlindAtFirst(), LIMITS, rng=np.random.default_rng(0))
    assert (ending.outcome, ending.after.space_group) == (RelaxationOutcome.CONVERGED, 225)
    assert ending.energy_under_symmetry_eV_per_atom is not None
    assert ending.energy_eV_per_atom < ending.energy_under_symmetry_eV_per_atom - 0.01
    assert ending.after.volume_A3_per_atom == pytest.approx(3.59**3 / 4, rel=0.01)


def test_what_converges_without_symmetry_alone_has_converged() -> None:
    free = relax_cell(bulk("Cu", "fcc", a=3.6), EMT(), LIMITS)
    assert taken(replace(free, outcome=RelaxationOutcome.NOT_CONVERGED), free).outcome is RelaxationOutcome.CONVERGED


def test_what_breaks_without_its_symmetry_is_kept_as_it_was_under_it() -> None:
    class Brittle(EMT):
        def calculate(self, *args: object, **kwargs: object) -> None:
            super().calculate(*args, **kwargs)
            if np.abs(self.results["stress"][3:]).max() > 1e-6:
                self.results["forces"] = self.results["forces"] * float("nan")

    crystal = bulk("Cu", "fcc", a=3.7)
    held = relax_cell(crystal, Brittle(), LIMITS)
    ending = relax_freely(crystal, Brittle(), LIMITS, rng=np.random.default_rng(0))
    assert (ending.outcome, ending.energy_eV_per_atom) == (held.outcome, held.energy_eV_per_atom)
    assert ending.problem.startswith("Once its symmetry was given up: The crystal exploded")
    assert ending.n_steps >= held.n_steps


def test_elements_are_not_counted_from_a_crystal_that_did_not_converge() -> None:
    ending = relax_cell(bulk("Cu", "fcc", a=3.8), EMT(), replace(LIMITS, max_steps=1))
    with pytest.raises(PermanentLookError, match=r"crystal of Cu did not converge in 1 steps.*max_steps"):
        ending.require_converged("Cu")
    whole = relax_cell(bulk("Cu", "fcc", a=3.8), EMT(), LIMITS)
    assert whole.require_converged("Cu") is whole


def placements(*crystals: Atoms) -> Placements:
    """Copper as drawn, ranked in the order in which it is given."""
    found = []
    for seed, atoms in enumerate(crystals):
        realization = Realization("b", to_cif(atoms), "drawn", seed, float(seed), "a potential", is_relaxed=False)
        found.append(Placement.of(realization, is_new=True))
    return Placements(tuple(found), {})


def relaxed(found: Placements, *, lowest: int, calculator: Calculator | None = None) -> RelaxedSites:
    potential = SimpleNamespace(name="emt", calculator=calculator or EMT())
    return relax_lowest(found, potential, RelaxationPlan("cell", lowest, LIMITS))


def told(sites: RelaxedSites) -> tuple[Relaxation, ...]:
    return tuple(parse(Relaxation, one, what="A relaxation") for one in sites.details[RELAXATIONS])


def test_every_relaxation_is_told_and_the_lowest_crystal_is_taken() -> None:
    found = placements(bulk("Cu", "bcc", a=2.9), bulk("Cu", "fcc", a=3.7), bulk("Cu", "sc", a=2.4))
    sites = relaxed(found, lowest=2)
    relaxations = told(sites)
    assert [one.start for one in relaxations] == [placement.realization.digest for placement in found.every[:2]]
    assert {one.sites for one in relaxations} == {sites.chosen.digest, *(one.digest for one in sites.others)}
    assert sites.chosen.energy_eV_per_atom == min(one.energy_eV_per_atom for one in relaxations)
    assert sites.chosen.digest == relaxations[1].sites  # close packing is lower, although it was ranked second
    assert sites.every == (*sites.others, sites.chosen)


def test_one_crystal_that_breaks_does_not_spoil_the_others() -> None:
    found = placements(bulk("Cu", "fcc", a=3.6), bulk("Cu", "fcc", a=3.61))

    class BreaksOnce(EMT):
        n_calls = 0

        def calculate(self, *args: object, **kwargs: object) -> None:
            super().calculate(*args, **kwargs)
            type(self).n_calls += 1
            if self.n_calls == 1:
                self.results["forces"] = self.results["forces"] * float("nan")

    sites = relaxed(found, lowest=2, calculator=BreaksOnce())
    broken, whole = told(sites)
    assert (broken.outcome, broken.sites, broken.energy_eV_per_atom) == (RelaxationOutcome.EXPLODED, None, None)
    assert whole.sites == sites.chosen.digest
    assert sites.others == ()


def test_a_look_fails_where_every_crystal_breaks() -> None:
    found = placements(bulk("Cu", "fcc", a=3.6), bulk("Cu", "fcc", a=3.61))
    with pytest.raises(PermanentLookError, match=r"None of 2 placements held together\. The crystal exploded"):
        relaxed(found, lowest=2, calculator=Numberless(float("nan")))


@pytest.mark.parametrize(("lowest", "fmax_eV_A", "words"), [(0, 0.05, "nothing to relax"), (1, 0.0, "no relaxation")])
def test_plans_that_relax_nothing_are_refused(lowest: int, fmax_eV_A: float, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        RelaxationPlan("cell", lowest, RelaxationLimits(fmax_eV_A, 10))


def test_a_relaxation_is_told_in_words() -> None:
    one = Relaxation("a", "b", RelaxationOutcome.CHANGED_GROUP, 1, 229, 225, 12.0, 11.5, -3.0, 0.01)
    assert one.words == "changed group, 1 step, space group 229 to 225"
    assert replace(one, outcome=RelaxationOutcome.COLLAPSED, sites=None, n_steps=7).words == "collapsed, 7 steps"


def test_cells_are_relaxed_in_their_primitive_form() -> None:
    cubic = bulk("Cu", "fcc", a=3.7, cubic=True)
    assert len(relax_cell(cubic, EMT(), LIMITS).atoms) == len(primitive_cell(cubic)) == 1
