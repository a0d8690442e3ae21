"""The process that carries out a worker's flow runs: Prefect's runner with one deployment.

Run as `python -m flows.deployment`; it ends, and its flow runs with it, at the end of its standard input. What is
ended in the middle goes on later: the store knows where each campaign stands.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from flows.names import DEPLOYMENT
from flows.wake import prefect_client
from services.children import end_with_parent
from services.settings import load_settings

if TYPE_CHECKING:
    from prefect.runner import Runner

POLL_S: Final = 2.0
"""How often Prefect is asked for flow runs."""
_PATIENCE_S: Final = 20.0
"""How long a flow run may take to give back what it has."""


def main() -> None:
    """Serves the deployment until SIGTERM or the end of standard input; status 1 if Prefect's runner ends by itself."""
    from prefect.runner import Runner

    n_campaigns = load_settings(os.environ).campaigns
    runner = Runner(name="petalite", limit=n_campaigns, query_seconds=POLL_S, pause_on_shutdown=False)
    asked, over = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: asked.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    # In a thread, because in the main thread the runner would put its own way of stopping in the place of ours.
    serving = threading.Thread(target=_serve, args=(runner, asked, over), name="runner", daemon=True)
    serving.start()
    asked.wait()
    if over.is_set():
        sys.exit(1)
    _end_flow_runs()
    os._exit(0)  # Prefect's threads would go on asking a server that may have ended before us


def _end_flow_runs() -> None:
    """Asks the processes of flow runs to end, so that they give back what they have; kills those that do not."""
    import psutil

    runs = psutil.Process().children()
    for run in runs:
        run.terminate()
    _, stubborn = psutil.wait_procs(runs, timeout=_PATIENCE_S)
    for run in (*stubborn, *psutil.Process().children()):
        with suppress(psutil.NoSuchProcess):
            run.kill()


def _serve(runner: Runner, asked: threading.Event, over: threading.Event) -> None:
    try:
        if _await_server(asked):
            asyncio.run(_run(runner))
    finally:
        over.set()
        asked.set()


def _await_server(asked: threading.Event) -> bool:
    """Waits until Prefect's server answers, which may start after us; False if we are asked to end meanwhile."""
    import httpx

    with prefect_client(os.environ) as client:
        while not asked.is_set():
            with suppress(httpx.HTTPError):
                if client.get("/health").is_success:
                    return True
            asked.wait(POLL_S)
    return False


async def _run(runner: Runner) -> None:
    from prefect.types.entrypoint import EntrypointType

    from flows.advancing import advance_campaign

    await runner.aadd_deployment(
        await advance_campaign.ato_deployment(name=DEPLOYMENT, entrypoint_type=EntrypointType.MODULE_PATH)
    )
    await runner.start()


if __name__ == "__main__":
    main()
