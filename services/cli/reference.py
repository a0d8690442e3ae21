"""`petalite reference`: the elements' reference energies, from which formation energies are counted."""

import os
from typing import Annotated, TypeAlias

import typer

from domain.json_value import JsonObject
from domain.parsing import to_json_value
from services.cli.acting import audit, worker_named
from services.cli.options import AsJson
from services.cli.output import console, print_json, print_table
from services.intake.references import CorrectedReference, replace_reference, retract_reference
from services.settings import load_settings
from services.store import Store, open_store
from services.store.records import ReferenceRecord

MOST_TOLD = 20
"""Measurements that are named; --json shows them all."""

app = typer.Typer(help="Reference energies of the elements: list, retract, replace.", no_args_is_help=True)

Number: TypeAlias = Annotated[int, typer.Argument(help="Number of the reference energy that is wrong.")]
Reason: TypeAlias = Annotated[str, typer.Option(help="What was wrong, in one sentence.")]
Person: TypeAlias = Annotated[str, typer.Option("--as", help="Who is working; your login name by default.")]


@app.command("list")
def list_references(
    symbol: Annotated[str | None, typer.Option("--element", help="Only this element's.")] = None,
    oracle: Annotated[str | None, typer.Option(help="Only this oracle's.")] = None,
    group: Annotated[str | None, typer.Option(help="Only this group's.")] = None,
    after: Annotated[int, typer.Option(help="Begin after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    *,
    as_json: AsJson = False,
) -> None:
    """List reference energies with all their corrections, in the order in which they came."""
    with _store() as store:
        groups = None if group is None else [store.people.group(group).id]
        found = store.references.list(groups=groups, symbol=symbol, oracle=oracle, after_id=after, limit=limit)
        names = {known.id: known.name for known in store.people.list_groups()}
    if as_json:
        print_json([to_json_value(record) for record in found])
        return
    columns = ("number", "element", "eV/atom", "oracle", "version", "settings", "group", "by", "")
    table = (
        (
            str(record.id),
            record.reference.symbol,
            "" if record.is_retracted else f"{record.reference.energy_eV_per_atom:.6f}",
            record.provenance.oracle,
            record.provenance.oracle_version,
            record.provenance.settings_digest[:8],
            "" if record.group_id is None else names.get(record.group_id, str(record.group_id)),
            record.said_by or record.provenance.worker,
            _remark(record),
        )
        for record in found
    )
    print_table("Reference energies", columns, table, empty="None yet: they are computed when they are needed.")
    if len(found) == limit:
        console().print(f"[dim]More: petalite reference list --after {found[-1].id}[/]")


@app.command()
def retract(number: Number, *, reason: Reason, person: Person = "", as_json: AsJson = False) -> None:
    """Take a reference energy back. It is kept; nothing more is counted from it."""
    worker = worker_named(person)
    with _store() as store, store.writing():
        found = retract_reference(store, number, reason=reason, worker=worker)
        audit(store, "reference.retract", f"reference {number}", _details(found, worker, reason))
    _show(found, f"Reference energy {number} counts no longer.", as_json=as_json)


@app.command("replace")
def replace_energy(
    number: Number,
    energy: Annotated[float, typer.Argument(help="The right one in eV/atom. Put -- before a negative number.")],
    *,
    reason: Reason,
    structure: Annotated[str | None, typer.Option(help="Which structure it is of, where it is another.")] = None,
    person: Person = "",
    as_json: AsJson = False,
) -> None:
    """Put another energy in the place of one that is wrong or was taken back. Both are kept."""
    worker = worker_named(person)
    with _store() as store, store.writing():
        found = replace_reference(
            store, number, energy_eV_per_atom=energy, reason=reason, worker=worker, structure=structure
        )
        audit(store, "reference.replace", f"reference {number}", _details(found, worker, reason))
    message = f"Reference energy {found.reference.id}, {energy:g} eV/atom, replaces {number}."
    _show(found, message, as_json=as_json)


def _store() -> Store:
    return open_store(load_settings(os.environ).store_url)


def _details(found: CorrectedReference, worker: str, reason: str) -> JsonObject:
    return {"worker": worker, "becomes": found.reference.id, "reason": reason, "n_affected": len(found.affected)}


def _show(found: CorrectedReference, message: str, *, as_json: bool) -> None:
    if as_json:
        print_json(to_json_value(found))
        return
    out = console()
    out.print(message, markup=False)
    for remark in found.reference.remarks:
        out.print(remark, style="yellow", markup=False)
    if not found.affected:
        out.print("No measurement that counts rests on it.")
        return
    out.print(f"{len(found.affected)} measurements were counted from it and go on counting until they are retracted:")
    for look in found.affected[:MOST_TOLD]:
        out.print(
            f"  {look.measurement_id}: {look.formula} at {look.fidelity} of {look.campaign}, "
            f"{look.value:g} {look.unit}",
            markup=False,
        )
    if len(found.affected) > MOST_TOLD:
        out.print(f"  and {len(found.affected) - MOST_TOLD} more: --json shows them all.")
    out.print("Retract one: petalite lab retract NUMBER --reason …", markup=False)


def _remark(record: ReferenceRecord) -> str:
    corrected = "" if record.supersedes is None else f"corrects {record.supersedes}"
    if record.is_retracted:
        corrected = f"takes {record.supersedes} back"
    return ". ".join(part for part in (corrected, record.reason, *record.remarks) if part)
