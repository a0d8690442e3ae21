"""CHGNet, whose wheel carries its weights.

Source: Deng et al., Nature Machine Intelligence 5, 1031 (2023).
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import InvalidValueError, OracleUnavailableError
from oracles.potentials.checkpoint import Checkpoint, require_sha256
from oracles.potentials.computing import Computing
from oracles.potentials.memory import MemoryRule
from oracles.potentials.potential import Potential
from oracles.versions import versions_of

_DEFAULT: Final = "0.3.0"
_MEMORY: Final = (6.0, 95_000.0, 3.0, 86_000.0)
"""Cutoffs (Å) and bytes of pairs and angles; peaks of rattled LiCl and Li2O, 64 to 216 atoms, lie within 3 % of it."""


@dataclass(frozen=True, slots=True)
class Chgnet:
    """One of the models in CHGNet's wheel."""

    model: str | None
    """Name of the model; None: 0.3.0."""
    sha256: str | None
    """The only content that is taken; None: any."""
    computing: Computing

    def __post_init__(self) -> None:
        require_sha256(self.sha256)
        if self.computing.dtype != "float32":
            raise InvalidValueError(
                "CHGNet computes in single precision only.", remedy="Leave 'dtype' out, or use mace."
            )

    @property
    def name(self) -> str:
        """Potential, version, model, content and precision."""
        return f"{versions_of('chgnet')} model {self._model} {self._weights} {self.computing.words}"

    @property
    def _model(self) -> str:
        return self.model or _DEFAULT

    @property
    def _weights(self) -> str:
        path = self._path()
        return "missing" if path is None else Checkpoint(path).words

    def check(self) -> None:
        """Checks, without importing it, that CHGNet and the model are here.

        Raises:
            OracleUnavailableError: If they are not, with how to get them.
        """
        self._require_checkpoint()
        self.computing.check()

    def load(self) -> Potential:
        """Loads the model; to be called in a worker process only.

        Raises:
            OracleUnavailableError: If its software is not here, or there is no such model.
        """
        _, sha256 = self._require_checkpoint().read()
        self.computing.prepare()
        from chgnet.model.dynamics import CHGNetCalculator
        from chgnet.model.model import CHGNet

        from oracles.dynamics.forces import AseForces

        # CHGNet turns a tensor with a gradient into a number in every call, and torch warns each time.
        warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True", category=UserWarning)
        # Its conversion to pymatgen warns of every constraint; the symmetry that we fix is not its business.
        warnings.filterwarnings("ignore", message="Only FixAtoms and FixCartesian", category=UserWarning)
        network = CHGNet.load(model_name=self._model, use_device=self.computing.device, verbose=False)
        name = self.name
        calculator = CHGNetCalculator(model=network, use_device=self.computing.device, on_isolated_atoms="ignore")
        return Potential(
            name,
            calculator,
            # One after the other: CHGNet's own batches were 10 to 40 % slower from 32 atoms a cell on.
            AseForces(name, lambda: calculator),
            frozenset(range(1, network.atom_embedding.embedding.num_embeddings + 1)),
            memory=MemoryRule(self.computing.device, *_MEMORY),
            details={"model": self._model, "sha256": sha256, **self.computing.details},
        )

    def _require_checkpoint(self) -> Checkpoint:
        if _pretrained() is None:
            raise OracleUnavailableError("The potential 'chgnet' is not installed.", remedy="pip install chgnet")
        path = self._path()
        if path is None:
            raise OracleUnavailableError(
                f"CHGNet has no model '{self.model}'.", remedy=f"Give one of {', '.join(_models())}."
            )
        checkpoint = Checkpoint(path, self.sha256)
        checkpoint.check()
        return checkpoint

    def _path(self) -> Path | None:
        pretrained = _pretrained()
        if pretrained is None or self._model not in _models():
            return None
        return next(iter(sorted((pretrained / self._model).glob("*.pth.tar"))), None)


def _models() -> list[str]:
    pretrained = _pretrained()
    return [] if pretrained is None else sorted(path.name for path in pretrained.iterdir() if path.is_dir())


def _pretrained() -> Path | None:
    """Folder of the wheel that holds the weights; finding it imports nothing."""
    spec = importlib.util.find_spec("chgnet")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "pretrained"
    return folder if folder.is_dir() else None
