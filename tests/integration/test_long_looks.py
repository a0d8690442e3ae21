"""Looks that take long, from the store to the process and back: their progress is seen, a kill costs little."""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import httpx
import pytest
from support.counting import install_counting

import flows.desk
import flows.machine.looking
from domain.fidelity import AnsweredBy, Capability, Fidelity
from domain.look import LookProgress
from domain.measurement import FailureKind
from domain.quantity import Goal, Objective
from domain.states import CampaignState, QueryState
from flows.asking import ask_fidelity
from flows.desk import Desk
from flows.look_folders import LookFolders, kept_look_folders
from flows.machine.client import MachineClient
from flows.machine.loop import Machine, Offer
from flows.machine.spool import Spool
from flows.machine.watch import Watch
from flows.upkeep import forget_ended_looks
from flows.workplace import Workplace
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.testing import OWN_GROUP, Served, serving
from services.messages.claims import LONGEST_LEASE_S
from services.settings import load_settings
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_round
from services.store.records import QueryRecord

CAMPAIGN = "long-looks"


@pytest.fixture(autouse=True)
def _plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_counting(tmp_path, monkeypatch)


def open_campaign(store: Store, fidelity: Fidelity, *, n_looks: int = 1) -> tuple[QueryRecord, ...]:
    spec = replace(
        example_spec(CAMPAIGN),
        objective=Objective("density", Goal.MAXIMIZE),
        ladder=(fidelity,),
        initial_looks={fidelity.name: 1},
    )
    campaign = store.campaigns.create(spec)
    open_round(store, campaign.id, 0, [example_pick(n, fidelity.name) for n in range(n_looks)])
    return store.queries.list(campaign.id)


def running_workplace(store: Store, home: Path) -> Workplace:
    campaign = store.campaigns.get(CAMPAIGN)
    store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    store.campaigns.acquire_runner(campaign.id, "runner:here", 600)
    return Workplace(load_settings({"PETALITE_HOME": str(home)}), store, campaign, "runner:here")


def test_a_runner_goes_on_with_a_killed_look_and_pays_once(tmp_path: Path) -> None:
    fidelity = Fidelity("count", oracle="counting", cost=3.0, settings={"dies_at": 4}, max_attempts=2)
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as store:
        (query,) = open_campaign(store, fidelity)
        workplace = running_workplace(store, tmp_path)
        ask_fidelity(workplace, store.rounds.find(workplace.campaign.id, 0), "count")

        (died,) = store.failures.list(workplace.campaign.id)
        assert died.failure.kind is FailureKind.TRANSIENT
        (answered,) = store.measurements.of_query(query.id)
        assert answered.measurement.details == {"began_at": 4, "steps": 6}
        assert store.ledger.balance(workplace.campaign.id).booked == 3.0
        assert list(workplace.look_folders.kept()) == [], "nothing is kept of a look that is answered"


def test_what_ended_looks_kept_is_removed_and_nothing_of_other_stores(tmp_path: Path) -> None:
    folders = kept_look_folders(load_settings({"PETALITE_HOME": str(tmp_path)}))
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as store:
        waiting, cancelled = open_campaign(store, Fidelity("count", oracle="counting", cost=1.0), n_looks=2)
        own = store.candidates.get(cancelled.candidate_id).blueprint
        others = example_pick(7, "count").blueprint
        for number, blueprint in ((waiting.id, own), (cancelled.id, own), (cancelled.id, others), (1000, own)):
            folders.of(number, blueprint).mkdir(parents=True)
        store.queries.cancel(cancelled.id, reason="too dear")
        forget_ended_looks(store, folders)
        assert {look.path for look in folders.kept()} == {
            folders.of(waiting.id, own),
            folders.of(cancelled.id, others),
            folders.of(1000, own),
        }


def test_what_nobody_came_back_to_is_removed(tmp_path: Path) -> None:
    folders = LookFolders(tmp_path)
    blueprint = example_pick(1, "count").blueprint
    for number in (1, 2):
        folders.of(number, blueprint).mkdir()
        (folders.of(number, blueprint) / "steps").touch()
    week_ago = time.time() - LONGEST_LEASE_S - 60
    for path in (folders.of(1, blueprint) / "steps", folders.of(1, blueprint), folders.of(2, blueprint)):
        os.utime(path, (week_ago, week_ago))
    folders.forget_abandoned()
    assert [look.query_id for look in folders.kept()] == [2]


