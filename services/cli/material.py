"""`petalite material`: crystals that are known already."""

import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from domain.digest import content_digest
from domain.parsing import parse_json, to_json, to_json_object, to_json_value
from services.access.principal import local_operator
from services.cli.options import AsJson
from services.cli.ordering import order
from services.cli.output import ExitCode, console, print_json, print_table
from services.cli.phases import look
from services.materials.formats import StructureFormat, write_material
from services.materials.importing import Holder, ImportProgress, ImportTally, import_from_provider, import_readings
from services.materials.show import material_details, material_view
from services.settings import load_settings
from services.store import Store, open_store
from services.store.materials import MOST_IN_LIST, MaterialFilter

N_TOLD = 10
"""Problems that are shown; the rest are counted."""

app = typer.Typer(help="Known materials: import, list, show, export, order, look at.", no_args_is_help=True)
app.command()(look)
app.command()(order)


@app.command("import")
def import_materials(
    origin: Annotated[
        str, typer.Argument(metavar="FILE|FOLDER|URL", help="CIF, POSCAR, extxyz or OPTIMADE JSON; or a provider.")
    ],
    filter_: Annotated[str, typer.Option("--filter", help="OPTIMADE filter, for a provider.")] = "",
    group: Annotated[str | None, typer.Option(help="Group whose members alone may see them; everyone without.")] = None,
    source: Annotated[str | None, typer.Option(help="What to call the collection.")] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Host that may be asked although it is inside this network.")
    ] = None,
    *,
    restart: Annotated[bool, typer.Option("--restart", help="Do not go on where an import stopped.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import known materials. What is there already stays as it is, so that repeating it is harmless.

    An import from a provider that was cut off goes on where it stopped when the same command is repeated. Exit status 1
    if all that was read is refused.
    """
    settings = load_settings(os.environ)
    with open_store(settings.store_url) as store:
        holder = Holder(_group_id(store, group), local_operator().name)
        if urlsplit(origin).scheme in {"http", "https"}:
            memory = settings.home / "imports"
            if restart:
                _memo(memory, origin, filter_, holder).unlink(missing_ok=True)
            tally = _from_provider(store, origin, filter_, holder, hosts=frozenset(allow_host or ()), memory=memory)
        else:
            from services.materials.files import read_materials

            path = Path(origin).expanduser()
            tally = import_readings(store, read_materials(path, source=source or path.stem), holder)
        details = {"origin": origin, "group": group, "read": tally.n_read, "new": tally.n_new}
        store.audit.append(holder.added_by, "material.import", "materials", details)
    if as_json:
        print_json(tally.as_json())
    else:
        _print_tally(tally)
    if tally.n_refused and tally.n_refused == tally.n_read:
        raise typer.Exit(ExitCode.FAILED)


@app.command("list")
def list_materials(
    formula: Annotated[str | None, typer.Option(help="Reduced formula, such as LiCl.")] = None,
    element: Annotated[list[str] | None, typer.Option(help="Element that it contains; may be repeated.")] = None,
    space_group: Annotated[int | None, typer.Option(help="Number of its space group.")] = None,
    source: Annotated[str | None, typer.Option(help="Collection that it comes from.")] = None,
    after: Annotated[int, typer.Option(help="Begin after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=MOST_IN_LIST, help="How many at most.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List known materials."""
    wanted = MaterialFilter(formula=formula, elements=frozenset(element or ()), space_group=space_group, source=source)
    with open_store(load_settings(os.environ).store_url) as store:
        found = store.materials.list(groups=None, wanted=wanted, after=after, limit=limit)
    if as_json:
        print_json([to_json_value(material_view(record)) for record in found])
        return
    rows = (
        (
            str(record.id),
            record.material.formula,
            str(record.material.space_group or ""),
            str(record.material.n_sites),
            "" if record.material.is_ordered else "shared sites",
            f"{record.material.source}: {record.material.source_id}",
        )
        for record in found
    )
    columns = ("number", "formula", "group", "sites", "", "from")
    print_table("Known materials", columns, rows, empty="None. Import some: petalite material import FILE")
    if len(found) == limit:
        console().print(f"[dim]More: petalite material list --after {found[-1].id}[/]")


@app.command()
def show(number: Annotated[int, typer.Argument(help="Number of a material.")]) -> None:
    """Show everything that is known of a material and was measured of it, as JSON."""
    with open_store(load_settings(os.environ).store_url) as store:
        details = to_json_object(material_details(store.materials.get(number)))
        measured = store.material_values.of_material(number, groups=None)
        names = {value.campaign_id: store.campaigns.by_id(value.campaign_id).name for value in measured}
    values = [{"campaign": names[value.campaign_id], **to_json_object(value)} for value in measured]
    print_json({**details, "measurements": values})


@app.command()
def export(
    number: Annotated[int, typer.Argument(help="Number of a material.")],
    wanted: Annotated[StructureFormat, typer.Option("--format", help="In which format.")] = StructureFormat.CIF,
) -> None:
    """Write a material's structure on standard output."""
    with open_store(load_settings(os.environ).store_url) as store:
        material = store.materials.get(number).material
    sys.stdout.write(write_material(material, wanted))


def _from_provider(
    store: Store, url: str, filter_: str, holder: Holder, *, hosts: frozenset[str], memory: Path
) -> ImportTally:
    from services.materials.provider import Provider

    provider = Provider(url, allowed_hosts=hosts)
    memo = _memo(memory, url, filter_, holder)
    begin = ImportProgress(provider.first_page(filter_))
    if memo.exists():
        begin = parse_json(ImportProgress, memo.read_bytes())
        console().print(f"Goes on after {begin.tally.n_read} structures.")

    def told(progress: ImportProgress) -> None:
        memory.mkdir(parents=True, exist_ok=True)
        fresh = memo.with_suffix(".new")
        fresh.write_text(to_json(progress), encoding="utf-8")
        fresh.replace(memo)
        of = "" if progress.tally.n_found is None else f" of {progress.tally.n_found}"
        typer.echo(f"{progress.tally.n_read}{of} structures", err=True)

    tally = import_from_provider(store, provider, holder, begin=begin, told=told)
    memo.unlink(missing_ok=True)
    return tally


def _memo(memory: Path, url: str, filter_: str, holder: Holder) -> Path:
    digest = content_digest({"url": url, "filter": filter_, "group": holder.group_id})
    return memory / f"{digest[:32]}.json"


def _group_id(store: Store, name: str | None) -> int | None:
    return None if name is None else store.people.group(name).id


def _print_tally(tally: ImportTally) -> None:
    out = console()
    out.print(f"{tally.n_new} new, {tally.n_known} known already, {tally.n_refused} refused.")
    for problem in tally.problems[:N_TOLD]:
        out.print(f"[yellow]refused[/] {escape(problem)}", soft_wrap=True)
    if tally.n_refused > N_TOLD:
        out.print(f"… and {tally.n_refused - N_TOLD} more: --json shows them.")
