"""`petalite`: the command line's entrance."""

import sys
from typing import Annotated

import typer

from domain.errors import PetaliteError
from services.cli import (
    approval,
    audit,
    campaign,
    doctor,
    group,
    laboratory,
    machine,
    material,
    notify,
    oracle,
    potential,
    reference,
    schedule,
    token,
    upload,
    user,
)
from services.cli.backup import backup, restore
from services.cli.output import ExitCode, print_error
from services.cli.run import run
from services.cli.serve import serve
from services.cli.worker import worker

app = typer.Typer(
    name="petalite",
    help="""Discover crystals by asking the right question at the right price.

A campaign imagines crystals with a trained generator, weighs what a look at which fidelity is worth against its cost,
and looks: with machine-learned potentials, DFT, or in the laboratory. Everything is kept in one store.

Start with `petalite run docs/examples/quickstart.yaml`. Files are kept in ./petalite-data unless PETALITE_HOME says
otherwise; PETALITE_STORE_URL names another store (SQLite file or PostgreSQL), PETALITE_WORKERS how many oracle
processes may run at once.

Exit status: 0 done; 1 refused, or ended by an error (what was recorded is kept); 2 misspelt command; 3 the campaign
waits for a laboratory, a machine or approval; 4 another process is running the campaign; 5 the campaign has paused
itself, because going on would only cost money; 130 interrupted, everything recorded so far is kept.""",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(serve)
app.command()(worker)
app.add_typer(campaign.app, name="campaign")
app.add_typer(approval.app, name="approval")
app.add_typer(oracle.app, name="oracle")
app.add_typer(laboratory.app, name="lab")
app.add_typer(upload.app, name="upload")
app.add_typer(machine.app, name="machine")
app.add_typer(material.app, name="material")
app.add_typer(reference.app, name="reference")
app.add_typer(potential.app, name="potential")
app.add_typer(user.app, name="user")
app.add_typer(group.app, name="group")
app.add_typer(token.app, name="token")
app.add_typer(audit.app, name="audit")
app.add_typer(schedule.app, name="schedule")
app.add_typer(notify.app, name="notify")
app.command()(backup)
app.command()(restore)
app.command()(doctor.doctor)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the framework calls it by position
    if wanted:
        from importlib.metadata import version

        typer.echo(f"petalite {version('petalite')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    _version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Discover crystals by asking the right question at the right price."""


def main() -> None:
    """Runs the command line; errors become one sentence with a remedy."""
    try:
        app()
    except PetaliteError as error:
        print_error(error)
        sys.exit(ExitCode.FAILED)
