"""A look by molecular dynamics that a machine answers over REST; what computes it is killed while it moves atoms."""

import multiprocessing
import random
import shutil
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx
import psutil
from support.filled_people import machine_token
from support.served import HOST
from support.storm_books import Books, read_books
from support.storm_service import service_beside

from domain.blueprint import Blueprint
from domain.campaign import CampaignSpec
from domain.fidelity import AnsweredBy, Capability, Fidelity, Limits
from domain.json_value import JsonObject
from domain.quantity import Goal, Objective
from domain.states import QueryState
from flows.look_folders import LookFolders
from flows.machine.client import MachineClient
from flows.machine.loop import Machine, Offer
from flows.machine.spool import Spool
from flows.machine.watch import Watch
from oracles.dynamics.trajectory import Trajectory
from oracles.testing import rock_salt
from services.messages.claims import Claim
from services.store import open_store
from services.store.examples import example_pick, example_spec, open_round

CAMPAIGN: Final = "dynamics-storm"
FIDELITY: Final = "dynamics"
WORKER: Final = "storm"
LEASE_S: Final = 3600.0
PATIENCE_S: Final = 3600.0
_LOOK_S: Final = 0.01
_LATEST_SHARE: Final = 0.95
"""What is to be killed later than that may have ended by then."""
_ATTEMPTS: Final = 1000
"""More than any storm uses up: how often a look may fail is not what is tried here."""


@dataclass(frozen=True, slots=True)
class Instant:
    """When something is killed, and what."""

    share: float
    """Of the trajectories of the undisturbed look that is on the disk by then."""
    delay_s: float
    """After that."""
    is_machine: bool
    """The whole machine, or the one process that computes for it."""


@dataclass(frozen=True, slots=True)
class Day:
    """How a look fared."""

    books: Books
    answers: tuple[tuple[float, str, Mapping[str, object]], ...]
    """Value, how it is bounded, and details of every measurement."""
    trajectories: Mapping[str, bytes]
    """As they were when the look was answered, by the names of their files."""
    n_kills: Mapping[str, int]
    """Of the machine and of the process that computes for it."""
    dynamics_s: float
    """From the first to the last growth of the trajectories."""

    @property
    def n_bytes(self) -> int:
        """Of all trajectories."""
        return sum(len(content) for content in self.trajectories.values())

    def lengths_ps(self, folder: Path) -> tuple[float, ...]:
        """How long the trajectories are."""
        lengths = []
        for name, content in sorted(self.trajectories.items()):
            path = folder / name
            path.write_bytes(content)
            trajectory = Trajectory(path)
            lengths.append(round((len(trajectory.frames()) - 1) * trajectory.header.frame_every_ps, 6))
        return tuple(lengths)


def instants(n_kills: int, rng: random.Random, *, longest_delay_s: float) -> tuple[Instant, ...]:
    """Draws moments all over a look, in their order."""
    shares = sorted(rng.uniform(0, _LATEST_SHARE) for _ in range(n_kills))
    return tuple(Instant(share, rng.uniform(0, longest_delay_s), rng.random() < 0.5) for share in shares)


def live_through(folder: Path, settings: JsonObject, kills: Sequence[Instant] = (), *, n_bytes: int = 0) -> Day:
    """Asks one look of a machine, kills what computes it at the instants, and lets it come to its end.

    Args:
        folder: Empty; of this day alone.
        settings: Of the oracle `molecular-dynamics`.
        kills: In the order of their shares.
        n_bytes: Of the trajectories of a look that nobody disturbed.

    Raises:
        SystemExit: If the look does not come to its end.
    """
    url = f"sqlite:///{folder / 'petalite.sqlite3'}"
    token = _open_day(url, settings)
    storm = _Storm(folder, tuple(kills), n_bytes)
    with service_beside(url, folder) as port:
        storm.blow(port, token)
    with open_store(url) as store:
        campaign = store.campaigns.get(CAMPAIGN)
        (query,) = store.queries.list(campaign.id)
        if query.state is not QueryState.DONE:
            reasons = [found.failure.reason for found in store.failures.list(campaign.id)]
            raise SystemExit(f"The look ended {query.state.value}: {reasons}")
        answers = tuple(
            (found.measurement.value, found.measurement.censoring.value, found.measurement.details)
            for found in store.measurements.of_query(query.id)
        )
    kept = {path.name: path.read_bytes() for path in (folder / "kept").rglob("*.trajectory")}
    return Day(read_books(url, CAMPAIGN), answers, kept, storm.n_kills, storm.dynamics_s)


