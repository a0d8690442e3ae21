"""Every oracle keeps the promises of its port, and the check notices those that do not."""

from dataclasses import replace

import pytest

from domain.errors import InvalidValueError, PermanentLookError, UnsupportedCrystalError
from domain.fidelity import Fidelity
from domain.look import LookRequest, LookResult
from domain.measurement import SeriesPoint
from oracles.checks import check_oracle
from oracles.density import DensityOracle
from oracles.formation import formation_energy_eV_per_atom
from oracles.registry import build_oracle
from oracles.running.process import OracleProcess
from oracles.testing import cubic, require_oracle_contract, rock_salt

ALLOY = cubic(221, {"Cu": 3, "Au": 1}, 3.75)
LENNARD_JONES = {"sigma": 2.3, "epsilon": 0.2, "rc": 6.0}


@pytest.mark.parametrize(
    ("name", "settings", "blueprint"),
    [
        ("density", {}, rock_salt()),
        ("laboratory", {"quantity": "ionic_conductivity"}, rock_salt()),
        ("ase", {"calculator": "emt"}, ALLOY),
        ("ase", {"calculator": "lj", "parameters": LENNARD_JONES}, rock_salt()),
        ("ase", {"calculator": "ase.calculators.lj.LennardJones", "parameters": LENNARD_JONES}, rock_salt()),
    ],
)
def test_oracles_keep_the_contract(name: str, settings: dict[str, object], blueprint: object) -> None:
    require_oracle_contract(build_oracle(name, settings), blueprint)


@pytest.mark.physics
@pytest.mark.parametrize("settings", [{"relax": "none"}, {"relax": "cell"}])
def test_the_potential_keeps_the_contract(settings: dict[str, object]) -> None:
    with OracleProcess(Fidelity("potential", "potential", 1.0, settings)) as process:
        require_oracle_contract(process.as_oracle(), rock_salt(a_A=5.4))


class Noisy(DensityOracle):
    """Another value for every look."""

    n_looks = 0

    def look(self, request: LookRequest) -> LookResult:
        Noisy.n_looks += 1
        return replace(super().look(request), value=1.0 + Noisy.n_looks)


class Nameless(DensityOracle):
    @property
    def version(self) -> str:
        return ""


class Infinite(DensityOracle):
    def look(self, request: LookRequest) -> LookResult:
        return LookResult(value=float("inf"))


class Odd(DensityOracle):
    """Gives a point beside its value that no density can be."""

    def look(self, request: LookRequest) -> LookResult:
        return replace(super().look(request), series=(SeriesPoint(300.0, 0.0),))


class Careless(DensityOracle):
    """Says that it needs references and looks without."""

    def reference_elements(self, blueprint: object) -> tuple[str, ...]:
        return ("Li",)

    def reference(self, symbol: str) -> object:
        return build_oracle("ase", {"calculator": "lj", "parameters": LENNARD_JONES}).reference(symbol)


@pytest.mark.parametrize(
    ("oracle", "broken"),
    [
        (Noisy(), "same seed, same value"),
        (Nameless(), "identity"),
        (Infinite(), "look"),
        (Odd(), "look"),
        (Careless(), "missing references"),
    ],
)
def test_broken_promises_are_noticed(oracle: DensityOracle, broken: str) -> None:
    lines = check_oracle(oracle, rock_salt())
    assert [line.name for line in lines if not line.passed] == [broken]
    with pytest.raises(PermanentLookError, match=f"breaks its contract: {broken}"):
        require_oracle_contract(oracle, rock_salt())


def test_formation_energy_is_counted_from_the_references() -> None:
    composition = ALLOY.composition
    assert formation_energy_eV_per_atom(-3.0, composition, {"Cu": -2.0, "Au": -4.0}) == pytest.approx(-0.5)
    with pytest.raises(InvalidValueError, match=r"reference energy of Cu is missing"):
        formation_energy_eV_per_atom(-3.0, composition, {"Au": -4.0})
    with pytest.raises(PermanentLookError, match="implausible"):
        formation_energy_eV_per_atom(-300.0, composition, {"Cu": -2.0, "Au": -4.0})


def test_crystals_that_cannot_be_computed_are_refused_before_anything_is_charged() -> None:
    oracle = build_oracle("ase", {"calculator": "emt", "max_atoms": 8})
    oracle.require_supported(rock_salt())
    with pytest.raises(UnsupportedCrystalError, match="Mn has no reference structure"):
        oracle.require_supported(rock_salt("Mn", "O"))
    with pytest.raises(UnsupportedCrystalError, match="at most 8"):
        oracle.require_supported(cubic(225, {"Li": 8, "O": 4}, 4.6))
