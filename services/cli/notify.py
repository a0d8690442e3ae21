"""`petalite notify`: whether notes arrive."""

import os

import typer

from domain.errors import InvalidValueError
from services.cli.output import ExitCode, console
from services.settings import load_settings

app = typer.Typer(help="Notifications: test them.", no_args_is_help=True)


@app.callback()
def notify() -> None:
    """Notifications by webhook, e-mail and chat, as the file in PETALITE_NOTIFY_FILE says."""


@app.command()
def test() -> None:
    """Send a test note to every target of the notification file. Exit status 1 if one did not take it."""
    from services.notifications.rules import load_targets
    from services.notifications.senders import deliver, example_note
    from services.notifications.webhook import UndeliveredError
    from services.store.database import utc_now

    settings = load_settings(os.environ)
    if settings.notify_file is None:
        raise InvalidValueError(
            "No notification file is named.", remedy="Set PETALITE_NOTIFY_FILE; docs/operations.md shows one."
        )
    now, out, n_failed = utc_now(), console(), 0
    for target in load_targets(settings.notify_file):
        try:
            deliver(target, [example_note(settings.public_url, now)], now=now)
            out.print(f"{target.title}: taken", markup=False)
        except UndeliveredError as error:
            n_failed += 1
            out.print(f"{target.title}: {error}", markup=False, soft_wrap=True)
    if n_failed:
        raise typer.Exit(ExitCode.FAILED)