def _open_day(url: str, settings: JsonObject) -> str:
    with open_store(url) as store:
        token, group_id = machine_token(store, WORKER)
        campaign = store.campaigns.create(_spec(settings), group_id=group_id)
        pick = replace(example_pick(0, FIDELITY), blueprint=rock_salt())
        open_round(store, campaign.id, 0, [pick])
    return token


def _spec(settings: JsonObject) -> CampaignSpec:
    fidelity = Fidelity(
        FIDELITY,
        "molecular-dynamics",
        3.0,
        settings,
        Limits(PATIENCE_S, 8.0),
        max_attempts=_ATTEMPTS,
        answered_by=AnsweredBy.MACHINES,
    )
    return replace(
        example_spec(CAMPAIGN),
        objective=Objective("ionic_conductivity", Goal.MAXIMIZE),
        ladder=(fidelity,),
        initial_looks={FIDELITY: 1},
    )


class _Storm:
    """Starts the machine as often as it dies, and sees to it that it does."""

    def __init__(self, folder: Path, kills: tuple[Instant, ...], n_bytes: int) -> None:
        self._folder = folder
        self._kills = list(kills)
        self._n_bytes = n_bytes
        self._grown_at: list[float] = []
        self._size = 0
        self.n_kills = {"machine": 0, "worker": 0}

    @property
    def dynamics_s(self) -> float:
        """From the first to the last growth of the trajectories."""
        return self._grown_at[-1] - self._grown_at[0] if self._grown_at else 0.0

    def blow(self, port: int, token: str) -> None:
        """Lets machines live and die until one of them ends by itself."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            machine = multiprocessing.get_context("fork").Process(target=_work, args=(self._folder, port, token))
            machine.start()
            self._watch(machine, deadline)
            machine.join()
            if machine.exitcode == 0:
                return
            if machine.exitcode != -signal.SIGKILL:
                raise SystemExit("The machine of the storm ended by itself; see above.")

    def _watch(self, machine: multiprocessing.process.BaseProcess, deadline: float) -> None:
        while machine.is_alive() and time.monotonic() < deadline:
            self._note_growth()
            if self._kills and self._size >= self._kills[0].share * self._n_bytes:
                self._kill(machine, self._kills[0])
            time.sleep(_LOOK_S)

    def _note_growth(self) -> None:
        size = sum(path.stat().st_size for path in (self._folder / "spool").rglob("*.trajectory"))
        if size > self._size:
            self._grown_at.append(time.monotonic())
        self._size = max(size, self._size)

    def _kill(self, machine: multiprocessing.process.BaseProcess, instant: Instant) -> None:
        time.sleep(instant.delay_s)
        with suppress(psutil.NoSuchProcess):
            whole = psutil.Process(machine.pid)
            working = [child for child in whole.children() if child.status() != psutil.STATUS_ZOMBIE]
            victim = whole if instant.is_machine else next(iter(working), None)
            if victim is None:
                return  # it is yet to start; the instant stays
            victim.kill()
            self.n_kills["machine" if instant.is_machine else "worker"] += 1
            self._kills.pop(0)


class _KeptLooks(LookFolders):
    """Keeps what an answered look leaves, to be compared."""

    def __init__(self, root: Path, keep_in: Path) -> None:
        super().__init__(root)
        self._keep_in = keep_in

    def forget(self, query_id: int, blueprint: Blueprint) -> None:
        shutil.copytree(self.of(query_id, blueprint), self._keep_in, dirs_exist_ok=True)
        super().forget(query_id, blueprint)


def _work(folder: Path, port: int, token: str) -> None:
    """The loop of `petalite worker --oracle`; ends when nothing waits."""
    stop = threading.Event()
    spool = Spool(folder / "spool")
    spool.looks = _KeptLooks(folder / "spool" / "looks", folder / "kept")
    offer = Offer(WORKER, (Capability("molecular-dynamics"),), poll_s=0.05)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"http://{HOST}:{port}", headers=headers, timeout=60) as http:
        client = _EndingClient(http, stop)
        Machine(client, spool, offer, Watch(LEASE_S, stop, 0.0), lambda _: None).run()


class _EndingClient(MachineClient):
    """Ends the machine when nothing is left."""

    def __init__(self, http: httpx.Client, stop: threading.Event) -> None:
        super().__init__(http)
        self._stop = stop

    def claim(
        self, worker: str, oracles: Sequence[Capability], *, lease_s: float, campaign: str | None = None
    ) -> Claim | None:
        claim = super().claim(worker, oracles, lease_s=lease_s, campaign=campaign)
        if claim is None:
            self._stop.set()
        return claim
