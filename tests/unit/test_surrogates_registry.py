import subprocess
import sys

import pytest

from domain.campaign import Component
from domain.errors import SpecError
from domain.fidelity import Fidelity, Ladder
from domain.json_value import JsonValue
from domain.quantity import Goal, Objective
from domain.search_space import SearchSpace
from surrogates.ports import Surrogate
from surrogates.registry import SURROGATES, build_surrogate


def build(name: str, **settings: JsonValue) -> Surrogate:
    return build_surrogate(
        Component(name, settings),
        space=SearchSpace(elements=("Li", "Cl"), space_groups=(225,)),
        ladder=Ladder((Fidelity("dft", "ase", 1.0),)),
        objective=Objective("formation_energy", Goal.MINIMIZE),
    )


def test_the_version_names_algorithm_and_settings() -> None:
    versions = {build(name).version for name in SURROGATES} | {build(SURROGATES[0], max_iterations=10).version}
    assert len(versions) == 3
    assert all(any(version.startswith(name) for name in SURROGATES) for version in versions)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SpecError, match=r"surrogate.name: 'crystal-ball' is unknown.*multi-fidelity-gp"):
        build("crystal-ball")


def test_settings_are_validated_where_they_stand_in_the_spec() -> None:
    with pytest.raises(SpecError, match=r"surrogate\.settings\.kernel: unknown key"):
        build("multi-fidelity-gp", kernel="rbf")
    with pytest.raises(SpecError, match=r"surrogate\.settings\.reward: inverse_temperature"):
        build("multi-fidelity-gp", reward={"inverse_temperature": -1})
    with pytest.raises(SpecError, match=r"surrogate\.settings.*max_iterations is 0"):
        build("multi-fidelity-gp", max_iterations=0)


def test_importing_the_registry_loads_no_numerics() -> None:
    code = "import sys, surrogates.registry, surrogates.ports; print(sorted({'torch', 'scipy'} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
