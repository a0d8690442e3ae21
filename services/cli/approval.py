"""`petalite approval`: what may be spent."""

import os
from typing import Annotated, TypeAlias

import typer

from domain.errors import ConflictError
from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json_value
from services.access.principal import local_operator
from services.cli.options import AsJson
from services.cli.output import console, print_json, print_table
from services.settings import load_settings
from services.store import Store, open_store
from services.store.records import QueryRecord

app = typer.Typer(help="Looks that cost more than may be spent without approval.", no_args_is_help=True)

_PAGE = 500
Campaign: TypeAlias = Annotated[str | None, typer.Option(help="Only this campaign's looks.")]
Queries: TypeAlias = Annotated[list[int] | None, typer.Argument(help="Numbers of the queries.")]
Everything: TypeAlias = Annotated[bool, typer.Option("--all", help="All that wait in the campaign named.")]


@app.command("list")
def list_waiting(campaign: Campaign = None, *, as_json: AsJson = False) -> None:
    """List what waits for approval, what it costs and why it was chosen."""
    with open_store(load_settings(os.environ).store_url) as store:
        waiting = _waiting(store, campaign)
        if as_json:
            print_json([to_json_value(query) for query in waiting])
            return
        names = {record.id: record for record in store.campaigns.list()}
        rows = [
            (
                str(query.id),
                names[query.campaign_id].name,
                store.candidates.get(query.candidate_id).blueprint.title,
                query.fidelity,
                f"{query.declared.amount:g} {names[query.campaign_id].spec.budget.unit}",
                query.decision.reason,
            )
            for query in waiting
        ]
    columns = ("query", "campaign", "crystal", "fidelity", "cost", "why")
    print_table("Waiting for approval", columns, rows, empty="Nothing waits for approval.")


@app.command()
def approve(
    queries: Queries = None,
    *,
    everything: Everything = False,
    campaign: Campaign = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the query.")] = "",
) -> None:
    """Let looks be asked. A worker goes on with the campaign; without one: `petalite run NAME`."""
    judged = _judge(queries or [], campaign if everything else None, reason, is_approved=True)
    console().print(f"Approved {_told(judged)}.")


@app.command()
def deny(
    queries: Queries = None,
    *,
    everything: Everything = False,
    campaign: Campaign = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the query.", prompt="Why")],
) -> None:
    """Cancel looks and free their money."""
    judged = _judge(queries or [], campaign if everything else None, reason, is_approved=False)
    console().print(f"Denied {_told(judged)}.")


def _judge(query_ids: list[int], campaign: str | None, reason: str, *, is_approved: bool) -> tuple[QueryRecord, ...]:
    operator = local_operator().name
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        if campaign is not None:
            query_ids = [*query_ids, *(query.id for query in _waiting(store, campaign))]
        if not query_ids:
            raise ConflictError(
                "No query is named.", remedy="Name their numbers, or all of a campaign: --all --campaign NAME"
            )
        judge = store.approval.approve_many if is_approved else store.approval.deny_many
        judged = judge(query_ids, operator, reason)
        numbers: list[JsonValue] = [query.id for query in judged]
        details: JsonObject = {"queries": numbers, "reason": reason}
        action = "query.approve" if is_approved else "query.deny"
        store.audit.append(operator, action, f"{len(judged)} queries", details)
        return judged


def _waiting(store: Store, campaign: str | None) -> tuple[QueryRecord, ...]:
    campaign_id = None if campaign is None else store.campaigns.get(campaign).id
    waiting: list[QueryRecord] = []
    while page := store.approval.waiting(campaign_id, after_id=waiting[-1].id if waiting else 0, limit=_PAGE):
        waiting.extend(page)
    return tuple(waiting)


def _told(judged: tuple[QueryRecord, ...]) -> str:
    plural = "query" if len(judged) == 1 else "queries"
    return f"{len(judged)} {plural} for {sum(query.declared.amount for query in judged):g}"
