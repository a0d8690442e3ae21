"""`petalite schedule`: when campaigns are woken again and again."""

import os
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from domain.errors import InvalidValueError
from domain.parsing import to_json_value
from domain.timing import Timing, TimingKind
from services.access.principal import local_operator
from services.cli.options import AsJson, CampaignName
from services.cli.output import console, print_json, print_table
from services.settings import load_settings
from services.store import Store, open_store
from services.store.schedules import ScheduleRecord

N_DATES = 5
"""Next dates that are shown."""

app = typer.Typer(help="Schedules of campaigns: add, list, pause, resume, remove.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="Number of the schedule.")]


@app.command()
def add(
    campaign: CampaignName,
    *,
    cron: Annotated[str | None, typer.Option(help="Five cron fields, such as '0 6 * * 1'.")] = None,
    every: Annotated[str | None, typer.Option(help="An interval, such as 30m, 6h, 1d or 2w.")] = None,
    time_zone: Annotated[str, typer.Option(help="Time zone of the cron fields, such as Europe/Berlin.")] = "UTC",
) -> None:
    """Wake a campaign by cron or at an interval. A worker (`petalite worker`) advances it then."""
    if (cron is None) == (every is None):
        raise InvalidValueError("A schedule needs either --cron or --every.", remedy="Give one of them.")
    kind = TimingKind.INTERVAL if cron is None else TimingKind.CRON
    timing = Timing(kind, cron if cron is not None else every or "", time_zone)
    with _open() as store, store.writing():
        added = store.schedules.add(store.campaigns.get(campaign).id, timing, created_by=local_operator().name)
        _audit(store, "schedule.add", added)
        now = store.now()
    out = console()
    out.print(f"Schedule {added.id} wakes {campaign} next at:")
    for date in timing.dates(now, N_DATES):
        out.print(f"  {_shown(date, timing)}")


@app.command("list")
def list_schedules(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign's schedules.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List schedules with the date on which each fires next."""
    with _open() as store:
        found = store.schedules.list(store.campaigns.get(campaign).id if campaign else None)
    if as_json:
        print_json([to_json_value(record) for record in found])
        return
    rows = (
        (
            str(record.id),
            record.campaign,
            record.timing.expression,
            record.timing.time_zone if record.timing.kind is TimingKind.CRON else "",
            _shown(record.next_at, record.timing) if record.next_at else "paused",
            _shown(record.last_at, record.timing) if record.last_at else "",
        )
        for record in found
    )
    columns = ("", "campaign", "when", "time zone", "next", "last")
    print_table("Schedules", columns, rows, empty="No schedule yet. Add one: petalite schedule add CAMPAIGN --every 1d")


@app.command()
def pause(schedule: Number) -> None:
    """Let a schedule rest."""
    _set_active(schedule, is_active=False)
    console().print(f"Schedule {schedule} rests. Let it go on with: petalite schedule resume {schedule}")


@app.command()
def resume(schedule: Number) -> None:
    """Let a schedule go on. What it would have done meanwhile is not made up for."""
    _set_active(schedule, is_active=True)
    console().print(f"Schedule {schedule} goes on.")


@app.command()
def remove(schedule: Number) -> None:
    """Remove a schedule."""
    with _open() as store, store.writing():
        _audit(store, "schedule.remove", store.schedules.get(schedule))
        store.schedules.remove(schedule)
    console().print(f"Schedule {schedule} is gone.")


def _set_active(schedule: int, *, is_active: bool) -> None:
    with _open() as store, store.writing():
        changed = store.schedules.set_active(schedule, is_active=is_active)
        _audit(store, "schedule.resume" if is_active else "schedule.pause", changed)


def _audit(store: Store, action: str, record: ScheduleRecord) -> None:
    details = {"kind": record.timing.kind.value, "expression": record.timing.expression}
    subject = f"campaign {record.campaign}, schedule {record.id}"
    store.audit.append(local_operator().name, action, subject, {**details, "time_zone": record.timing.time_zone})


def _open() -> Store:
    return open_store(load_settings(os.environ).store_url)


def _shown(instant: datetime, timing: Timing) -> str:
    return f"{instant.astimezone(ZoneInfo(timing.time_zone)):%a %Y-%m-%d %H:%M %Z}"
