"""What the operator of a machine lets specs use there: files, and calculators by their dotted path.

Whoever writes a spec is not always whoever may run programs on a machine. A file with weights is a program (unpickling
it runs what it says), and so is any class that can be imported; and what stands in a table is shown to whoever wrote
the spec. Therefore nothing is trusted that was not named.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import InvalidValueError

HOME: Final = "PETALITE_HOME"
MODELS: Final = "PETALITE_MODELS"
CALCULATORS: Final = "PETALITE_CALCULATORS"
_NO_CALCULATORS: Final = "none"
_DEFAULT_CALCULATORS: Final = ("gpaw", "ase.calculators")
_PACKAGE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Trust:
    """What an operator has named."""

    model_folders: tuple[Path, ...] = ()
    """Whole paths of the folders whose files with weights and tables are loaded; the first that has a name gives it."""
    calculators: tuple[str, ...] = _DEFAULT_CALCULATORS
    """Dotted paths of classes, modules and packages of ASE calculators that are imported."""

    def __post_init__(self) -> None:
        for folder in self.model_folders:
            # The separator would make two folders of one on the way to a worker process.
            if not folder.is_absolute() or os.pathsep in str(folder):
                raise InvalidValueError(
                    f"{MODELS} holds '{folder}', which is no whole path, or has '{os.pathsep}' in it.",
                    remedy=f"Give whole paths of folders, with '{os.pathsep}' between them.",
                )
        for calculator in self.calculators:
            if not _PACKAGE.fullmatch(calculator):
                raise InvalidValueError(
                    f"{CALCULATORS} holds '{calculator}', which is no dotted path.",
                    remedy=f"Give packages, modules or classes by commas, such as gpaw,ase.calculators.vasp, or "
                    f"'{_NO_CALCULATORS}'.",
                )

    def allows(self, calculator: str) -> bool:
        """Whether a calculator's dotted path is one of those named, or lies in a package or module named."""
        return any(calculator == named or calculator.startswith(f"{named}.") for named in self.calculators)

    def as_environment(self) -> dict[str, str]:
        """The variables that say the same to a process in another folder and without a home."""
        return {
            MODELS: os.pathsep.join(map(str, self.model_folders)),
            CALCULATORS: ",".join(self.calculators) or _NO_CALCULATORS,
        }


def read_home(environ: Mapping[str, str]) -> Path:
    """Folder of everything that Petalite writes; absolute, so that it stays the same in another working folder."""
    return Path(environ.get(HOME) or "petalite-data").expanduser().absolute()


def read_trust(environ: Mapping[str, str]) -> Trust:
    """Reads what an operator has named: without a word, the folder `models` in the home folder, and ASE and GPAW.

    Raises:
        InvalidValueError: If a folder is no whole path, or a calculator no dotted path.
    """
    named = [Path(part).expanduser() for part in environ.get(MODELS, "").split(os.pathsep) if part]
    calculators = tuple(filter(None, (part.strip() for part in environ.get(CALCULATORS, "").split(","))))
    return Trust(
        tuple(named) or (read_home(environ) / "models",),
        () if calculators == (_NO_CALCULATORS,) else calculators or _DEFAULT_CALCULATORS,
    )
