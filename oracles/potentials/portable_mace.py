"""MACE networks that are no programs: Petalite's own, which are always here, and others made with its pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import OracleUnavailableError
from oracles.potentials.checkpoint import require_sha256, words_of
from oracles.potentials.computing import Computing
from oracles.potentials.mace import memory_rule, require_accelerable, require_mace
from oracles.potentials.portable import (
    FOLDER,
    PortableNetwork,
    Use,
    build_network,
    read_portable,
    read_weights,
    weights_path,
)
from oracles.potentials.potential import Potential
from oracles.trusted_files import trust_here, trusted_file
from oracles.versions import versions_of

_ENDING: Final = ".json"


def shipped_names() -> tuple[str, ...]:
    """Names of the networks that Petalite brings."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{_ENDING}")))


def is_portable(model: str) -> bool:
    """Whether a model is one of Petalite's own, or the path of a network's description."""
    return model.endswith(_ENDING) or model in shipped_names()


def portable_path(model: str) -> Path:
    """Where a network's description is: Petalite's own by its name, another one in a trusted folder.

    Nothing is run that stands in one, but what an error says of a file is shown to whoever wrote the spec.

    Raises:
        OracleUnavailableError: If it lies elsewhere.
    """
    return trusted_file(model, trust_here()) if model.endswith(_ENDING) else FOLDER / f"{model}{_ENDING}"


@dataclass(frozen=True, slots=True)
class PortableMace:
    """A network whose numbers are kept without pickle."""

    model: str
    """Name of one of Petalite's own, or the path of a `.json` in a trusted folder."""
    sha256: str | None
    """The only numbers that are taken; None: those that the description names."""
    computing: Computing
    is_accelerated: bool

    def __post_init__(self) -> None:
        require_sha256(self.sha256)
        require_accelerable(self.computing, is_accelerated=self.is_accelerated)

    @property
    def name(self) -> str:
        """Potential, version, model, content and precision."""
        try:
            path = portable_path(self.model)
            return self._named(words_of(weights_path(path), read_portable(path).weights_sha256))
        except OracleUnavailableError:
            return self._named(f"{self.model} unknown")

    def _named(self, weights: str) -> str:
        kernels = f", {versions_of('cuequivariance-torch')}" if self.is_accelerated else ""
        return f"{versions_of('mace-torch')} model {weights} {self.computing.words}{kernels}"

    @property
    def unfit_for(self) -> tuple[Use, ...]:
        """What its card forbids; nothing is known of a network that is on another machine only."""
        try:
            return read_portable(portable_path(self.model)).unfit_for
        except OracleUnavailableError:
            return ()

    def check(self) -> None:
        """Checks, without importing mace, that it and both files of the network are here and belong together.

        Raises:
            OracleUnavailableError: If not, with the remedy.
        """
        require_mace(self.computing, is_accelerated=self.is_accelerated)
        self._read()

    def load(self) -> Potential:
        """Builds the network; to be called in a worker process only.

        Raises:
            OracleUnavailableError: If its software or files are not here, or do not fit each other.
        """
        require_mace(self.computing, is_accelerated=self.is_accelerated)
        self.computing.prepare()
        path, network, weights = self._read()
        from mace.calculators import MACECalculator

        from oracles.potentials.mace_forces import MaceForces

        calculator = MACECalculator(
            models=[build_network(network, weights)],
            device=self.computing.device,
            default_dtype=self.computing.dtype,
            enable_cueq=self.is_accelerated,
        )
        name = self._named(words_of(weights_path(path), network.weights_sha256))
        return Potential(
            name,
            calculator,
            MaceForces(name, calculator),
            frozenset(network.atomic_numbers),
            # With other kernels the layers are others, whose memory nobody has measured.
            memory=None if self.is_accelerated else memory_rule(calculator, self.computing),
            details={"model": network.name, "sha256": network.weights_sha256, **self.computing.details},
        )

    def _read(self) -> tuple[Path, PortableNetwork, bytes]:
        path = portable_path(self.model)
        network = read_portable(path)
        if self.sha256 not in (None, network.weights_sha256):
            raise OracleUnavailableError(
                f"The weights of '{network.name}' have the sha256 {network.weights_sha256}, but 'model_sha256' says "
                f"{self.sha256}.",
                remedy="Name the right network, or correct 'model_sha256' if this is the one that you mean.",
            )
        return path, network, read_weights(network, path)
