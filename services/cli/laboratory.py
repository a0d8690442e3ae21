"""`petalite lab`: what the laboratory is asked to make and measure, and what it found."""

import getpass
import os
from typing import Annotated

import typer

from domain.measurement import Censoring
from services.cli.options import AsJson
from services.cli.output import console, print_json, print_table
from services.intake import record_laboratory_result
from services.intake.laboratory import LEASE_DAYS, claim_laboratory_query, release_laboratory_query
from services.reports.laboratory import laboratory_queries
from services.settings import load_settings
from services.store import open_store

app = typer.Typer(help="The laboratory's queue: list, claim, submit.", no_args_is_help=True)

Person = Annotated[str, typer.Option("--as", help="Who is working; your login name by default.")]


@app.command("list")
def list_queries(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign's queries.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what waits for a laboratory, and what is claimed."""
    with open_store(load_settings(os.environ).store_url) as store:
        store.queries.requeue_lapsed(store.now())
        rows = laboratory_queries(store, campaign)
    if as_json:
        print_json([row.as_json() for row in rows])
        return
    columns = ("query", "campaign", "crystal", "group", "measure", "state", "by")
    table = (
        (
            str(r.query_id),
            r.campaign,
            r.formula,
            r.space_group,
            f"{r.quantity} ({r.unit})",
            r.state.value,
            r.worker or "",
        )
        for r in rows
    )
    print_table("Laboratory queue", columns, table, empty="Nothing waits for a laboratory.")


@app.command()
def claim(query: Annotated[int, typer.Argument(help="Number of the query.")], *, person: Person = "") -> None:
    """Claim a query, so that nobody else makes the same sample."""
    worker = person or getpass.getuser()
    with open_store(load_settings(os.environ).store_url) as store:
        claim_laboratory_query(store, query, worker=worker)
        (asked,) = [row for row in laboratory_queries(store, None) if row.query_id == query]
    out = console()
    out.print(f"Query {query} is yours for {LEASE_DAYS} days, {worker}.")
    out.print(f"Make {asked.formula}, {asked.space_group}: {asked.cell}", soft_wrap=True, markup=False)
    if asked.instructions:
        out.print(asked.instructions, soft_wrap=True, markup=False)


@app.command()
def release(query: Annotated[int, typer.Argument(help="Number of the query.")], *, person: Person = "") -> None:
    """Give a claimed query back to the queue."""
    with open_store(load_settings(os.environ).store_url) as store:
        release_laboratory_query(store, query, worker=person or getpass.getuser())
    console().print(f"Query {query} waits for somebody else.")


@app.command()
def submit(
    query: Annotated[int, typer.Argument(help="Number of the query.")],
    value: Annotated[float, typer.Argument(help="What was measured. Put -- before a negative number.")],
    unit: Annotated[str, typer.Argument(help="Its unit; converted where it can be.")],
    *,
    sigma: Annotated[float | None, typer.Option(help="Standard deviation in the same unit.")] = None,
    below: Annotated[bool, typer.Option("--below", help="The true value is below: a detection limit.")] = False,
    temperature_K: Annotated[float | None, typer.Option("--temperature-K", help="Temperature in kelvin.")] = None,
    note: Annotated[str, typer.Option(help="Anything worth keeping with the number.")] = "",
    person: Person = "",
) -> None:
    """Submit a measurement. The campaign learns from it when it is run next."""
    with open_store(load_settings(os.environ).store_url) as store:
        recorded = record_laboratory_result(
            store,
            query,
            worker=person or getpass.getuser(),
            value=value,
            unit=unit,
            sigma=sigma,
            temperature_K=temperature_K,
            censoring=Censoring.BELOW if below else Censoring.NONE,
            note=note,
        )
    measured = recorded.measurement
    console().print(f"Recorded {measured.value:g} {measured.unit} for query {query}. Run the campaign to go on.")
