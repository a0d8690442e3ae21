"""What `petalite machine run` and `petalite worker --oracle` refuse before they start."""

import re
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.errors import InvalidValueError, ServiceAwayError
from oracles.registry import build_oracle
from services.cli.machine import app
from services.cli.main import app as petalite
from services.specs import load_oracle_settings

URL = "https://petalite.test"
COMMANDS = (["machine", "run"], ["worker"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("url", "oracle", "token", "refusal"),
    [
        ("http://petalite.test", "density", "petalite_x", "anybody could read the token"),
        ("ftp://petalite.test", "density", "petalite_x", "is no address of a service"),
        (URL, "tea", "petalite_x", "There is no oracle 'tea' here"),
        (URL, "density:missing.yaml", "petalite_x", "missing.yaml cannot be read"),
        (URL, "density", "two words", "holds no token"),
        (URL, "density", "", "holds no token"),
        (URL, "density", None, "cannot be read"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    url: str,
    oracle: str,
    token: str | None,
    refusal: str,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path / "home"))
    file = tmp_path / "token"
    if token is not None:
        file.write_text(token, encoding="ascii")
        file.chmod(0o600)
    asked = ["--url", url, "--token-file", str(file), "--oracle", oracle, "--name", "node", "--once"]
    outcome = CliRunner().invoke(petalite, [*command, *asked])
    assert refusal in str(outcome.exception)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (["--oracle", "density"], "A worker that answers density needs to know for whom"),
        (["--oracle", "density", "--url", URL], "needs to know for whom"),
        (["--url", URL], "was told no oracle"),
        (["--once"], "was told no oracle"),
    ],
)
def test_a_worker_is_told_for_whom_and_what_or_neither(
    asked: list[str], refusal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path / "home"))
    outcome = CliRunner().invoke(petalite, ["worker", *asked])
    assert refusal in str(outcome.exception)
    assert not (tmp_path / "home").exists()


def test_settings_of_an_oracle_come_from_a_file(tmp_path: Path) -> None:
    from domain.fidelity import Fidelity
    from services.cli.machine import _capability

    file = tmp_path / "lj.yaml"
    file.write_text("calculator: lj\nparameters: { sigma: 1.2 }\n", encoding="utf-8")
    settings = {"calculator": "lj", "parameters": {"sigma": 1.2}}
    asked = Fidelity("f", oracle="ase", cost=1.0, settings=settings, answered_by="machines")
    assert _capability(f"ase:{file}").settings_digest == asked.settings_digest
    assert _capability("ase").settings_digest is None


@pytest.mark.parametrize("file", sorted(Path("docs/examples/oracles").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_settings_that_are_shown_are_settings_of_an_oracle(file: Path) -> None:
    (name,) = re.findall(r"--oracle ([a-z-]+):", file.read_text(encoding="utf-8"))
    build_oracle(name, load_oracle_settings(name, file))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_token_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("petalite_x", encoding="ascii")
    file.chmod(mode)
    outcome = CliRunner().invoke(app, ["run", "--url", URL, "--token-file", str(file), "--oracle", "density"])
    assert isinstance(outcome.exception, InvalidValueError)
    assert outcome.exception.remedy == f"chmod 600 {file}"


def test_one_query_is_not_waited_for_longer_than_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path / "home"))
    file = tmp_path / "token"
    file.write_text("petalite_x", encoding="ascii")
    file.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    asked = ["run", "--url", nobody, "--token-file", str(file), "--oracle", "density", "--once"]
    outcome = CliRunner().invoke(app, [*asked, "--patience-s", "0.2", "--poll-s", "0.1"])
    assert isinstance(outcome.exception, ServiceAwayError)
    assert "was away for 0.2 s" in outcome.exception.problem
    assert "does not answer" in outcome.output
