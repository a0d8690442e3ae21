"""Universal machine-learned potentials by name. They are imported by a look only, which runs in a worker process."""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from domain.elements import Element
from domain.errors import InvalidValueError, OracleUnavailableError, UnsupportedCrystalError
from oracles.versions import versions_of

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from mace.calculators import MACECalculator

_DISTRIBUTIONS: Final = {"chgnet": "chgnet", "mace": "mace-torch"}
_CHGNET_DEFAULT: Final = "0.3.0"
_MACE_DEFAULT: Final = "medium-mpa-0"
_UNREADABLE: Final = (AttributeError, ImportError, KeyError, RuntimeError, ValueError)
"""What loading raises for weights without their model, and for models of other versions."""


@dataclass(frozen=True, slots=True)
class Potential:
    """A loaded potential."""

    name: str
    """Potential, version and model, as they were loaded: a file may hold another model by now."""
    calculator: Calculator
    atomic_numbers: frozenset[int] | None = None
    """Elements that the model was made for; None: every one that Petalite knows."""

    def require_elements(self, elements: Iterable[Element]) -> None:
        """Refuses elements that the model was not made for.

        Raises:
            UnsupportedCrystalError: If there are any.
        """
        if self.atomic_numbers is None:
            return
        missing = ", ".join(e.symbol for e in sorted(elements) if e.atomic_number not in self.atomic_numbers)
        if missing:
            raise UnsupportedCrystalError(
                f"The model knows no {missing} ({self.name}).",
                remedy=f"Leave {missing} out of the search space, or choose a model that was trained on it.",
            )


@dataclass(frozen=True, slots=True)
class PotentialChoice:
    """Which potential, and where it runs."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    potential: Literal["chgnet", "mace"] = "chgnet"
    """`chgnet` carries its weights in its wheel; `mace` takes a checkpoint."""
    model: str | None = None
    """CHGNet: a model in the wheel. MACE: whole path of a checkpoint, or a foundation model. None: the default."""
    device: Literal["cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        path = _checkpoint(self.model) if self.potential == "mace" else None
        if path is not None and not path.is_absolute():
            raise InvalidValueError(
                f"The path of the MACE checkpoint, {path}, is relative, but every look runs in a folder of its own.",
                remedy=f"Give the whole path, such as {path.absolute()}.",
            )

    @property
    def name(self) -> str:
        """Potential, version and model: what an energy was ranked by."""
        return f"{versions_of(_DISTRIBUTIONS[self.potential])} model {self._model_name}"

    @property
    def _model_name(self) -> str:
        if self.potential == "chgnet":
            return self.model or _CHGNET_DEFAULT
        path = _checkpoint(self.model)
        if path is None:
            return self.model or _MACE_DEFAULT
        # The same path may hold another model tomorrow; the content is what determines the number.
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        return f"{path.name} sha256 {content[:16]}"

    def check(self) -> None:
        """Checks, without importing it, that the potential is here.

        Raises:
            OracleUnavailableError: If it is not, with how to get it.
        """
        package = self.potential
        if importlib.util.find_spec(package) is None:
            raise OracleUnavailableError(
                f"The potential '{package}' is not installed.", remedy=f"pip install {_DISTRIBUTIONS[package]}"
            )
        path = _checkpoint(self.model) if self.potential == "mace" else None
        if path is not None:
            _require_checkpoint(path)

    def load(self) -> Potential:
        """Loads the potential; to be called in a worker process only.

        Raises:
            OracleUnavailableError: If its software or weights are not here, with which file to put where.
        """
        self.check()
        # Named once: the file may be replaced while these weights are in use.
        name = self.name
        if self.potential == "chgnet":
            return Potential(name, self._load_chgnet())
        calculator = self._load_mace()
        return Potential(name, calculator, frozenset(int(z) for z in calculator.z_table.zs))

    def _load_chgnet(self) -> Calculator:
        from chgnet.model.dynamics import CHGNetCalculator
        from chgnet.model.model import CHGNet

        # CHGNet turns a tensor with a gradient into a number in every call, and torch warns each time.
        warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True", category=UserWarning)
        # Its conversion to pymatgen warns of every constraint; the symmetry that we fix is not its business.
        warnings.filterwarnings("ignore", message="Only FixAtoms and FixCartesian", category=UserWarning)
        try:
            model = CHGNet.load(model_name=self.model or _CHGNET_DEFAULT, use_device=self.device, verbose=False)
        except ValueError as error:
            raise OracleUnavailableError(
                f"CHGNet has no model '{self.model}'.", remedy=f"Leave 'model' out for {_CHGNET_DEFAULT}."
            ) from error
        return CHGNetCalculator(model=model, use_device=self.device, on_isolated_atoms="ignore")

    def _load_mace(self) -> MACECalculator:
        from mace.calculators import MACECalculator

        path = _checkpoint(self.model) or _foundation_model(self.model or _MACE_DEFAULT)
        try:
            # As a list: a text alone is taken for a pattern, and a committee where it matches several files.
            return MACECalculator(model_paths=[str(path)], device=self.device, default_dtype="float64")
        except _UNREADABLE as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise OracleUnavailableError(
                f"The MACE checkpoint {path} cannot be loaded on {self.device}: {reason}",
                remedy=f"Give a whole model as training writes it, made for {versions_of('mace-torch', 'e3nn')}.",
            ) from error


def _require_checkpoint(path: Path) -> None:
    """Refuses what is no file, or not one as torch has written it since 2020."""
    if not path.is_file():
        raise OracleUnavailableError(
            f"There is no MACE checkpoint at {path}.", remedy="Put the checkpoint there, or correct 'model'."
        )
    if not zipfile.is_zipfile(path):
        raise OracleUnavailableError(
            f"{path} is no MACE checkpoint, or only a part of one.", remedy="Copy it again, or correct 'model'."
        )


def _foundation_model(name: str) -> Path:
    """Finds the weights of a foundation model, which mace downloads where they are not in its cache.

    Raises:
        OracleUnavailableError: If there is no such model, or its weights cannot be had.
    """
    from mace.calculators.foundations_models import download_mace_mp_checkpoint, mace_mp_urls

    if name not in mace_mp_urls:
        raise OracleUnavailableError(
            f"MACE has no foundation model '{name}'.",
            remedy=f"Give the whole path of a checkpoint, or one of {', '.join(mace_mp_urls)}.",
        )
    try:
        return Path(download_mace_mp_checkpoint(name))
    except (OSError, RuntimeError) as error:
        raise OracleUnavailableError(
            f"The weights of the MACE foundation model '{name}' are not on this machine and cannot be downloaded.",
            remedy=f"Fetch {mace_mp_urls[name]} elsewhere and give its whole path here as 'model', or use chgnet, "
            "which carries its weights.",
        ) from error


def _checkpoint(model: str | None) -> Path | None:
    """A model that looks like a path is a path: foundation models have no separator and no ending."""
    if model is None:
        return None
    path = Path(model).expanduser()
    return path if path.suffix in {".model", ".pt"} or len(path.parts) > 1 else None
