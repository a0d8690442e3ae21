"""MACE: a checkpoint in a folder that is trusted, or a foundation model by its name.

Source: Batatia et al., NeurIPS 35, 11423 (2022).
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidValueError, OracleUnavailableError
from oracles.potentials.checkpoint import Checkpoint, require_sha256, words_of
from oracles.potentials.computing import Computing
from oracles.potentials.foundation import DEFAULT, fetch_foundation, foundation_path
from oracles.potentials.memory import MemoryRule
from oracles.potentials.potential import Potential
from oracles.trusted_files import trust_here, trusted_file
from oracles.versions import versions_of

if TYPE_CHECKING:
    from mace.calculators import MACECalculator

_KEPT: Final = 5.0
"""How often memory holds what a network computes of a pair, for the gradient: 3.2 to 5.0 times were measured, for four
networks of 16 to 64 channels and LiCl and Li2O of 144 to 216 atoms."""
_UNREADABLE: Final = (AttributeError, ImportError, KeyError, RuntimeError, TypeError, ValueError)
"""What loading raises for weights without their model, and for models of other versions."""


@dataclass(frozen=True, slots=True)
class Mace:
    """A MACE network in a file."""

    model: str | None
    """Path of a checkpoint, whole or within a trusted folder, or name of a foundation model; None: medium-mpa-0."""
    sha256: str | None
    """The only content that is taken; None: any."""
    computing: Computing
    is_accelerated: bool
    """Whether cuEquivariance's kernels compute the tensor products."""

    def __post_init__(self) -> None:
        require_sha256(self.sha256)
        require_accelerable(self.computing, is_accelerated=self.is_accelerated)

    @property
    def name(self) -> str:
        """Potential, version, model, content and precision."""
        try:
            return self._named(Checkpoint(self._path()).words)
        except OracleUnavailableError:
            return self._named("unknown")

    def _named(self, weights: str) -> str:
        model = "" if self._is_file else f" {self.model or DEFAULT}"
        kernels = f", {versions_of('cuequivariance-torch')}" if self.is_accelerated else ""
        return f"{versions_of('mace-torch')} model{model} {weights} {self.computing.words}{kernels}"

    @property
    def _is_file(self) -> bool:
        """Whether the model looks like a path: foundation models have no separator and no ending."""
        return self.model is not None and (os.sep in self.model or Path(self.model).suffix in {".model", ".pt"})

    def _path(self) -> Path:
        """Where the weights are or should be.

        Raises:
            OracleUnavailableError: If the file is not trusted, or there is no foundation model of the name.
        """
        model = self.model or DEFAULT
        return trusted_file(model, trust_here()) if self._is_file else foundation_path(model)

    def check(self) -> None:
        """Checks, without importing it, that mace is here and, where the weights are, that they are to be trusted.

        Raises:
            OracleUnavailableError: If not, with how to get them.
        """
        require_mace(self.computing, is_accelerated=self.is_accelerated)
        path = self._path()
        # A foundation model may yet be downloaded.
        if self._is_file or path.is_file():
            Checkpoint(path, self.sha256).check()

    def load(self) -> Potential:
        """Loads the network; to be called in a worker process only.

        Raises:
            OracleUnavailableError: If its software or weights are not here, with which file to put where.
        """
        self.check()
        self.computing.prepare()
        path = self._path() if self._is_file else fetch_foundation(self.model or DEFAULT)
        content, sha256 = Checkpoint(path, self.sha256).read()
        # Named by what was read: the file may be replaced while these weights are in use.
        name = self._named(words_of(path, sha256))
        from oracles.potentials.mace_forces import MaceForces

        calculator = self._calculator(path, content)
        return Potential(
            name,
            calculator,
            MaceForces(name, calculator),
            frozenset(int(number) for number in calculator.z_table.zs),
            # With other kernels the layers are others, whose memory nobody has measured.
            memory=None if self.is_accelerated else memory_rule(calculator, self.computing),
            details={"model": str(path), "sha256": sha256, **self.computing.details},
        )

    def _calculator(self, path: Path, content: bytes) -> MACECalculator:
        from mace.calculators import MACECalculator

        # mace reads a file: one of our own, so that nobody exchanges it after its hash was taken.
        with tempfile.NamedTemporaryFile(suffix=".model") as file:
            file.write(content)
            file.flush()
            try:
                # As a list: a text alone is taken for a pattern, and a committee where it matches several files.
                return MACECalculator(
                    model_paths=[file.name],
                    device=self.computing.device,
                    default_dtype=self.computing.dtype,
                    enable_cueq=self.is_accelerated,
                )
            except _UNREADABLE as error:
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                raise OracleUnavailableError(
                    f"The MACE checkpoint {path} cannot be loaded on {self.computing.device}: {reason}",
                    remedy=f"Give a whole model as training writes it, made for {versions_of('mace-torch', 'e3nn')}.",
                ) from error


def require_accelerable(computing: Computing, *, is_accelerated: bool) -> None:
    """Refuses cuEquivariance without a GPU.

    Raises:
        InvalidValueError: If it is asked for on another device.
    """
    if is_accelerated and computing.device != "cuda":
        raise InvalidValueError(
            "cuEquivariance accelerates MACE on a GPU only.", remedy="Set 'device: cuda', or leave 'accelerate' out."
        )


def require_mace(computing: Computing, *, is_accelerated: bool) -> None:
    """Checks, without importing it, that mace can compute here.

    Raises:
        OracleUnavailableError: If it is not installed, its kernels are not, or torch cannot use the device.
    """
    if importlib.util.find_spec("mace") is None:
        raise OracleUnavailableError("The potential 'mace' is not installed.", remedy="pip install mace-torch")
    if is_accelerated and importlib.util.find_spec("cuequivariance_torch") is None:
        raise OracleUnavailableError(
            "cuEquivariance is not installed, so MACE cannot be accelerated.",
            remedy="pip install cuequivariance-torch cuequivariance-ops-torch-cu12, or leave 'accelerate' out.",
        )
    computing.check()


def memory_rule(calculator: MACECalculator, computing: Computing) -> MemoryRule:
    """Counts the numbers that the network's convolutions keep of each pair: features gathered, weights, products."""
    numbers = sum(
        layer.conv_tp.irreps_in1.dim + layer.conv_tp.weight_numel + layer.conv_tp.irreps_out.dim
        for layer in calculator.models[0].interactions
    )
    bytes_each = 8 if computing.dtype == "float64" else 4
    return MemoryRule(computing.device, calculator.r_max, _KEPT * numbers * bytes_each, is_batched=True)
