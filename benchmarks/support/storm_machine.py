"""Storms over a machine that answers queries over REST: it dies, the service does not."""

import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Final

import httpx
from support.filled_people import machine_token
from support.served import HOST
from support.storm import Acknowledge, Life, Step, live
from support.storm_service import service_beside
from support.storm_work import LEASE_S, WORKER, known, open_day

from domain.fidelity import Capability
from flows.machine.client import MachineClient
from flows.machine.loop import Machine, Offer
from flows.machine.spool import Parcel, Spool
from flows.machine.watch import Watch
from services.messages.claims import Claim
from services.store import open_store

N_QUERIES: Final = 8
_ON_DISK: Final = frozenset({"open", "os.rename", "os.remove"})
_ON_THE_LINE: Final = "storm.line"


class MachineStage:
    """The loop of `petalite machine run`. It dies before a request, after an answer, or amid what it keeps on disk."""

    name = "machine"

    def __init__(self, url: str) -> None:
        self.url = url
        self._home = Path(tempfile.mkdtemp(prefix="petalite-storm-"))
        self._token = ""

    def prepare(self) -> None:
        """Asks the day's questions and lets the machine in."""
        with open_store(self.url) as store:
            self._token, group_id = machine_token(store, WORKER)
        open_day(self.url, group_id=group_id, n_queries=N_QUERIES)

    def live(self, kill_at: int | None) -> Life:
        """One life of the machine; it works until nothing waits for it."""
        with service_beside(self.url, self._home) as port:
            return live(partial(self._work, port), kill_at=kill_at, points=self._points)

    def known(self) -> frozenset[str]:
        """What the store holds of what may have been acknowledged."""
        with open_store(self.url) as store:
            return known(store)

    def _points(self, step: Step) -> None:
        spool = str(self._home)

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event == _ON_THE_LINE or (event in _ON_DISK and str(arguments[0]).startswith(spool)):
                step()

        sys.addaudithook(watch)

    def _work(self, port: int, acknowledge: Acknowledge) -> None:
        stop = threading.Event()
        offer = Offer(WORKER, (Capability("density"),), poll_s=0.05)
        hooks = {moment: [lambda _: sys.audit(_ON_THE_LINE)] for moment in ("request", "response")}
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(base_url=f"http://{HOST}:{port}", headers=headers, event_hooks=hooks, timeout=60) as http:
            client = _Client(http, acknowledge, stop)
            Machine(client, Spool(self._home / "spool"), offer, Watch(LEASE_S, stop, 0.0), lambda _: None).run()


class _Client(MachineClient):
    """Says what has arrived, and ends the machine when nothing is left."""

    def __init__(self, http: httpx.Client, acknowledge: Acknowledge, stop: threading.Event) -> None:
        super().__init__(http)
        self._acknowledge = acknowledge
        self._stop = stop

    def deliver(self, parcel: Parcel) -> None:
        super().deliver(parcel)
        self._acknowledge(f"answered {parcel.query_id}")

    def claim(
        self, worker: str, oracles: tuple[Capability, ...], *, lease_s: float, campaign: str | None = None
    ) -> Claim | None:
        claim = super().claim(worker, oracles, lease_s=lease_s, campaign=campaign)
        if claim is None:
            self._stop.set()
        return claim
