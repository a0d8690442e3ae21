"""A flow that answers queries of a service elsewhere, for whoever runs their machines by Prefect's work pools."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from prefect import flow
from prefect.runtime import flow_run

from domain.errors import ServiceError
from flows.names import ANSWERING

_DIGITS_OF_A_RUN: Final = 8


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
        worker: One name, one look at a time. A look that was killed goes on, on the same machine, where another run has
            the same name and home; where none is given, it is that of the flow run.
        campaign: Only that one's queries.
        n_looks: How many are answered, if so many wait.

    Raises:
        ServiceError: If the service or the machine refuses.
    """
    name = worker or f"prefect-{str(flow_run.id)[:_DIGITS_OF_A_RUN]}"
    for _ in range(n_looks):
        _answer_one(_arguments(url, token_file, oracles, name, campaign))


def _arguments(url: str, token_file: Path, oracles: Sequence[str], worker: str, campaign: str | None) -> list[str]:
    offered = [word for oracle in oracles for word in ("--oracle", oracle)]
    only = ["--campaign", campaign] if campaign is not None else []
    return ["worker", *offered, "--url", url, "--token-file", str(token_file), "--name", worker, "--once", *only]


def _answer_one(arguments: Sequence[str]) -> None:
    """In a process of its own, which Prefect's threads and settings do not reach."""
    ended = subprocess.run([sys.executable, "-P", "-m", "services.cli", *arguments], check=False)  # noqa: S603 - ours
    if ended.returncode != 0:
        raise ServiceError(
            f"petalite worker ended with status {ended.returncode}.",
            remedy="Read what it printed, above in the flow run's log or in that of Prefect's worker.",
        )
