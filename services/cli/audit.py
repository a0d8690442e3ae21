"""`petalite audit`: who changed what, and whether that record is still what was written."""

import json
import os
from typing import Annotated

import typer

from domain.parsing import to_json_value
from services.cli.options import AsJson
from services.cli.output import ExitCode, console, print_json, print_table
from services.settings import load_settings
from services.store import open_store

app = typer.Typer(help="The audit log: list, verify.", no_args_is_help=True)


@app.command("list")
def list_rows(
    after: Annotated[int | None, typer.Option(help="Read on from behind this row; the newest rows by default.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to show.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List what was changed, by whom and when."""
    with open_store(load_settings(os.environ).store_url) as store:
        records = store.audit.newest(limit) if after is None else store.audit.list(after=after, limit=limit)
    if as_json:
        print_json([to_json_value(record) for record in records])
        return
    rows = (
        (
            str(record.id),
            f"{record.at.astimezone():%Y-%m-%d %H:%M:%S}",
            record.actor,
            record.action,
            record.subject,
            json.dumps(record.details, ensure_ascii=False) if record.details else "",
        )
        for record in records
    )
    print_table("Audit log", ("row", "at", "who", "did", "to", "details"), rows, empty="Nothing was changed yet.")


@app.command()
def verify(
    seal: Annotated[
        str | None, typer.Option(help="A seal noted earlier; also checks that nothing was cut off since.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check that no row was changed, moved or removed. Exit status 1 if one was.

    Note the seal that is printed somewhere else: with it, a later check also finds rows that were cut off at the end.
    """
    with open_store(load_settings(os.environ).store_url) as store:
        broken = store.audit.verify()
        last = store.audit.last_hash()
        is_cut_off = seal is not None and not store.audit.has(seal.strip().lower())
    if as_json:
        print_json({"broken_row": broken.id if broken else None, "is_cut_off": is_cut_off, "seal": last})
    elif broken is not None:
        console().print(f"Row {broken.id} is not what was written, or its predecessor is not: {broken.at}.")
    elif is_cut_off:
        console().print("The rows are in order, but the one with that seal is gone: the end was cut off.")
    else:
        console().print(f"Every row is as it was written. Seal: {last}", soft_wrap=True)
    if broken is not None or is_cut_off:
        raise typer.Exit(ExitCode.FAILED)
