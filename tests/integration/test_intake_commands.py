"""`petalite lab` corrects, reports and gives up, as people type it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.errors import ConflictError, InvalidValueError, UnconfirmedValueError
from domain.states import CampaignState, QueryState
from services.cli.laboratory import app
from services.health import WORKER_PREFIX
from services.store import Store, open_store
from services.store.examples import example_pick, open_example


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    monkeypatch.delenv("PETALITE_STORE_URL", raising=False)
    with store_in(tmp_path) as store:
        open_example(store, [example_pick(number, "lab") for number in (1, 100)])
    return tmp_path


def store_in(home: Path) -> Store:
    return open_store(f"sqlite:///{home / 'petalite.sqlite3'}")


def lab(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_a_measurement_is_submitted_corrected_and_taken_back(home: Path) -> None:
    with pytest.raises(UnconfirmedValueError, match="was 25 °C meant"):
        lab("submit", "1", "--temperature", "25 K", "--as", "Ada", "--", "-1.25", "eV/atom")
    with pytest.raises(InvalidValueError, match="has no unit"):
        lab("submit", "1", "--temperature", "25", "--as", "Ada", "--", "-1.25", "eV/atom")
    with pytest.raises(InvalidValueError, match="given twice"):
        lab("submit", "1", "--temperature", "25 degC", "--temperature-K", "298", "--", "-1.25", "eV/atom")
    assert "as measurement 1." in lab(
        "submit", "1", "--temperature", "25 degC", "--as", "Ada", "--", "-1.25", "eV/atom"
    )
    assert "Measurement 2, -1.5 eV/atom, replaces 1." in lab(
        "amend", "1", "--reason", "Decimal point.", "--as", "Bob", "--", "-1500", "meV/atom"
    )
    with pytest.raises(ConflictError, match="was corrected by measurement 2"):
        lab("retract", "1", "--reason", "Wrong sample.")
    assert "counts no longer" in lab("retract", "2", "--reason", "Wrong sample.", "--as", "Bob")
    with store_in(home) as store:
        kept = store.measurements.list(1)
        assert [record.measurement.temperature_K for record in kept] == [298.15, 298.15, 298.15]
        assert store.measurements.observations(1) == ()
        assert [row.action for row in store.audit.list()] == [
            "laboratory.result",
            "measurement.amend",
            "measurement.retract",
        ]
        assert [row.details["worker"] for row in store.audit.list()] == ["Ada", "Bob", "Bob"]


def test_a_sample_that_cannot_be_made_is_given_up(home: Path) -> None:
    assert "is queued" in lab("fail", "1", "--kind", "transient", "--reason", "The furnace broke.", "--as", "Ada")
    assert "is failed" in lab("fail", "1", "--reason", "It decomposes.", "--as", "Ada")
    with store_in(home) as store:
        assert [record.failure.reason for record in store.failures.list(1)] == ["The furnace broke.", "It decomposes."]
        assert store.queries.get(1).state is QueryState.FAILED


def test_what_nobody_asked_for_is_reported(home: Path) -> None:
    crystal = ("--composition", "Li4Cl4", "--space-group", "225")
    told = lab("report", "example", "lab", *crystal, "--cell", "4.002", "--as", "Ada", "--", "-1.3", "eV/atom")
    assert told == "Recorded. It answers a query that was open."
    told = lab("report", "example", "lab", *crystal, "--cell", "7.5", "--as", "Ada", "--", "-1.1", "eV/atom")
    assert told == "Recorded. It was added as a known material, from which the campaign learns."
    told = lab("report", "example", "lab", "--material", "1", "--above", "--as", "Ada", "--", "-1.2", "eV/atom")
    assert told.endswith("from which the campaign learns.")
    with store_in(home) as store:
        assert sorted(look.value for look in store.measurements.observations(1)) == [-1.3, -1.2, -1.1]


def test_who_goes_on_is_said(home: Path) -> None:
    def submitted() -> str:
        return lab("submit", "1", "--as", "Ada", "--", "-1.25", "eV/atom").partition("as measurement 1. ")[2]

    assert submitted() == "The campaign learns from it when it is started: petalite campaign start example"
    with store_in(home) as store:
        store.campaigns.set_state(1, CampaignState.RUNNING)
        assert submitted() == "No worker is there: petalite run example goes on, or petalite serve."
        store.cursors.give_sign(f"{WORKER_PREFIX}here:1")
        assert submitted() == "A worker goes on with the campaign by itself."
        store.campaigns.acquire_runner(1, "runner:here:1", 60)
        assert submitted() == "The campaign is under way and learns from it in its next round."
        store.campaigns.set_state(1, CampaignState.PAUSED)
        assert submitted() == "The campaign is paused: petalite campaign resume example lets it go on."
