"""`petalite oracle`: what can be asked on this machine."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.errors import OracleUnavailableError, SpecError
from domain.fidelity import Fidelity
from domain.json_value import JsonObject, JsonValue
from domain.lattice import LatticeParameters
from domain.ports import Oracle, OracleMode
from domain.space_groups import SpaceGroup
from oracles.checks import check_oracle
from oracles.registry import build_oracle, oracle_names
from oracles.running.process import OracleProcess
from services.cli.options import AsJson
from services.cli.output import print_json, print_table
from services.scratch import held_folder

app = typer.Typer(help="See and check the oracles, the places where numbers come from.", no_args_is_help=True)


@app.command("list")
def list_oracles(*, as_json: AsJson = False) -> None:
    """List the registered oracles."""
    names = oracle_names()
    if as_json:
        print_json(list(names))
        return
    print_table("Oracles", ("oracle",), ((name,) for name in names), empty="No oracle is registered.")


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="Name of a registered oracle.")],
    *,
    settings: Annotated[str, typer.Option(help="Its settings as JSON.")] = "{}",
    as_json: AsJson = False,
) -> None:
    """Put an oracle to the test on rock-salt LiCl: is its software here, does it keep the oracle's promises?"""
    settings_given = _settings(settings)
    oracle = build_oracle(name, settings_given)
    try:
        oracle.check()
    except OracleUnavailableError as missing:
        if as_json:
            print_json({"oracle": name, "available": False, "problem": missing.problem, "remedy": missing.remedy})
        raise
    fidelity = Fidelity(name="check", oracle=name, cost=1.0, settings=settings_given)
    with (
        held_folder(Path(tempfile.gettempdir()), "petalite-oracle-") as scratch,
        OracleProcess(fidelity, scratch=scratch) as process,
    ):
        lines = check_oracle(_checkable(oracle, process), _rock_salt())
    if as_json:
        checks: list[JsonValue] = [{"promise": line.name, "kept": line.passed, "detail": line.detail} for line in lines]
        print_json({"oracle": name, "available": True, "version": oracle.version, "checks": checks})
    else:
        rows = ((line.name, "kept" if line.passed else "BROKEN", line.detail) for line in lines)
        print_table(f"{name} ({oracle.version})", ("promise", "", "detail"), rows, empty="Nothing was checked.")
    if not all(line.passed for line in lines):
        raise typer.Exit(1)


def _checkable(oracle: Oracle, process: OracleProcess) -> Oracle:
    """Computed oracles look in a worker process, as they do in a campaign; the laboratory's is only described."""
    return process.as_oracle() if oracle.mode is OracleMode.COMPUTED else oracle


def _settings(text: str) -> JsonObject:
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(
            f"--settings is not JSON: {error}.", remedy="Write it as in --settings '{\"draws\": 2}'."
        ) from error
    if not isinstance(settings, dict):
        raise SpecError(f"--settings is no JSON object: {text}.", remedy="Write it as in --settings '{\"draws\": 2}'.")
    return settings


def _rock_salt() -> Blueprint:
    return Blueprint(
        space_group=SpaceGroup(225),
        composition=Composition.of({"Li": 4, "Cl": 4}),
        lattice=LatticeParameters(5.13, 5.13, 5.13, 90, 90, 90),
    )
