"""How a process that runs campaigns is set up: Prefect embedded, quiet and silent towards the outside, one thread."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

_PREFECT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DO_NOT_TRACK": "1",  # Prefect's client reports its use unless told not to
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # and so does its server
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # where Prefect starts a server itself
        "PREFECT_LOGGING_LEVEL": "CRITICAL",  # progress is told by the store's events
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",  # results live in the store
    }
)


_THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Two OpenMP threads on two busy cores wait for each other: fits were measured to take forty times as long."""


def prepare_environment(environ: MutableMapping[str, str], *, home: Path) -> None:
    """Sets the variables that Prefect and numerics read when they are imported. Must run before either is.

    What the user has set already is left alone, so that a Prefect server of one's own is used where
    `PREFECT_API_URL` names it.

    Args:
        environ: The process's environment.
        home: Petalite's home; Prefect keeps its own files in a folder of it.
    """
    environ.setdefault("PREFECT_HOME", str((home / "prefect").absolute()))
    for name, value in _PREFECT.items():
        environ.setdefault(name, value)
    for name in _THREADS:
        environ.setdefault(name, "1")
