"""How a potential computes: on which device, in which precision, with how many threads."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal, TypeAlias

from domain.errors import InvalidValueError, OracleUnavailableError
from domain.json_value import JsonObject

Device: TypeAlias = Literal["cpu", "cuda"]
Precision: TypeAlias = Literal["float32", "float64"]

_USE_PROCESSORS: Final = "Set 'device: cpu', or install a build of torch for CUDA on a machine with a GPU."


@dataclass(frozen=True, slots=True)
class Computing:
    """Device, precision and threads."""

    device: Device
    dtype: Precision
    threads: int

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise InvalidValueError(
                f"{self.threads} threads compute nothing.",
                remedy="Give 1, or as many cores as the machine has to spare for every worker process.",
            )

    @property
    def words(self) -> str:
        """For version texts. Threads are left out: they change the rounding of sums, not what is summed."""
        return f"{self.dtype} on {self.device}"

    @property
    def details(self) -> JsonObject:
        """For a result's details."""
        return {"device": self.device, "dtype": self.dtype, "threads": self.threads}

    def check(self) -> None:
        """Checks, without importing torch, that its build can use the device.

        Raises:
            OracleUnavailableError: If it cannot.
        """
        if self.device == "cuda" and (build := _torch_version()).endswith("+cpu"):
            raise OracleUnavailableError(
                f"The torch of this installation ({build}) cannot use a GPU.", remedy=_USE_PROCESSORS
            )

    def prepare(self) -> None:
        """Gives this process its threads; to be called in a worker process only.

        Raises:
            OracleUnavailableError: If there is no GPU where one is asked for.
        """
        import torch

        self.check()
        if self.device == "cuda" and not torch.cuda.is_available():
            raise OracleUnavailableError("This machine has no GPU that torch can use.", remedy=_USE_PROCESSORS)
        torch.set_num_threads(self.threads)


def _torch_version() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        return "missing"
