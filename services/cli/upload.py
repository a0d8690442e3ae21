"""`petalite upload`: files that the laboratory hands in, reported row by row, then accepted or rejected."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.core import TyperGroup

from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonObject
from services.cli.acting import audit, worker_named
from services.cli.options import AsJson
from services.cli.output import ExitCode, console, print_json, print_table
from services.cli.upload_report import print_upload, print_upload_as_json, print_ways_on
from services.settings import load_settings
from services.store import Store, open_store
from services.store.uploads import RowState, UploadKind, UploadRecord, UploadState
from services.uploads.artifacts import ArtifactFolder
from services.uploads.child import Readers, ReadingLimits
from services.uploads.desk import Acceptance, SecondLook, UploadDesk
from services.uploads.intent import laboratory_intent
from services.uploads.new_data import new_data_of
from services.uploads.obelix import write_new_data
from services.uploads.template import template_rows, write_csv, write_xlsx

if TYPE_CHECKING:
    from typer._click.core import Command, Context

_CHUNK_BYTES: Final = 2**20
_FILE: Final = "file"


class _FileFirst(TyperGroup):
    """Takes anything that is not one of its commands for a file to hand in."""

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Finds the command."""
        if args and self.get_command(ctx, args[0]) is None:
            args = [_FILE, *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    help="Hand files in: `petalite upload FILE --campaign NAME`. Nothing enters before it is accepted.",
    no_args_is_help=True,
    cls=_FileFirst,
)

Campaign = Annotated[str, typer.Option("--campaign", help="Name of the campaign.")]
Number = Annotated[int, typer.Argument(help="Number of the upload.")]
Person = Annotated[str, typer.Option("--as", help="Who is working; your login name by default.")]
Pairs = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=TEXT", help="May be repeated.")]
Confirmed = Annotated[list[int] | None, typer.Option("--confirm", help="Number of a suspicious row. Repeatable.")]
ConfirmAll = Annotated[bool, typer.Option("--confirm-all", help="All suspicious rows are meant as they are.")]


@app.command(_FILE)
def hand_in(
    path: Annotated[Path, typer.Argument(help="A csv, xlsx, cif, zip, picture or PDF.", metavar="FILE")],
    *,
    campaign: Campaign,
    kind: Annotated[UploadKind | None, typer.Option(help="What it holds; found out where left out.")] = None,
    pairs: Pairs = None,
    accept_now: Annotated[bool, typer.Option("--accept", help="Let the clean rows enter at once.")] = False,
    person: Person = "",
    as_json: AsJson = False,
) -> None:
    """Hand in a file and see what was understood.

    What holds for the whole file is said with --set, such as --set query=12 --set "thickness=1.2 mm". Exit status 1 if
    the file cannot be read or all its rows are refused; it is kept all the same.
    """
    worker = worker_named(person)
    with _desk() as (store, desk):
        record = store.campaigns.get(campaign)
        artifact = desk.keep(record, _chunks(path), name=path.name, uploaded_by=worker)
        examined = desk.examine(record, artifact, kind=kind, options=_pairs(pairs))
        with store.writing():
            upload = desk.add(examined)
            details: JsonObject = {"campaign": campaign, "artifact": artifact.digest, "kind": upload.kind.value}
            audit(store, "upload.hand_in", f"upload {upload.id}", {**details, "worker": worker})
        if accept_now and upload.state is UploadState.OPEN:
            upload = _accept(store, desk, upload.id, worker).upload
        _show(store, upload, as_json=as_json)
        states = {row.state for row in store.uploads.rows(upload.id)}
    if upload.state is UploadState.UNREADABLE or states == {RowState.REFUSED}:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def show(upload: Number, *, as_json: AsJson = False) -> None:
    """Show an upload's report."""
    with _desk() as (store, _):
        _show(store, store.uploads.get(upload), as_json=as_json)


@app.command("list")
def list_uploads(*, campaign: Campaign, as_json: AsJson = False) -> None:
    """List a campaign's uploads, the last thousand."""
    with _desk() as (store, _):
        uploads = store.uploads.list(store.campaigns.get(campaign).id, limit=1000)
        files = {record.id: store.artifacts.get(record.artifact_id).name for record in uploads}
        tallies = {record.id: store.uploads.tally(record.id) for record in uploads}
    if as_json:
        print_json(
            [
                {
                    "upload": r.id,
                    "file": files[r.id],
                    "kind": r.kind.value,
                    "state": r.state.value,
                    "rows": {state.value: count for state, count in tallies[r.id].items()},
                    "uploaded_by": r.uploaded_by,
                }
                for r in uploads
            ]
        )
        return
    rows = (
        (str(r.id), files[r.id], r.kind.value, r.state.value, _counts(tallies[r.id]), r.uploaded_by) for r in uploads
    )
    print_table("Uploads", ("upload", "file", "kind", "state", "rows", "by"), rows, empty="Nothing was handed in.")


