"""Bond-valence barriers: the order of known conductors, whatever the cell they are described in."""

import math
from pathlib import Path

import pytest

from domain.composition import Composition
from domain.errors import InvalidValueError, SpecError, UnsupportedCrystalError
from domain.look import LookRequest
from domain.measurement import Censoring
from domain.ports import Oracle
from oracles.bond_valence import build
from oracles.percolation import percolation_energies_eV
from oracles.testing import cubic, require_oracle_contract, rock_salt
from oracles.valence_landscape import ANIONS, Ions, site_energies_eV

pytestmark = pytest.mark.physics
pytest.importorskip("bvlain")

DATA = Path(__file__).parents[1] / "data"
GRID_EV = 0.06
"""How far barriers move when the points of a 0.2 Å grid fall elsewhere."""


def _oracle(**settings: object) -> Oracle:
    return build({"sites": {"draws": 1}, **settings})


def _barriers(atoms: object) -> tuple[float | None, ...]:
    counts = {symbol: atoms.get_chemical_symbols().count(symbol) for symbol in set(atoms.get_chemical_symbols())}
    ions = Ions.of(Composition.of(counts), "Li", {})
    return percolation_energies_eV(site_energies_eV(atoms, ions, resolution_A=0.2, cutoff_A=10.0), highest_eV=10.0)


def _read(name: str) -> object:
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    structure = Structure.from_file(DATA / name)
    structure.remove_oxidation_states()
    atoms = AseAtomsAdaptor.get_atoms(structure)
    return type(atoms)(atoms.numbers, cell=atoms.cell, scaled_positions=atoms.get_scaled_positions(), pbc=True)


def test_it_keeps_the_contract() -> None:
    require_oracle_contract(_oracle(), rock_salt())


@pytest.mark.filterwarnings("ignore")  # pymatgen comments on every file
def test_better_conductors_have_lower_barriers() -> None:
    """Li3N, Li3OBr and LiGaO2 conduct 6e-4, 1e-6 and 2e-14 S/cm at room temperature (OBELiX: gvd, qbb, bsa)."""
    nitride, bromide, gallate = (
        _barriers(_read(name))[2] for name in ("crystals/gvd.cif", "crystals/qbb.cif", "uploads/bsa.cif")
    )
    assert nitride < 0.3 < bromide < 0.7 < gallate


@pytest.mark.filterwarnings("ignore")
def test_neither_supercell_nor_order_of_atoms_nor_origin_matters() -> None:
    atoms = _read("crystals/qbb.cif")
    expected = _barriers(atoms)
    moved = atoms[::-1]
    moved.positions += (0.31, 0.17, 0.05)
    moved.wrap()
    for other in (atoms.repeat((2, 1, 1)), moved):
        assert _barriers(other) == pytest.approx(expected, abs=GRID_EV)


def test_a_barrier_above_the_highest_is_a_bound() -> None:
    seen = _oracle(highest_eV=0.05).look(LookRequest(rock_salt(), 1))
    assert (seen.value, seen.censoring) == (0.05, Censoring.ABOVE)
    assert seen.details["barriers_eV"] == {"1 direction": None, "2 directions": None, "3 directions": None}


def test_a_barrier_stands_among_conductivities_by_its_arrhenius_law() -> None:
    """σ = 10⁵ S K/cm / 300 K exp(-E / kT); a high barrier is only known to conduct worse than 10⁻¹⁷ S/cm."""
    request = LookRequest(rock_salt(), 1)
    barrier = _oracle().look(request).value
    oracle = _oracle(quantity="ionic_conductivity", temperature_K=300.0)
    assert oracle.quantity.unit == "S/cm"
    seen = oracle.look(request)
    assert (seen.censoring, seen.temperature_K) == (Censoring.NONE, 300.0)
    assert seen.value == pytest.approx(1e5 / 300 * math.exp(-barrier / (8.617333e-5 * 300)), rel=1e-4)
    blocked = _oracle(quantity="ionic_conductivity", highest_eV=0.05).look(request)
    assert blocked.censoring is Censoring.BELOW
    cold = _oracle(quantity="ionic_conductivity", temperature_K=100.0).look(request)
    assert (cold.value, cold.censoring) == (1e-17, Censoring.BELOW)


@pytest.mark.parametrize(
    ("blueprint", "settings", "problem"),
    [
        (rock_salt("Na", "Cl", 5.6), {}, "no Li that could move"),
        (rock_salt("Li", "H", 4.1), {}, r"parameters of Li with H\(-1\)"),
        (cubic(221, {"Li": 1, "Cr": 1, "Cl": 1}, 4.0), {}, "oxidation_states"),
        (rock_salt(a_A=60.0), {}, "may be taken"),
        (rock_salt(), {"max_atoms": 7}, "at most 7"),
    ],
)
def test_crystals_are_refused_before_anything_is_charged(blueprint: object, settings: dict, problem: str) -> None:
    with pytest.raises(UnsupportedCrystalError, match=problem):
        _oracle(**settings).require_supported(blueprint)


@pytest.mark.parametrize(
    "settings", [{"resolution_A": 1.0}, {"highest_eV": 50.0}, {"cutoff_A": -1.0}, {"directions": 4}, {"speed": 1}]
)
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises((SpecError, InvalidValueError), match=next(iter(settings))):
        _oracle(**settings)


def test_the_table_of_anions_is_that_of_bvlain() -> None:
    import pickle

    import bvlain
    from ase.data import chemical_symbols

    path = Path(bvlain.__file__).parent / "data" / "cation.pkl"
    cations = pickle.loads(path.read_bytes())
    for mobile, known in ANIONS.items():
        pairs = cations[chemical_symbols.index(mobile)][1]
        assert known == {chemical_symbols[z]: int(state) for z, states in pairs.items() for state in states}
