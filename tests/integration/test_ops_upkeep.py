"""What workers tidy up: claims of machines that never came back, and what nobody asks for any more."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain.roles import Role
from domain.states import QueryState
from flows.upkeep import Upkeep
from services.intake.idempotency import Answer, answer_once
from services.scratch import EXPORT_PREFIX, LEFT_ALONE_S, LOOKS_PREFIX, held_folder
from services.settings import Settings, load_settings
from services.store.examples import Bench, bench, example_pick, open_example

HOUR_S = 3600.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return load_settings({"PETALITE_HOME": str(tmp_path / "home")})


def test_claims_of_machines_that_never_came_back_are_ended(desk: Bench, settings: Settings) -> None:
    _, _, (query,) = open_example(desk.store, [example_pick(1)])
    desk.store.queries.claim(query.id, worker="m1", lease_s=60)
    desk.clock.advance(5 * HOUR_S)
    upkeep = Upkeep(desk.store, settings)
    assert upkeep.tend() == 0, "the service was away itself: m1 may have an answer"
    desk.clock.advance(HOUR_S)
    assert upkeep.tend() == 1
    assert desk.store.queries.get(query.id).state is QueryState.QUEUED

    desk.store.queries.claim(query.id, worker="m2", lease_s=60)
    desk.clock.advance(HOUR_S)
    assert upkeep.tend() == 0, "it lapsed less than an hour ago"


def test_one_worker_a_day_forgets_what_is_over(desk: Bench, settings: Settings) -> None:
    store = desk.store
    user = store.people.create("ada", role=Role.SCIENTIST, password_hash=None)
    upkeeps = [Upkeep(store, settings), Upkeep(store, settings)]

    def fill() -> None:
        over = store.now() + timedelta(minutes=1)
        secret = store.now().isoformat()
        store.sessions.create(user.id, secret_hash=secret, expires_at=over)
        store.invitations.create(secret_hash=secret, role=Role.VIEWER, group_id=None, expires_at=over)
        store.login_failures.append("ada")
        answer_once(store, actor="ada", key=secret, payload={}, work=lambda: Answer(200, {}))

    def tend() -> tuple[int, int, int]:
        for upkeep in upkeeps:
            upkeep.tend()
        beginning = store.now() - timedelta(days=365)
        return store.sessions.sweep(), store.invitations.sweep(), len(store.login_failures.since("ada", beginning))

    fill()
    desk.clock.advance(31 * 24 * HOUR_S)
    assert tend() == (0, 0, 0)
    assert store.idempotency_keys.forget_before(store.now()) == 0
    fill()
    desk.clock.advance(2 * HOUR_S)
    assert tend() == (1, 1, 1), "it is nobody's turn before tomorrow"


def _age(path: Path, seconds: float) -> Path:
    at = time.time() - seconds
    os.utime(path, (at, at))
    return path


def test_what_killed_processes_left_on_the_disk_is_swept(desk: Bench, settings: Settings, tmp_path: Path) -> None:
    holding = f"""
import sys
from pathlib import Path
from services.scratch import held_folder
with held_folder(Path({str(settings.scratch)!r}), {LOOKS_PREFIX!r}) as folder:
    (folder / "wave functions").write_text("many")
    print(folder, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        of_a_process = _age(Path(owner.stdout.readline().strip()), 2 * LEFT_ALONE_S)
        Upkeep(desk.store, settings)
        assert of_a_process.exists(), "its owner is alive, however long it computes"
        owner.send_signal(signal.SIGKILL)
    export = tmp_path / f"{EXPORT_PREFIX}1"
    export.mkdir()
    _age(export, 2 * LEFT_ALONE_S)
    just_made = tmp_path / f"{EXPORT_PREFIX}2"
    just_made.mkdir()
    settings.artifacts.mkdir(parents=True)
    half, receiving, kept = (settings.artifacts / name for name in ("incoming-1", "incoming-2", "ab"))
    for path in (half, receiving, kept):
        path.touch()
    _age(half, 25 * HOUR_S)
    _age(kept, 25 * HOUR_S)
    Upkeep(desk.store, settings)
    assert not of_a_process.exists()
    assert not export.exists()
    assert just_made.exists(), "its owner may not have locked it yet"
    assert sorted(path.name for path in settings.artifacts.iterdir()) == ["ab", "incoming-2"]


def test_whoever_needs_a_folder_sweeps_those_of_the_dead(tmp_path: Path) -> None:
    left = tmp_path / "looks-dead"
    left.mkdir()
    _age(left, 2 * LEFT_ALONE_S)
    with held_folder(tmp_path, "looks-") as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []
