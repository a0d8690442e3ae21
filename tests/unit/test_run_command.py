"""How `petalite run` says where it left a campaign."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import services.cli.run
from domain.errors import NotFoundError, OracleUnavailableError
from services.cli.leaders import waited_for
from services.cli.main import app
from services.cli.output import ExitCode
from services.reports.waiting import Waiting
from services.settings import Settings
from services.store import open_store
from services.store.examples import example_pick, example_spec, open_round
from services.store.records import CampaignRecord


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of a store with the example campaign; what Prefect and the system are told about the process is not."""
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    monkeypatch.setattr("flows.environment.prepare_environment", lambda environ, *, home: None)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    address = f"sqlite:///{tmp_path / 'petalite.sqlite3'}"
    with open_store(address) as store:
        store.campaigns.create(example_spec())
    return address


def run(monkeypatch: pytest.MonkeyPatch, *, is_halted: bool, options: tuple[str, ...] = ()) -> Result:
    def advance(settings: Settings, record: CampaignRecord) -> ExitCode:
        with open_store(settings.store_url) as store:
            if is_halted:
                store.halting.halt(record.id, "no look [of ten] gave a number. Mend it.")
        return ExitCode.DONE

    monkeypatch.setattr(services.cli.run, "_advance", advance)
    return CliRunner().invoke(app, ["run", "example", *options])


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_campaign_that_pauses_itself_has_a_status_and_words(
    url: str, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    outcome = run(monkeypatch, is_halted=True, options=options)
    assert outcome.exit_code == ExitCode.HALTED == 5
    assert outcome.stderr == (
        "example was paused: no look [of ten] gave a number. Mend it. Then: petalite run example --resume\n"
    )
    resumed = run(monkeypatch, is_halted=False, options=("--resume", *options))
    assert (resumed.exit_code, resumed.stderr) == (0, "")


def test_the_last_lines_name_everybody_that_a_campaign_waits_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = waited_for(Waiting(approvals=1, laboratory=2, machines=3, under_way=1))
    assert [line.partition(":")[0] for line in told] == [
        "1 look waits for somebody to approve what is to be spent",
        "2 looks wait for a laboratory",
        "3 looks wait for a machine",
        "1 look is under way elsewhere.",
    ]
    with open_store(url) as store:
        open_round(store, store.campaigns.get("example").id, 0, [example_pick(1, "lab"), example_pick(2)])
    shown = run(monkeypatch, is_halted=False).output
    assert "1 look waits for a laboratory: petalite lab list" in shown
    assert "machine" not in shown  # the other one is computed by whoever runs the campaign


def test_the_help_explains_the_status() -> None:
    shown = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    assert "paused itself" in shown


def test_a_campaign_of_which_nothing_can_run_here_is_not_begun(url: str, tmp_path: Path) -> None:
    spec = tmp_path / "away.yaml"
    spec.write_text(
        """
name: away
objective: { quantity: ionic_conductivity, goal: maximize }
space: { elements: [Li, Cl], space_groups: [225], max_atoms: 8 }
ladder:
  - { name: md, oracle: molecular-dynamics, cost: 10, settings: { potential: { potential: mace, model: ours.model } } }
budget: { total: 100, per_round: 50 }
initial_looks: { md: 2 }
max_rounds: 1
generator: { name: uniform }
""",
        encoding="utf-8",
    )
    refused = CliRunner().invoke(app, ["run", str(spec)])
    assert isinstance(refused.exception, OracleUnavailableError)
    assert "No oracle of campaign 'away' can run here: md: " in str(refused.exception)
    with open_store(url) as store, pytest.raises(NotFoundError, match="away"):
        store.campaigns.get("away")
