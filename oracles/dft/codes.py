"""Which code stands behind a calculator's class."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from oracles.dft.abinit import Abinit
from oracles.dft.code import Code
from oracles.dft.cp2k import Cp2k
from oracles.dft.espresso import Espresso
from oracles.dft.gpaw import Gpaw
from oracles.dft.vasp import Vasp

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "gpaw.GPAW": Gpaw(),
        "ase.calculators.espresso.Espresso": Espresso(),
        "ase.calculators.vasp.Vasp": Vasp(),
        "ase.calculators.vasp.vasp.Vasp": Vasp(),
        "ase.calculators.abinit.Abinit": Abinit(),
        "ase.calculators.cp2k.CP2K": Cp2k(),
    }
)
_ANY: Final = Code()


def code_of(path: str) -> Code:
    """What is known of the code behind a class, by its dotted path; of most, nothing special."""
    return CODES.get(path, _ANY)
