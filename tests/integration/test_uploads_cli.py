"""Uploads from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.errors import PetaliteError
from services.cli.main import app
from services.cli.output import ExitCode
from services.settings import load_settings
from services.store import open_store
from services.uploads.testing import conductor_campaign

DATA = Path(__file__).parents[1] / "data" / "uploads"


@pytest.fixture
def petalite(tmp_path, monkeypatch):
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    with open_store(load_settings({"PETALITE_HOME": str(tmp_path)}).store_url) as store:
        conductor_campaign(store)

    def run(*arguments):
        return CliRunner().invoke(app, ["upload", *map(str, arguments)], catch_exceptions=False).output

    return run


def test_a_table_is_handed_in_fixed_and_accepted(petalite, tmp_path):
    assert petalite("template", "--campaign", "conductors").startswith("query,sample")
    petalite("template", "--campaign", "conductors", "--xlsx", tmp_path / "t.xlsx")
    assert (tmp_path / "t.xlsx").read_bytes().startswith(b"PK")
    shown = json.loads(petalite(DATA / "template.csv", "--campaign", "conductors", "--accept", "--json"))
    assert [row["state"] for row in shown["rows"]] == ["entered"] * 3 + ["refused"]
    assert "converted" in petalite("fix", 1, 4, "--set", "value=2e-6")
    assert "1 row entered; upload 1 is accepted." in petalite("accept", 1)
    assert "template.csv" in petalite("list", "--campaign", "conductors")
    assert json.loads(petalite("show", 1, "--json"))["state"] == "accepted"
    wrote = petalite("obelix", tmp_path / "new.zip", "--campaign", "conductors", "--doi", "10.1000/182")
    assert "Wrote 3 entries" in wrote
    with open_store(load_settings({"PETALITE_HOME": str(tmp_path)}).store_url) as store:
        done = [row.action for row in store.audit.list()]
    assert done == ["upload.hand_in", "upload.accept", "upload.fix", "upload.accept"]


def test_what_cannot_be_read_is_kept_and_said(petalite, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\x7fELF")
    with pytest.raises(PetaliteError, match="kept but cannot be read: The file is a program"):
        petalite(tmp_path / "a.csv", "--campaign", "conductors")
    with pytest.raises(PetaliteError, match="cannot be read: No such file"):
        petalite(tmp_path / "b.csv", "--campaign", "conductors")
    with pytest.raises(PetaliteError, match="NAME=TEXT"):
        petalite(DATA / "template.csv", "--campaign", "conductors", "--set", "query")


def test_a_spectrum_tells_what_was_fitted_and_how_a_doubt_is_confirmed(petalite):
    told = " ".join(petalite(DATA / "spectrum.csv", "--campaign", "conductors", "--set", "query=1").split())
    assert "What was fitted" in told
    assert "(1.287 ± 0.023)" in told
    assert "10⁻⁴ S cm⁻¹" in told
    assert "(R‖CPE)-(R‖CPE)-CPE" in told
    assert "Confirm" not in told
    series = " ".join(petalite(DATA / "series.csv", "--campaign", "conductors", "--set", "query=2").split())
    assert "Activation energy 0.35" in series
    petalite(DATA / "spectrum.csv", "--campaign", "conductors", "--set", "query=3")
    assert "petalite upload accept 3 --confirm 1" in " ".join(
        petalite("fix", 3, 1, "--set", "temperature=25 K").split()
    )
    assert "petalite upload accept 3 --confirm 1" in " ".join(petalite("accept", 3).split())
    assert "1 row entered" in petalite("accept", 3, "--confirm", 1)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("query,value,unit\n1,no number,S/cm\n2,,S/cm\n", ExitCode.FAILED),
        ("query,value,unit\n1,no number,S/cm\n2,1e-5,S/cm\n", ExitCode.DONE),
        ("\x7fELF", ExitCode.FAILED),
    ],
)
def test_what_is_refused_as_a_whole_ends_the_command_with_an_error(petalite, tmp_path, content, status):
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    arguments = ["upload", str(tmp_path / "a.csv"), "--campaign", "conductors", "--json"]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == status
    assert json.loads(ended.output)["upload"] == 1
