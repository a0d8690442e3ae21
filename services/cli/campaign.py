"""`petalite campaign`: what the store holds."""

import os
from typing import Annotated, Final

import typer

from domain.errors import ConflictError
from domain.json_value import JsonObject
from domain.measurement import Measurement
from domain.rounds import round_number
from domain.states import HALTED_CAMPAIGNS, CampaignState
from services.access.principal import local_operator
from services.cli.export import export
from services.cli.leaders import print_leaders
from services.cli.options import AsJson, CampaignName
from services.cli.output import console, print_json, print_table
from services.cli.phases import hull
from services.cli.spec import create, validate
from services.reports.document import campaign_document, campaign_summary
from services.reports.spending import burn_down
from services.settings import load_settings
from services.store import Store, open_store
from services.store.campaigns import require_startable
from services.store.records import CampaignRecord, QueryRecord

LONGEST_REASON = 24
"""Characters of a failure's reason that fit in a table."""
_VERBS: Final = {CampaignState.PAUSED: "pause", CampaignState.STOPPED: "stop"}

app = typer.Typer(help="Create, start, pause, resume, stop, show, export and archive campaigns.", no_args_is_help=True)


@app.command("list")
def list_campaigns(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="Only those that were archived.")] = False,
    as_json: AsJson = False,
) -> None:
    """List campaigns with their state and what they have spent."""
    with open_store(load_settings(os.environ).store_url) as store:
        records = [record for record in store.campaigns.list() if (record.archived_at is not None) is archived]
        if as_json:
            print_json([campaign_summary(store, record) for record in records])
            return
        rows = [
            (
                record.name,
                _standing(store, record),
                str(store.rounds.count(record.id)),
                burn_down(store.ledger.balance(record.id)),
                f"{record.created_at.astimezone():%Y-%m-%d %H:%M}",
            )
            for record in records
        ]
    print_table(
        "Campaigns",
        ("name", "state", "rounds", "budget", "created"),
        rows,
        empty="No archived campaign." if archived else "No campaign yet. Start one: petalite run SPEC.yaml",
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
        balance = burn_down(store.ledger.balance(record.id))
        console().print(f"[bold]{record.name}[/] is {_standing(store, record)}: {balance}")
        print_leaders(store, name, n_shown=20)
        _print_looks(store, record.id)


@app.command()
def start(name: CampaignName) -> None:
    """Ask a worker to advance a campaign. Harmless where it runs already; one that is paused or stopped is resumed."""
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        record = store.campaigns.get(name)
        require_startable(record)
        store.campaigns.wake(record.id)
        store.audit.append(local_operator().name, "campaign.start", f"campaign {name}", {})
    console().print(f"{name} is to go on. Where no worker runs: petalite run {name}")


@app.command()
def stop(name: CampaignName) -> None:
    """Stop a campaign after the looks that are under way. Go on with `petalite campaign resume NAME`."""
    _halt(name, CampaignState.STOPPED)
    console().print(f"{name} is stopped. Go on with: petalite campaign resume {name}")


@app.command()
def pause(name: CampaignName) -> None:
    """Pause a campaign: nothing new is asked, answers to what was asked still count."""
    _halt(name, CampaignState.PAUSED)
    console().print(f"{name} is paused. Go on with: petalite campaign resume {name}")


@app.command()
def resume(name: CampaignName) -> None:
    """Let a campaign that was paused or stopped go on. A worker takes it up; without one: `petalite run NAME`."""
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        record = store.campaigns.get(name)
        if record.state not in HALTED_CAMPAIGNS:
            raise ConflictError(
                f"Campaign '{name}' is {record.state.value}, neither paused nor stopped.",
                remedy=f"See: petalite campaign show {name}",
            )
        store.campaigns.resume(record.id, reason="resumed on the command line")
        store.audit.append(local_operator().name, "campaign.resume", f"campaign {name}", {})
    console().print(f"{name} goes on. Where no worker runs: petalite run {name}")


@app.command()
def priority(
    name: CampaignName,
    number: Annotated[int, typer.Argument(help="The higher one goes first. Put -- before a negative number.")],
) -> None:
    """Say how urgent a campaign is: whom machines answer and workers advance first."""
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        before = store.campaigns.get(name)
        store.campaigns.set_priority(before.id, number)
        details: JsonObject = {"before": before.priority, "after": number}
        store.audit.append(local_operator().name, "campaign.priority", f"campaign {name}", details)
    console().print(f"{name} has priority {number}.")


@app.command()
def archive(name: CampaignName) -> None:
    """Take a stopped or completed campaign out of lists; its schedules rest. Everything in it is kept."""
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        store.archive.put_away(store.campaigns.get(name).id, by=local_operator().name)
        store.audit.append(local_operator().name, "campaign.archive", f"campaign {name}", {})
    console().print(f"{name} is archived. Bring it back with: petalite campaign unarchive {name}")


@app.command()
def unarchive(name: CampaignName) -> None:
    """Bring an archived campaign back into lists."""
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        store.archive.bring_back(store.campaigns.get(name).id, by=local_operator().name)
        store.audit.append(local_operator().name, "campaign.unarchive", f"campaign {name}", {})
    console().print(f"{name} is in lists again.")


@app.command()
def delete(name: CampaignName) -> None:
    """Delete a campaign that never began; its name is free again. One that asked anything is archived instead."""
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        record = store.archive.delete(store.campaigns.get(name).id)
        details: JsonObject = {"spec_digest": record.spec_digest}
        store.audit.append(local_operator().name, "campaign.delete", f"campaign {name}", details)
    console().print(f"{name} is deleted.")


app.command()(validate)
app.command()(create)
app.command()(export)
app.command()(hull)


def _standing(store: Store, record: CampaignRecord) -> str:
    """A campaign's state, and whether it moves."""
    is_left_alone = record.state is CampaignState.RUNNING and not record.is_driven(store.now())
    return f"{record.state.value} (nobody drives it)" if is_left_alone else record.state.value


def _halt(name: str, state: CampaignState) -> None:
    with open_store(load_settings(os.environ).store_url) as store, store.writing():
        record = store.campaigns.get(name)
        store.campaigns.set_state(record.id, state, reason=f"{state.value} on the command line")
        store.audit.append(local_operator().name, f"campaign.{_VERBS[state]}", f"campaign {name}", {})


def _print_looks(store: Store, campaign_id: int) -> None:
    candidates = {candidate.id: candidate.blueprint for candidate in store.candidates.list(campaign_id)}
    measured = {record.query_id: record.measurement for record in store.measurements.standing(campaign_id)}
    reasons = {record.query_id: record.failure.reason for record in store.failures.list(campaign_id)}

    def row(query: QueryRecord) -> tuple[str, ...]:
        answer = measured.get(query.id)
        took = answer.cost.core_seconds if answer is not None else None
        return (
            str(round_number(query.round_index)),
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
