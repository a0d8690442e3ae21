"""Which potential: `chgnet`, `mace`, or any ASE calculator by its dotted path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol

from domain.errors import InvalidValueError
from domain.json_value import JsonValue
from oracles.calculators import SHORT_NAMES
from oracles.potentials.any_ase import AnyAse
from oracles.potentials.chgnet import Chgnet
from oracles.potentials.computing import Computing, Device, Precision
from oracles.potentials.mace import Mace
from oracles.potentials.portable import Use
from oracles.potentials.portable_mace import PortableMace, is_portable
from oracles.potentials.potential import Potential

NETWORKS: Final[dict[str, Precision]] = {"chgnet": "float32", "mace": "float64"}
"""Potentials with a name of their own, and the precision that each has unless another one is set."""


class Source(Protocol):
    """Where a potential comes from. Nothing heavy is imported before it is loaded."""

    @property
    def name(self) -> str:
        """Everything that determines a number."""
        ...

    def check(self) -> None:
        """Checks that it can be loaded here, as far as that can be known without loading.

        Raises:
            OracleUnavailableError: If it cannot, with the remedy.
        """
        ...

    def load(self) -> Potential:
        """Loads it; in a worker process only.

        Raises:
            OracleUnavailableError: If it cannot be loaded, with the remedy.
        """
        ...


@dataclass(frozen=True, slots=True)
class PotentialChoice:
    """Which potential, and how it computes."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    potential: str = "chgnet"
    """`chgnet` carries its weights in its wheel; `mace` takes a checkpoint; else an ASE calculator's dotted path."""
    model: str | None = None
    """CHGNet: a model in the wheel. MACE: one of Petalite's own, a file in a trusted folder, or a foundation model.
    None: the default."""
    model_sha256: str | None = None
    """Hash of the file with the weights; another content is refused before anything runs. None: any."""
    device: Device = "cpu"
    dtype: Precision | None = None
    """Precision within the network. None: the potential's own, float32 of CHGNet and float64 of MACE."""
    threads: int = 1
    """Threads of each worker process; two that contend for a core are far slower than one."""
    accelerate: bool = False
    """Whether MACE computes with the kernels of cuEquivariance, on a GPU."""
    parameters: dict[str, JsonValue] = field(default_factory=dict)
    """Keyword arguments of an ASE calculator."""

    def __post_init__(self) -> None:
        if self.is_network and self.parameters:
            raise InvalidValueError(
                f"'{self.potential}' takes no 'parameters'.", remedy="They belong to ASE calculators; leave them out."
            )
        if not self.is_network:
            self._require_calculator()
        if self.accelerate and self.potential != "mace":
            raise InvalidValueError("cuEquivariance accelerates mace only.", remedy="Leave 'accelerate' out.")
        _ = self.source

    @property
    def is_network(self) -> bool:
        """Whether the potential has a name of its own here."""
        return self.potential in NETWORKS

    @property
    def source(self) -> Source:
        """Where the potential comes from."""
        if not self.is_network:
            return AnyAse(self.potential, self.parameters)
        computing = Computing(self.device, self.dtype or NETWORKS[self.potential], self.threads)
        if self.potential == "chgnet":
            return Chgnet(self.model, self.model_sha256, computing)
        if self.model is not None and is_portable(self.model):
            return PortableMace(self.model, self.model_sha256, computing, self.accelerate)
        return Mace(self.model, self.model_sha256, computing, self.accelerate)

    @property
    def name(self) -> str:
        """Potential, version, model and precision: what an energy was ranked by."""
        return self.source.name

    def require_fit(self, use: Use, *, remedy: str) -> None:
        """Refuses a network for what its card forbids.

        Raises:
            InvalidValueError: If the card does; it is not asked where the network is on another machine only.
        """
        source = self.source if self.is_network else None
        if isinstance(source, PortableMace) and use in source.unfit_for:
            raise InvalidValueError(f"The network '{self.model}' is not fit for {use}, says its card.", remedy=remedy)

    def check(self) -> None:
        """Checks, without importing it, that the potential is here and may be loaded.

        Raises:
            OracleUnavailableError: If not, with the remedy.
        """
        self.source.check()

    def load(self) -> Potential:
        """Loads the potential; to be called in a worker process only.

        Raises:
            OracleUnavailableError: If its software or weights are not here, with which file to put where.
        """
        return self.source.load()

    def _require_calculator(self) -> None:
        """Refuses what is no path, and settings of networks that a calculator would not hear of."""
        if "." not in self.potential and self.potential not in SHORT_NAMES:
            raise InvalidValueError(
                f"There is no potential '{self.potential}'.",
                remedy=f"Give {', '.join(NETWORKS)}, or the dotted path of an ASE calculator: package.module.Class.",
            )
        ignored = [
            name
            for name, value in (
                ("model", self.model),
                ("model_sha256", self.model_sha256),
                ("dtype", self.dtype),
                ("device", self.device != "cpu"),
                ("threads", self.threads != 1),
            )
            if value
        ]
        if ignored:
            raise InvalidValueError(
                f"The calculator '{self.potential}' does not take {', '.join(ignored)}.",
                remedy="Say it in 'parameters', in the calculator's own words.",
            )
