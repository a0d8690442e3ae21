"""The environment is read once and refused where it is not understood."""

from pathlib import Path

import pytest

from domain.errors import InvalidValueError
from services.settings import load_settings
from services.store import open_store


def test_defaults_stand_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"PATH": "/bin", "PETALITE_TEST_POSTGRES_URL": "x", "PETALITE_WORKERS": ""})
    assert (settings.home, settings.workers) == (tmp_path / "petalite-data", 2)
    assert settings.store_url == f"sqlite:///{tmp_path}/petalite-data/petalite.sqlite3"
    assert not settings.home.exists()


def test_variables_are_read(tmp_path: Path) -> None:
    home = tmp_path / "100% mine?#"
    settings = load_settings({"PETALITE_HOME": str(home), "PETALITE_WORKERS": "5"})
    open_store(settings.store_url).close()
    assert (home / "petalite.sqlite3").exists()
    assert settings.workers == 5
    assert load_settings({"PETALITE_STORE_URL": "postgresql://h/d"}).store_url == "postgresql://h/d"


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"PETALITE_WORKER": "2"}, "PETALITE_WORKER is unknown. Did you mean PETALITE_WORKERS"),
        ({"PETALITE_XYZZY": "2"}, "Known are PETALITE_HOME, PETALITE_STORE_URL, PETALITE_WORKERS"),
        ({"PETALITE_WORKERS": "two"}, "PETALITE_WORKERS is 'two'. Give a whole number"),
        ({"PETALITE_WORKERS": "0"}, "PETALITE_WORKERS is 0. Allow at least 1"),
    ],
)
def test_strange_variables_are_refused(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        load_settings(environ)
