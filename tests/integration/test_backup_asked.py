"""Administrators ask the service for a backup, which is made beside it."""

import fcntl
from collections.abc import Iterator
from html import unescape
from types import SimpleNamespace

import pytest

from domain.parsing import to_json
from services.access.roles import Role
from services.api.testing import Served, serving
from services.backup import restore_backup
from services.backup.asked import Asked, note_finished
from services.dashboard.app import create_service
from services.settings import Settings, load_settings
from services.store import open_store


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("asked"), create=create_service) as running:
        yield running


@pytest.fixture
def settings(served) -> Settings:
    return served.app.state.service.settings


def wait_until_it_is_made(settings: Settings) -> None:
    with (settings.backup_folder / "making.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


def test_a_backup_is_made_beside_the_service_and_comes_back(served, settings, tmp_path):
    headers = served.acting_as(Role.ADMINISTRATOR)
    served.new_campaign("kept")
    begun = served.client.post("/administration/backup", headers=headers)
    assert (begun.status_code, begun.headers["location"]) == (303, "/administration")
    (asked,) = [row for row in served.store.audit.list() if row.action == "backup.make"]
    assert asked.actor == "administrator"
    wait_until_it_is_made(settings)
    found = served.client.get("/api/v1/installation/backups", headers=headers).json()
    assert not found["is_running"]
    assert found["said"].startswith("Wrote ")
    assert found["is_whole"]
    (file,) = found["files"]
    assert asked.subject == file["name"] == found["asked"]["file"]
    page = unescape(served.client.get("/administration", headers=headers).text)
    assert "The last one was made" in page
    assert file["name"] in page
    assert (settings.backup_folder / file["name"]).stat().st_mode & 0o077 == 0
    again = load_settings({"PETALITE_HOME": str(tmp_path / "again")})
    restore_backup(settings.backup_folder / file["name"], again)
    with open_store(again.store_url) as store:
        assert store.campaigns.get("kept").name == "kept"
    (settings.backup_folder / file["name"]).rename(tmp_path / "elsewhere.tar")
    assert served.client.get("/api/v1/installation/backups", headers=headers).json()["is_whole"]


def test_one_backup_is_made_at_a_time_and_its_progress_is_shown(served, settings):
    headers = served.acting_as(Role.ADMINISTRATOR)
    settings.backup_folder.mkdir(exist_ok=True)
    with (settings.backup_folder / "making.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = served.client.post("/api/v1/installation/backups", headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (409, "A backup is being made already.")
        assert served.client.get("/api/v1/installation/backups", headers=headers).json()["is_running"]
        page = served.client.get("/administration", headers=headers).text
        assert "<progress" in page
        assert "Make a backup now" not in page
    assert "Make a backup now" in served.client.get("/administration", headers=headers).text


def test_a_backup_does_not_fill_the_disk(served, settings, monkeypatch):
    monkeypatch.setattr("services.backup.asked.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    headers = served.acting_as(Role.ADMINISTRATOR)
    before = set(settings.backup_folder.glob("*.tar"))
    answer = served.client.post("/administration/backup", headers=headers)
    assert answer.status_code == 409
    assert "has 0 MiB left" in answer.text
    assert set(settings.backup_folder.glob("*.tar")) == before


def test_nobody_else_asks_for_one(served):
    for role in (Role.SCIENTIST, Role.LABORATORY, Role.MACHINE, Role.VIEWER):
        assert served.client.post("/api/v1/installation/backups", headers=served.acting_as(role)).status_code == 403
        assert served.client.post("/administration/backup", headers=served.acting_as(role)).status_code == 403


def test_a_backup_that_was_killed_is_said_to_be_cut_off(served, settings):
    headers = served.acting_as(Role.ADMINISTRATOR)
    settings.backup_folder.mkdir(exist_ok=True)
    asked = Asked("petalite-of-old.tar", "ann", served.store.now(), 1)
    (settings.backup_folder / "asked.json").write_text(to_json(asked), encoding="utf-8")
    (settings.backup_folder / "said.txt").write_bytes(b"")
    found = served.client.get("/api/v1/installation/backups", headers=headers).json()
    assert (found["is_whole"], found["said"].partition(".")[0]) == (False, "It was cut off before it was finished")
    assert "It was cut off" in served.client.get("/administration", headers=headers).text


def test_a_backup_that_was_moved_away_was_whole_whatever_it_said(served, settings):
    headers = served.acting_as(Role.ADMINISTRATOR)
    settings.backup_folder.mkdir(exist_ok=True)
    asked = Asked("petalite-of-new.tar", "ann", served.store.now(), 1)
    (settings.backup_folder / "asked.json").write_text(to_json(asked), encoding="utf-8")
    (settings.backup_folder / "said.txt").write_text("Wrote 0 of 3 files", encoding="utf-8")
    assert not served.client.get("/api/v1/installation/backups", headers=headers).json()["is_whole"]
    note_finished(settings.backup_folder / "finished.json", settings.backup_folder / asked.file)
    assert served.client.get("/api/v1/installation/backups", headers=headers).json()["is_whole"]


def test_a_folder_that_is_none_is_said_and_the_page_stays(tmp_path):
    with serving(tmp_path, create=create_service) as served:
        served.app.state.service.settings.backup_folder.write_text("not a folder", encoding="utf-8")
        headers = served.acting_as(Role.ADMINISTRATOR)
        answer = served.client.post("/api/v1/installation/backups", headers=headers)
        assert (answer.status_code, "PETALITE_BACKUPS" in answer.json()["remedy"]) == (409, True)
        assert [row.action for row in served.store.audit.list()][-1] == "backup.ask"
        page = served.client.get("/administration", headers=headers)
        assert (page.status_code, "cannot be read" in page.text) == (200, True)
