"""The maintainer's commands: doctor, schedule, notify, and a service that stops when it is asked to."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.health import Finding, examine
from services.settings import Settings, load_settings
from services.store import open_store
from services.store.examples import example_spec
from services.uploads.artifacts import ArtifactFolder

Command = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with open_store(load_settings(os.environ).store_url) as store:
        store.campaigns.create(example_spec())
    return tmp_path


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings({"PETALITE_HOME": str(home)})


@pytest.fixture
def petalite(home: Path) -> Command:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def _ill(settings: Settings, environ: dict[str, str] | None = None) -> dict[str, Finding]:
    return {found.what: found for found in examine(settings, environ or {}, Random(1)) if not found.is_well}


def test_schedules_on_the_command_line(petalite: Command, settings: Settings) -> None:
    told = petalite("schedule", "add", "example", "--cron", "0 6 * * 1", "--time-zone", "Europe/Berlin")
    assert told.count("Mon ") == 5
    petalite("schedule", "add", "example", "--every", "6h")
    petalite("schedule", "pause", "2")
    listed = json.loads(petalite("schedule", "list", "--json"))
    assert [(record["timing"]["expression"], record["is_active"]) for record in listed] == [
        ("0 6 * * 1", True),
        ("6h", False),
    ]
    petalite("schedule", "resume", "2")
    petalite("schedule", "remove", "1")
    assert [record["id"] for record in json.loads(petalite("schedule", "list", "--json"))] == [2]


def test_backup_and_restore_on_the_command_line(petalite: Command, tmp_path: Path) -> None:
    petalite("backup", str(tmp_path / "out" / "b.tar"))
    petalite("restore", str(tmp_path / "out" / "b.tar"), "--into", str(tmp_path / "new"))
    with open_store(f"sqlite:///{tmp_path / 'new' / 'petalite.sqlite3'}") as store:
        assert [record.name for record in store.campaigns.list()] == ["example"]


def _hand_in(settings: Settings, content: bytes, name: str) -> Path:
    """Keeps a file and records it; where its bytes lie."""
    folder = ArtifactFolder(settings.artifacts)
    blob = folder.keep([content])
    with open_store(settings.store_url) as store:
        store.artifacts.add(
            None, digest=blob.digest, name=name, media_type="text/csv", size=blob.size, uploaded_by="ada"
        )
    return folder.path(blob.digest)


def test_a_missing_and_a_damaged_file_are_found(settings: Settings, tmp_path: Path) -> None:
    _hand_in(settings, b"sound", "sound.csv")
    assert _ill(settings) == {}
    _hand_in(settings, b"gone", "gone.csv").unlink()
    _hand_in(settings, b"bitten", "bitten.csv").write_bytes(b"kitten")
    found = _ill(settings)["files handed in"]
    assert "artifact 2 (gone.csv" in found.detail
    assert "is missing" in found.detail
    assert "artifact 3 (bitten.csv" in found.detail
    assert "3 looked at" in found.detail

    archive = tmp_path / "b.tar"
    done = CliRunner().invoke(app, ["backup", str(archive)])
    assert str(done.exception).startswith("The backup is not complete: 2 files")
    assert done.output.count(" is damaged") == done.output.count(" is missing") == 1
    done = CliRunner().invoke(app, ["restore", str(archive), "--into", str(tmp_path / "new")])
    assert str(done.exception).startswith("2 files that the store names did not come back")
    assert "(gone.csv" in done.output
    with open_store(f"sqlite:///{tmp_path / 'new' / 'petalite.sqlite3'}") as store:
        assert len(store.artifacts.page()) == 3, "everything else came back"


def test_large_files_are_read_only_when_asked(settings: Settings) -> None:
    path = _hand_in(settings, bytes(2**20 + 1), "large.csv")
    path.write_bytes(b"\1" + bytes(2**20))
    assert _ill(settings) == {}
    found = examine(settings, {}, Random(1), reads_all_files=True)
    assert [finding.what for finding in found if not finding.is_well] == ["files handed in"]


def test_a_sound_installation_is_well(settings: Settings) -> None:
    assert _ill(settings) == {}


def test_a_campaign_that_nobody_advances_is_found(settings: Settings) -> None:
    with open_store(settings.store_url) as store:
        store.campaigns.wake(store.campaigns.get("example").id)
        assert "example waits for one" in _ill(settings)["workers"].detail
        store.cursors.give_sign("worker:here")
        assert "workers" not in _ill(settings)


def test_rights_are_looked_at(settings: Settings, home: Path) -> None:
    home.chmod(home.stat().st_mode | stat.S_IWOTH)
    assert "can be written by others" in _ill(settings)["home folder"].detail


def test_addresses_that_do_not_fit_are_found(settings: Settings) -> None:
    plain = replace(settings, public_url="http://petalite.example.org")
    assert "not https" in _ill(plain)["public address"].detail
    hidden = replace(settings, host="0.0.0.0")
    assert "links lead to" in _ill(hidden)["public address"].detail
    behind = replace(settings, public_url="https://petalite.example.org")
    assert "PETALITE_TRUSTED_PROXIES" in _ill(behind)["public address"].remedy
    assert _ill(replace(behind, trusted_proxies=("127.0.0.1",))) == {}


def test_a_silent_prefect_is_found_without_its_password(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = _ill(settings, {"PREFECT_API_URL": f"http://ada:hunter2@127.0.0.1:{port}/api"})["prefect server"]
    assert "does not answer" in found.detail
    assert "hunter2" not in found.detail


def test_a_notification_file_that_everybody_can_read_is_found(settings: Settings, home: Path) -> None:
    path = home / "notify.yaml"
    path.write_text("targets: [{url: 'json://chat.example.org'}]")
    path.chmod(0o644)
    noisy = replace(settings, notify_file=path)
    assert "can be read by everybody" in _ill(noisy)["notifications"].detail
    path.chmod(0o600)
    assert _ill(noisy) == {}


def test_notes_can_be_tried(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "notify.yaml"
    path.write_text("targets: [{url: 'https://127.0.0.1/hook', secret: hunter2, name: the hook}]")
    monkeypatch.setenv("PETALITE_NOTIFY_FILE", str(path))
    done = CliRunner().invoke(app, ["notify", "test"])
    assert done.exit_code == 1
    assert "the hook leads into a private network" in " ".join(done.output.split())


def test_a_service_without_a_place_leaves_the_link_of_another_good(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = subprocess.run(
            [sys.executable, "-P", "-m", "services.cli", "serve", "--no-worker", "--port", port],
            capture_output=True,
            text=True,
            env={**os.environ, "PETALITE_HOME": str(home)},
            check=False,
        )
    assert refused.returncode == 1
    assert "Address already in use." in refused.stderr
    assert refused.stdout == ""


def test_the_service_stops_when_it_is_asked_to(home: Path) -> None:
    service = subprocess.Popen(
        [sys.executable, "-P", "-m", "services.cli", "serve", "--no-worker", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PETALITE_HOME": str(home)},
    )
    patience = threading.Timer(120, service.kill)
    patience.start()
    assert service.stderr is not None
    for line in service.stderr:
        if "startup complete" in line:
            break
    service.send_signal(signal.SIGTERM)
    output, errors = service.communicate()
    patience.cancel()
    assert service.returncode == 0, errors
    assert "This link makes the administrator" in output
    assert "/join#petalite_" in output
    assert "petalite_" not in errors
