"""Whether a crystal survived hot molecular dynamics."""

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from oracles.potentials.distillation.endurance import endured

# What replaces both is younger than the oldest ASE that is supported.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use thermalize_momenta:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The implementation of `fixcm=True`:FutureWarning"),
]


@pytest.mark.parametrize(("shaken_A", "survived"), [(0.0, True), (0.6, False)])
def test_a_crystal_that_breaks_at_the_last_look_has_not_survived(shaken_A: float, *, survived: bool) -> None:
    crystal = bulk("Cu", cubic=True) * (2, 2, 2)
    crystal.rattle(shaken_A, seed=1)
    crystal.info.update({"crystal": "copper", "split": "test"})
    (row,) = endured([crystal], EMT(), temperature_K=300.0, duration_ps=0.1, seed=1, report=lambda _: None)
    assert isinstance(row, dict)
    assert row["lived_ps"] == 0.1
    assert row["survived"] is survived