def test_a_look_that_another_process_is_at_is_no_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fidelity = Fidelity("count", oracle="counting", cost=3.0, max_attempts=1)
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as store:
        (query,) = open_campaign(store, fidelity)
        workplace = running_workplace(store, tmp_path)
        folder = workplace.look_folders.of(query.id, store.candidates.get(query.candidate_id).blueprint)
        folder.mkdir(parents=True)
        with (folder / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            let_go = LetGo(held)
            monkeypatch.setattr(flows.desk.Desk, "_give_back", let_go.given_back(flows.desk.Desk._give_back))
            monkeypatch.setattr(flows.desk, "UNDER_WAY_S", 0.0)
            ask_fidelity(workplace, store.rounds.find(workplace.campaign.id, 0), "count")
        assert let_go.n_times == 1
        assert store.failures.list(workplace.campaign.id) == ()
        assert store.queries.get(query.id).state is QueryState.DONE


class LetGo:
    """The other process ends as soon as the look was given back."""

    def __init__(self, held: IO[str]) -> None:
        self._held = held
        self.n_times = 0

    def given_back(self, give_back: Callable[[Desk, QueryRecord], None]) -> Callable[[Desk, QueryRecord], None]:
        def then_let_go(desk: Desk, query: QueryRecord) -> None:
            give_back(desk, query)
            self.n_times += 1
            fcntl.flock(self._held, fcntl.LOCK_UN)

        return then_let_go


def test_a_look_that_is_given_up_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.desk, "TELL_EVERY_S", 0.0)
    fidelity = Fidelity("count", oracle="counting", cost=3.0, settings={"waits_for": str(tmp_path / "never")})
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as store:
        (query,) = open_campaign(store, fidelity)
        workplace = running_workplace(store, tmp_path)
        tell = store.look_progress.tell

        def cancelled_meanwhile(query_id: int, fence: int, progress: LookProgress) -> bool:
            store.queries.cancel(query_id, reason="too dear")
            return tell(query_id, fence, progress)

        monkeypatch.setattr(store.look_progress, "tell", cancelled_meanwhile)
        ask_fidelity(workplace, store.rounds.find(workplace.campaign.id, 0), "count")
        assert store.queries.get(query.id).state is QueryState.CANCELLED


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "served") as running:
        yield running


class Line(httpx.BaseTransport):
    """The line between a machine and the service; makes a file when progress has gone over it."""

    def __init__(self, served: Served, told: Path) -> None:
        self._served = served
        self._told = told

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        answer = self._served.client.request(
            request.method,
            request.url.raw_path.decode(),
            content=body,
            headers={**request.headers, "Authorization": f"Bearer {self._served.tokens[Role.MACHINE]}"},
        )
        if b"of 6 steps" in body and not self._told.exists():
            path = f"/api/v1/campaigns/{CAMPAIGN}/progress"
            token = {"Authorization": f"Bearer {self._served.tokens[Role.VIEWER]}"}
            self._told.write_text(self._served.client.get(path, headers=token).text)
        return httpx.Response(answer.status_code, headers={"Content-Type": "x"}, content=answer.content)


def test_a_machine_tells_how_far_it_is_and_goes_on_with_a_killed_look(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.machine.looking, "TELL_EVERY_S", 0.0)
    told = tmp_path / "told"
    fidelity = Fidelity(
        "count",
        oracle="counting",
        cost=3.0,
        settings={"dies_at": 4, "waits_for": str(told)},
        max_attempts=2,
        answered_by=AnsweredBy.MACHINES,
    )
    (query,) = open_campaign(served.store, fidelity)
    give_campaign(served.store, CAMPAIGN, OWN_GROUP, by=local_operator())
    client = MachineClient(httpx.Client(transport=Line(served, told), base_url="http://petalite.test"))
    spool, watch = Spool(tmp_path / "spool"), Watch(lease_s=60, stop=threading.Event(), grace_s=0)
    offer = Offer("node", (Capability("counting"),), CAMPAIGN, poll_s=0.05)
    for _ in range(2):
        Machine(client, spool, offer, watch, lambda line: None).run_once()

    assert f'"query_id":{query.id},"share":' in told.read_text().replace(" ", "")
    assert "of 6 steps" in told.read_text()
    assert served.store.queries.get(query.id).state is QueryState.DONE
    (answered,) = served.store.measurements.of_query(query.id)
    assert answered.measurement.details == {"began_at": 4, "steps": 6}
    assert served.store.ledger.balance(query.campaign_id).booked == 3.0
    assert list(spool.looks.kept()) == []
    assert served.store.look_progress.of([query.id]) == {}, "it is answered"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_no_look_is_further_than_all_the_way(share: float) -> None:
    with pytest.raises(ValueError, match=r"cannot be .* of the way"):
        LookProgress(share, "far")
