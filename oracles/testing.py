"""What tests of oracles need: the contract as a check that fails, small crystals, and plug-ins made on the spot."""

from pathlib import Path

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.errors import PermanentLookError
from domain.lattice import LatticeParameters
from domain.ports import Oracle
from domain.space_groups import SpaceGroup
from oracles.checks import check_oracle
from oracles.registry import GROUP


def require_oracle_contract(oracle: Oracle, blueprint: Blueprint) -> None:
    """Checks that an oracle keeps every promise of its port.

    Raises:
        PermanentLookError: If it does not, with every promise that it breaks.
    """
    broken = [f"{line.name}: {line.detail}" for line in check_oracle(oracle, blueprint) if not line.passed]
    if broken:
        raise PermanentLookError(f"The oracle breaks its contract: {'; '.join(broken)}", remedy="Correct the oracle.")


def rock_salt(cation: str = "Li", anion: str = "Cl", a_A: float = 5.13) -> Blueprint:
    """A blueprint whose only sites are those of rock salt (Fm-3m, 4a and 4b)."""
    return cubic(225, {cation: 4, anion: 4}, a_A)


def cubic(space_group: int, counts: dict[str, int], a_A: float) -> Blueprint:
    """A blueprint with a cubic cell."""
    return Blueprint(SpaceGroup(space_group), Composition.of(counts), LatticeParameters(a_A, a_A, a_A, 90, 90, 90))


def install_plugin(directory: Path, name: str, source: str) -> None:
    """Writes a distribution that registers one oracle; it is found once the directory is on the import path.

    Args:
        directory: Where to write it.
        name: Of the oracle, of its distribution and of its module.
        source: The module; it defines `build`.
    """
    (directory / f"{name}.py").write_text(source, encoding="utf-8")
    metadata = directory / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {name}:build\n", encoding="utf-8")