@app.command()
def fix(
    upload: Number,
    row: Annotated[int, typer.Argument(help="Number of the row.")],
    *,
    pairs: Pairs = None,
    as_json: AsJson = False,
) -> None:
    """Correct cells of a row, or with no --set only have it looked at again."""
    with _desk() as (store, desk):
        cells = _pairs(pairs)
        found = desk.check_again(upload, row, cells)
        with store.writing():
            desk.put(upload, found)
            details: JsonObject = {"cells": dict(cells)}
            audit(store, "upload.fix", f"upload {upload} row {row}", details)
        _show(store, store.uploads.get(upload), as_json=as_json, only=_numbers(found))


@app.command()
def recheck(upload: Number, *, as_json: AsJson = False) -> None:
    """Have all refused rows looked at again, such as those for which the time did not suffice."""
    with _desk() as (store, desk):
        found = desk.check_refused(upload)
        with store.writing():
            desk.put(upload, found)
            audit(store, "upload.recheck", f"upload {upload}", {"rows": len(found.found.rows)})
        _show(store, store.uploads.get(upload), as_json=as_json, only=_numbers(found))


@app.command()
def accept(upload: Number, *, confirm: Confirmed = None, confirm_all: ConfirmAll = False, person: Person = "") -> None:
    """Let the clean rows enter, and suspicious ones that are confirmed."""
    with _desk() as (store, desk):
        done = _accept(store, desk, upload, worker_named(person), confirmed=confirm or (), confirm_all=confirm_all)
        held_back = [row for row in store.uploads.rows(upload) if row.number in done.held_back]
    out = console()
    rows = "1 row" if len(done.entered) == 1 else f"{len(done.entered)} rows"
    out.print(f"{rows} entered; upload {upload} is {done.upload.state.value}.")
    for number, reason in done.held_back.items():
        out.print(f"Row {number} is held back: {reason}", markup=False, soft_wrap=True)
    print_ways_on(upload, held_back)


@app.command()
def reject(upload: Number) -> None:
    """End an upload: rows that have not entered never will. The file is kept."""
    with _desk() as (store, desk), store.writing():
        desk.reject(upload)
        audit(store, "upload.reject", f"upload {upload}", {})
    console().print(f"Upload {upload} is rejected.")


@app.command()
def template(
    *,
    campaign: Campaign,
    xlsx: Annotated[Path | None, typer.Option(help="Write an xlsx here instead of a csv to the terminal.")] = None,
) -> None:
    """Write the table to fill in: a row for each sample that waits for the laboratory."""
    with _desk() as (store, _):
        rows = template_rows(laboratory_intent(store, store.campaigns.get(campaign)))
    if xlsx is None:
        sys.stdout.write(write_csv(rows))
    else:
        xlsx.write_bytes(write_xlsx(rows))


@app.command()
def obelix(
    target: Annotated[Path, typer.Argument(help="The zip to write.")],
    *,
    campaign: Campaign,
    doi: Annotated[str, typer.Option(help="Where the measurements are published.")],
    family: Annotated[str, typer.Option(help="What chemists call the crystals.")] = "",
) -> None:
    """Write laboratory results as the bundle in which OBELiX takes new data."""
    with _desk() as (store, _):
        entries = new_data_of(store, store.campaigns.get(campaign), doi=doi, family=family)
    if not entries:
        raise NotFoundError(
            f"No laboratory of '{campaign}' measured at room temperature yet.", remedy="Come back with results."
        )
    target.write_bytes(write_new_data(entries))
    console().print(f"Wrote {len(entries)} entries to {target}.", markup=False)


@contextmanager
def _desk() -> Iterator[tuple[Store, UploadDesk]]:
    settings = load_settings(os.environ)
    with open_store(settings.store_url) as store, Readers(ReadingLimits()) as readers:
        yield store, UploadDesk(store, ArtifactFolder(settings.artifacts), readers)


def _accept(
    store: Store,
    desk: UploadDesk,
    upload_id: int,
    worker: str,
    *,
    confirmed: Collection[int] = (),
    confirm_all: bool = False,
) -> Acceptance:
    store.uploads.get(upload_id)
    # Written first: each row enters in a transaction of its own.
    details: JsonObject = {"worker": worker, "confirmed": list(confirmed), "confirm_all": confirm_all}
    audit(store, "upload.accept", f"upload {upload_id}", details)
    return desk.accept(upload_id, worker=worker, confirmed=confirmed, confirm_all=confirm_all)


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise NotFoundError(f"The file {path} cannot be read: {error.strerror}.", remedy="Check the path.") from error


def _pairs(pairs: list[str] | None) -> dict[str, str]:
    found = dict(pair.split("=", maxsplit=1) for pair in pairs or () if "=" in pair)
    if len(found) != len(pairs or ()):
        raise InvalidValueError("A --set is no NAME=TEXT, or one is given twice.", remedy='Write --set "area=0.5 cm2".')
    return {name.strip(): text for name, text in found.items()}


def _numbers(look: SecondLook) -> frozenset[int]:
    return frozenset(row.number for row in look.found.rows)


def _show(store: Store, upload: UploadRecord, *, as_json: bool, only: frozenset[int] | None = None) -> None:
    rows = [row for row in store.uploads.rows(upload.id) if only is None or row.number in only]
    (print_upload_as_json if as_json else print_upload)(upload, rows)


def _counts(tally: Mapping[RowState, int]) -> str:
    return ", ".join(f"{count} {state.value}" for state, count in tally.items() if count)
