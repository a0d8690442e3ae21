"""A flow that answers queries of a service elsewhere, for whoever runs their machines by Prefect's work pools."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from prefect import flow

from domain.digest import content_digest
from domain.errors import ServiceError
from flows.machine.held_name import held_name
from flows.names import ANSWERING
from services.settings import load_settings


@flow(name=ANSWERING)
def answer_queries(
    url: str,
    token_file: Path,
    oracles: list[str],
    *,
    worker: str = "",
    campaign: str | None = None,
    n_looks: int = 1,
) -> None:
    """Answers some queries of a service, as `petalite worker --oracle` does, and ends.

    The flow needs neither the store nor the service's own Prefect: an address, and a file with a token.

    Args:
        url: Address of the service.
        token_file: Where the token is, on the machine that the flow runs on.
        oracles: What is offered: names, or NAME:FILE with settings.
        worker: One name, one look at a time. A look that was killed goes on, and an answer that found the service away
            is delivered, where another run has the same name and home. Where none is given, a run takes one that is
            kept in the home and that no other run has, first those of runs that were killed or failed.
        campaign: Only that one's queries.
        n_looks: How many are answered, if so many wait.

    Raises:
        ServiceError: If the service or the machine refuses.
    """
    if worker:
        _answer(_arguments(url, token_file, oracles, worker, campaign), n_looks)
        return
    # What a name keeps for one service is not asked for by another.
    folder = load_settings(os.environ).home / "prefect-names" / content_digest(url.rstrip("/"))[:16]
    with held_name(folder, f"prefect-{socket.gethostname()}") as held:
        _answer(_arguments(url, token_file, oracles, held.name, campaign), n_looks, lock=held.lock)


def _arguments(url: str, token_file: Path, oracles: Sequence[str], worker: str, campaign: str | None) -> list[str]:
    offered = [word for oracle in oracles for word in ("--oracle", oracle)]
    only = ["--campaign", campaign] if campaign is not None else []
    return ["worker", *offered, "--url", url, "--token-file", str(token_file), "--name", worker, "--once", *only]


def _answer(arguments: Sequence[str], n_looks: int, *, lock: int | None = None) -> None:
    """In processes of their own, which Prefect's threads and settings do not reach, but which keep the lock."""
    command = [sys.executable, "-P", "-m", "services.cli", *arguments]
    for _ in range(n_looks):
        ended = subprocess.run(command, check=False, pass_fds=() if lock is None else (lock,))  # noqa: S603 - ours
        if ended.returncode == 0:
            continue
        raise ServiceError(
            f"petalite worker ended with status {ended.returncode}.",
            remedy="Read what it printed, above in the flow run's log or in that of Prefect's worker.",
        )
