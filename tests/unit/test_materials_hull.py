"""Mixtures of lowest energy: known by hand, and never above any mixture that anybody could name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidValueError
from services.materials.hull import Phase, decompose, element_phase
from services.materials.stability import formation_energy_told

LI, S = element_phase("Li"), element_phase("S")
LI2S = Phase({"Li": 2.0, "S": 1.0}, -1.5, 0.03)


def test_a_composition_between_two_phases_is_their_mixture() -> None:
    found = decompose({"Li": 1, "S": 1}, [LI, S, LI2S])
    assert found.amounts == ((2, pytest.approx(0.75)), (1, pytest.approx(0.25)))  # shares of all atoms
    assert found.energy_eV_per_atom == pytest.approx(-1.5 * 0.75)
    assert found.sigma == pytest.approx(0.03 * 0.75)


def test_a_phase_above_the_others_is_no_part_of_the_mixture() -> None:
    shallow = Phase({"Li": 1.0, "S": 1.0}, -1.0)
    assert decompose({"Li": 2, "S": 2}, [LI, S, LI2S, shallow]).energy_eV_per_atom == pytest.approx(-1.125)
    deep = Phase({"Li": 1.0, "S": 1.0}, -1.2)
    found = decompose({"Li": 2, "S": 2}, [LI, S, LI2S, deep])
    assert (found.amounts, found.sigma) == (((3, pytest.approx(1.0)),), None)  # nobody knows how sure it is


def test_phases_with_other_elements_are_left_out() -> None:
    oxide = Phase({"Li": 1.0, "O": 1.0}, -9.0)
    assert decompose({"Li": 1, "S": 1}, [LI, S, oxide]).energy_eV_per_atom == 0.0


@pytest.mark.parametrize("phases", [[], [LI], [LI, LI2S]])
def test_a_composition_that_cannot_be_mixed_is_refused(phases: list[Phase]) -> None:
    with pytest.raises(InvalidValueError, match="has the composition of Li-S"):
        decompose({"Li": 1, "S": 2}, phases)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.floats(-2, 1)), max_size=8), st.integers(1, 6))
def test_no_mixture_of_two_phases_lies_lower(compounds: list[tuple[int, int, float]], n_sulfur: int) -> None:
    phases = [LI, S, *(Phase({"Li": float(a), "S": float(b)}, energy) for a, b, energy in compounds)]
    wanted = n_sulfur / (n_sulfur + 2)
    lowest = min(
        first.energy_eV_per_atom * (1 - part) + second.energy_eV_per_atom * part
        for first in phases
        for second in phases
        if (low := first.shares.get("S", 0.0)) <= wanted < (high := second.shares.get("S", 0.0)) or low == wanted
        for part in [0.0 if low == wanted else (wanted - low) / (high - low)]
    )
    found = decompose({"Li": 2, "S": n_sulfur}, phases)
    assert found.energy_eV_per_atom == pytest.approx(lowest, abs=1e-7)


@pytest.mark.parametrize(
    ("properties", "energy"),
    [
        ({"_oqmd_delta_e": -0.5, "_oqmd_stability": 0.0}, -0.5),
        ({"_alexandria_formation_energy_per_atom": -1}, -1.0),
        ({"_petalite_formation_energy": -0.25}, None),
        ({"_odd_formation_energy": "-1"}, None),
        ({"_mp_energy_above_hull": 0.1, "delta_e": 3.0}, None),
    ],
)
def test_energies_that_collections_say_are_known_by_name(properties: dict[str, float], energy: float | None) -> None:
    assert formation_energy_told(properties) == energy
