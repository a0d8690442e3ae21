"""Universal machine-learned potentials by name. They are imported by a look only, which runs in a worker process."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from domain.errors import OracleUnavailableError
from oracles.versions import versions_of

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

_DISTRIBUTIONS: Final = {"chgnet": "chgnet", "mace": "mace-torch"}
_CHGNET_DEFAULT: Final = "0.3.0"
_MACE_DEFAULT: Final = "medium-mpa-0"


@dataclass(frozen=True, slots=True)
class PotentialChoice:
    """Which potential, and where it runs."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    potential: Literal["chgnet", "mace"] = "chgnet"
    """`chgnet` carries its weights in its wheel; `mace` takes a checkpoint."""
    model: str | None = None
    """CHGNet: a model in the wheel. MACE: path of a checkpoint or name of a foundation model. None: the default."""
    device: Literal["cpu", "cuda"] = "cpu"

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
        path = _checkpoint(self.model)
        if self.potential == "mace" and path is not None and not path.is_file():
            raise OracleUnavailableError(
                f"There is no MACE checkpoint at {path}.", remedy="Put the checkpoint there, or correct 'model'."
            )

    def load(self) -> Calculator:
        """Loads the potential as an ASE calculator; to be called in a worker process only.

        Raises:
            OracleUnavailableError: If its software or weights are not here, with which file to put where.
        """
        self.check()
        return self._load_chgnet() if self.potential == "chgnet" else self._load_mace()

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

    def _load_mace(self) -> Calculator:
        from mace.calculators import MACECalculator, mace_mp

        path = _checkpoint(self.model)
        if path is not None:
            return MACECalculator(model_paths=str(path), device=self.device, default_dtype="float64")
        name = self.model or _MACE_DEFAULT
        try:
            return mace_mp(model=name, device=self.device, default_dtype="float64")
        except RuntimeError as error:
            cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "mace"
            raise OracleUnavailableError(
                f"The weights of the MACE foundation model '{name}' are not on this machine and cannot be downloaded.",
                remedy=f"Download the checkpoint elsewhere, give its path as 'model', or put it into {cache}, or use "
                "chgnet, which carries its weights.",
            ) from error


def _checkpoint(model: str | None) -> Path | None:
    """A model that looks like a path is a path: foundation models have no separator and no ending."""
    if model is None:
        return None
    path = Path(model).expanduser()
    return path if path.suffix in {".model", ".pt"} or len(path.parts) > 1 else None
