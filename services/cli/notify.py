"""`petalite notify`: whether notes arrive."""

import os

import typer

from services.cli.output import ExitCode, console
from services.settings import load_settings

app = typer.Typer(help="Notifications: test them.", no_args_is_help=True)


@app.callback()
def notify() -> None:
    """Notifications by webhook, e-mail and chat, as the file in PETALITE_NOTIFY_FILE says."""


@app.command()
def test() -> None:
    """Send a test note to every target of the notification file. Exit status 1 if one did not take it."""
    from services.notifications.trying import try_targets
    from services.store.database import utc_now

    out, n_failed = console(), 0
    for delivery in try_targets(load_settings(os.environ), utc_now()):
        n_failed += not delivery.is_taken
        told = "taken" if delivery.is_taken else delivery.problem
        out.print(f"{delivery.title}: {told}", markup=False, soft_wrap=True)
    if n_failed:
        raise typer.Exit(ExitCode.FAILED)
