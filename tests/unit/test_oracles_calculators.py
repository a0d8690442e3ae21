"""Calculators by name: what is looked at, with which k-points, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import kptdensity2monkhorstpack
from ase.calculators.emt import EMT

from domain.blueprint import Realization
from domain.errors import InvalidValueError, OracleUnavailableError, PermanentLookError
from domain.look import LookRequest
from oracles.calculators import CalculatorChoice, kpoint_grid
from oracles.references import BY_HAND, has_reference, reference_structure
from oracles.registry import build_oracle
from oracles.structures import contact_ratios, space_group_number, to_cif
from oracles.testing import cubic

ALLOY = cubic(221, {"Cu": 3, "Au": 1}, 3.75)


def emt_energy(atoms: object) -> float:
    atoms.calc = EMT()
    return atoms.get_potential_energy() / len(atoms)


def references() -> dict[str, float]:
    return {symbol: emt_energy(bulk(symbol)) for symbol in ("Cu", "Au")}


def test_an_ordered_alloy_has_the_energy_that_ase_gives_it() -> None:
    ordered = bulk("Cu", "fcc", a=3.75, cubic=True)
    ordered.symbols[0] = "Au"
    energies = references()
    expected = emt_energy(ordered) - (3 * energies["Cu"] + energies["Au"]) / 4
    result = build_oracle("ase", {"calculator": "emt"}).look(LookRequest(ALLOY, seed=4, references=energies))
    assert result.value == pytest.approx(expected, abs=1e-6)


def test_relaxed_sites_are_preferred_and_the_lowest_of_them() -> None:
    def relaxed(a_A: float, energy: float) -> Realization:
        atoms = bulk("Cu", "fcc", a=a_A, cubic=True)
        atoms.symbols[0] = "Au"
        return Realization(ALLOY.digest, to_cif(atoms), "pyxtal+relax", 1, energy, "potential", is_relaxed=True)

    high, low = relaxed(3.9, -1.0), relaxed(3.7, -2.0)
    oracle = build_oracle("ase", {"calculator": "emt"})
    result = oracle.look(LookRequest(ALLOY, seed=4, realizations=(high, low), references=references()))
    assert result.realization_digest == low.digest
    assert result.realizations == ()
    assert result.details["is_relaxed"] is True


@pytest.mark.parametrize("density_A", [1.0, 2.0, 3.5])
def test_the_grid_is_the_one_that_ase_would_choose(density_A: float) -> None:
    for atoms in (bulk("Li"), bulk("Mg"), reference_structure("S").atoms):
        ours = np.array(kpoint_grid(atoms, density_A))
        assert (ours == kptdensity2monkhorstpack(atoms, density_A, even=False)).all()


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_CALCULATORS", "nosuchcode")
    with pytest.raises(OracleUnavailableError, match=r"package 'nosuchcode'.*Install 'nosuchcode'"):
        CalculatorChoice("nosuchcode.Calculator", {}).check()


def test_only_calculators_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_CALCULATORS", "subprocess")
    with pytest.raises(PermanentLookError, match=r"'subprocess\.Popen' is no ASE calculator"):
        CalculatorChoice("subprocess.Popen", {"args": "true"}).build()


@pytest.mark.parametrize(
    ("symbol", "group", "n_atoms"),
    [
        ("H", 191, 2),
        ("N", 136, 4),
        ("O", 12, 2),
        ("F", 12, 2),
        ("P", 64, 4),
        ("S", 148, 6),
        ("Cl", 64, 4),
        ("Li", 229, 1),
    ],
)
def test_reference_structures_are_the_crystals_that_they_say(symbol: str, group: int, n_atoms: int) -> None:
    atoms = reference_structure(symbol).atoms
    assert (space_group_number(atoms), len(atoms)) == (group, n_atoms)


@pytest.mark.parametrize("symbol", [*BY_HAND, "Li", "Na", "Mg", "Al", "Si", "Fe"])
def test_reference_structures_have_bonds_of_sensible_length(symbol: str) -> None:
    nearest, loneliest = contact_ratios(reference_structure(symbol).atoms)
    assert 0.75 < nearest <= loneliest < 1.35


def test_oxygen_starts_as_a_triplet() -> None:
    assert reference_structure("O").atoms.get_initial_magnetic_moments().tolist() == [1.0, 1.0]


def test_an_element_without_a_reference_structure_is_refused() -> None:
    assert not has_reference("Mn")
    with pytest.raises(PermanentLookError, match=r"Mn has no reference structure.*oracles/references\.py"):
        reference_structure("Mn")


def test_a_calculation_that_does_not_converge_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stubborn.py").write_text(
        "from ase.calculators.calculator import SCFError\n"
        "from ase.calculators.lj import LennardJones\n"
        "class Stubborn(LennardJones):\n"
        "    def calculate(self, *args, **kwargs):\n"
        "        raise SCFError('charge sloshes')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PETALITE_CALCULATORS", "stubborn")
    with pytest.raises(PermanentLookError, match="did not converge: charge sloshes"):
        build_oracle("ase", {"calculator": "stubborn.Stubborn"}).reference("Li")


def test_metals_may_have_a_denser_grid_than_crystals() -> None:
    settings = {"calculator": "morse", "kpoint_density_A": 1.0, "reference_kpoint_density_A": 3.0}
    oracle = build_oracle("ase", settings)
    assert oracle.reference("Li").details["kpoints"] == [8, 8, 8]
    assert oracle.reference("Cl").details["kpoints"] == [2, 2, 1]


@pytest.mark.parametrize("key", ["command", "profile", "directory", "txt"])
def test_a_spec_cannot_run_commands_or_write_anywhere(key: str) -> None:
    with pytest.raises(InvalidValueError, match=f"parameters.{key} would let a spec"):
        CalculatorChoice("ase.calculators.mopac.MOPAC", {key: "touch /tmp/here"})
