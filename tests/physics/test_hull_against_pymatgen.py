"""The hull is the one that pymatgen finds, which shares no code with ours: it takes it from a geometric hull."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.materials.hull import Phase, decompose, element_phase

pytestmark = pytest.mark.physics

ELEMENTS = ("Li", "P", "S", "O")
AMOUNTS = st.dictionaries(st.sampled_from(ELEMENTS), st.integers(1, 6).map(float), min_size=1, max_size=4)
PHASES = st.lists(st.builds(Phase, AMOUNTS, st.floats(-3.0, 0.5)), max_size=25)


@settings(max_examples=300, deadline=None)
@given(AMOUNTS, PHASES)
def test_hull_energies_are_those_of_a_phase_diagram(amounts: dict[str, float], phases: list[Phase]) -> None:
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    every = [*phases, *(element_phase(symbol) for symbol in ELEMENTS)]
    entries = [PDEntry(Composition(p.amounts), p.energy_eV_per_atom * sum(p.amounts.values())) for p in every]
    expected = PhaseDiagram(entries).get_hull_energy_per_atom(Composition(amounts))
    found = decompose(amounts, every)
    assert found.energy_eV_per_atom == pytest.approx(expected, abs=1e-6)
    assert sum(share for _, share in found.amounts) == pytest.approx(1.0)
