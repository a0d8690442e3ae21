"""The flow runs that wait for a worker: a deployment made known to Prefect's server, and its runs taken one by one."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from domain.json_value import JsonObject
from flows.names import ADVANCING, DEPLOYMENT, ENTRYPOINT
from flows.prefect_api import PrefectApi, PrefectAwayError

REGISTERS_EVERY_S: Final = 60.0
"""How often the deployment is made known: a server with a new database does not know it."""


class FlowRuns:
    """The flow runs of the deployment that every worker has.

    Args:
        prefect: The server.
        clock: Seconds that pass.
    """

    def __init__(self, prefect: PrefectApi, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._prefect = prefect
        self._clock = clock
        self._deployment_id = ""
        self._registered_at: float | None = None

    def take(self, limit: int) -> tuple[JsonObject, ...]:
        """Takes flow runs that are due, the longest due first; of several workers one gets each.

        Raises:
            PrefectAwayError: If the server does not answer.
        """
        self._register()
        wanted: JsonObject = {
            "deployment_ids": [self._deployment_id],
            "scheduled_before": datetime.now(UTC).isoformat(),
            "limit": limit,
        }
        due = self._prefect.ask("POST", "/deployments/get_scheduled_flow_runs", wanted)
        found = due if isinstance(due, list) else []
        return tuple(run for run in found if isinstance(run, dict) and self._is_ours(run))

    def report_crash(self, flow_run_id: str, how: str) -> None:
        """Says that the process of a flow run was killed.

        Raises:
            PrefectAwayError: If the server does not answer.
        """
        self._set_state(flow_run_id, {"type": "CRASHED", "name": "Crashed", "message": f"Its process ended by {how}."})

    def _is_ours(self, flow_run: JsonObject) -> bool:
        """Whether the server lets us have a flow run: it refuses whoever is second."""
        try:
            answer = self._set_state(str(flow_run["id"]), {"type": "PENDING", "name": "Pending"})
        except PrefectAwayError:
            return False  # whether it is ours is not known; the herald asks for another one
        return answer.get("status") == "ACCEPT"

    def _set_state(self, flow_run_id: str, state: JsonObject) -> JsonObject:
        return self._prefect.ask_object("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": state})

    def _register(self) -> None:
        now = self._clock()
        if self._registered_at is not None and now - self._registered_at < REGISTERS_EVERY_S:
            return
        flow = self._prefect.ask_object("POST", "/flows/", {"name": ADVANCING})
        deployment = {"name": DEPLOYMENT, "flow_id": flow.get("id"), "entrypoint": ENTRYPOINT}
        self._deployment_id = str(self._prefect.ask_object("POST", "/deployments/", deployment).get("id"))
        self._registered_at = now
