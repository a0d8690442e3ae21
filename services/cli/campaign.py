"""`petalite campaign`: what the store holds."""

import os
from pathlib import Path
from typing import Annotated

import typer

from domain.measurement import Measurement
from domain.states import CampaignState
from services.cli.leaders import print_leaders
from services.cli.options import AsJson, CampaignName
from services.cli.output import console, print_json, print_table
from services.reports.document import campaign_document, campaign_summary
from services.reports.export import export_campaign
from services.reports.spending import burn_down
from services.settings import load_settings
from services.store import Store, open_store
from services.store.records import QueryRecord

LONGEST_REASON = 24
"""Characters of a failure's reason that fit in a table."""

app = typer.Typer(help="List, show, stop and export campaigns.", no_args_is_help=True)


@app.command("list")
def list_campaigns(*, as_json: AsJson = False) -> None:
    """List every campaign with its state and what it has spent."""
    with open_store(load_settings(os.environ).store_url) as store:
        records = store.campaigns.list()
        if as_json:
            print_json([campaign_summary(store, record) for record in records])
            return
        rows = [
            (
                record.name,
                record.state.value,
                str(len(store.rounds.list(record.id))),
                burn_down(store.ledger.balance(record.id)),
                f"{record.created_at.astimezone():%Y-%m-%d %H:%M}",
            )
            for record in records
        ]
    print_table(
        "Campaigns",
        ("name", "state", "rounds", "budget", "created"),
        rows,
        empty="No campaign yet. Start one: petalite run SPEC.yaml",
    )


@app.command()
def show(name: CampaignName, *, as_json: AsJson = False) -> None:
    """Show a campaign: its crystals, its rounds, every look with its cost and answer.

    With --json: all of it, for every pick the cost declared, the cost measured and where the number came from.
    """
    with open_store(load_settings(os.environ).store_url) as store:
        if as_json:
            print_json(campaign_document(store, name))
            return
        record = store.campaigns.get(name)
        console().print(f"[bold]{record.name}[/] is {record.state.value}: {burn_down(store.ledger.balance(record.id))}")
        print_leaders(store, name, n_shown=20)
        _print_looks(store, record.id)


@app.command()
def stop(name: CampaignName) -> None:
    """Stop a campaign after the looks that are under way. Go on with `petalite run NAME --resume`."""
    with open_store(load_settings(os.environ).store_url) as store:
        record = store.campaigns.get(name)
        store.campaigns.set_state(record.id, CampaignState.STOPPED, reason="stopped on the command line")
    console().print(f"{name} is stopped. Go on with: petalite run {name} --resume")


@app.command()
def export(
    name: CampaignName,
    folder: Annotated[Path | None, typer.Argument(help="Where to; exports/NAME in Petalite's home by default.")] = None,
) -> None:
    """Write a campaign as CIF, CSV, JSON and a picture."""
    settings = load_settings(os.environ)
    with open_store(settings.store_url) as store:
        written = export_campaign(store, name, folder or settings.home / "exports" / name)
    console().print(f"Wrote {written.n_crystals} crystals to {written.folder}", soft_wrap=True)


def _print_looks(store: Store, campaign_id: int) -> None:
    candidates = {candidate.id: candidate.blueprint for candidate in store.candidates.list(campaign_id)}
    measured = {record.query_id: record.measurement for record in store.measurements.list(campaign_id)}
    reasons = {record.query_id: record.failure.reason for record in store.failures.list(campaign_id)}

    def row(query: QueryRecord) -> tuple[str, ...]:
        answer = measured.get(query.id)
        took = answer.cost.core_seconds if answer is not None else None
        return (
            str(query.round_index),
            candidates[query.candidate_id].title,
            query.fidelity,
            _told(answer) if answer is not None else _short(reasons.get(query.id, query.state.value)),
            f"{query.declared.amount:g}",
            f"{took:.1f}" if took is not None else "",
        )

    columns = ("round", "crystal", "fidelity", "answer", "declared", "took (s)")
    looks = (row(query) for query in store.queries.list(campaign_id))
    print_table("Looks", columns, looks, empty="No look was asked for yet.")
    console().print("[dim]Why each was chosen, and where each number comes from: --json[/]")


def _told(answer: Measurement) -> str:
    return f"{answer.censoring.value.strip('=')}{answer.value:.4g} {answer.unit}"


def _short(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"
