"""`petalite lab`: what the laboratory is asked to make and measure, and what it found."""

import os
from typing import Annotated, TypeAlias

import typer

from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from domain.measurement import Censoring, FailureKind
from domain.states import HALTED_CAMPAIGNS
from services.cli.acting import audit, worker_named
from services.cli.following import what_follows
from services.cli.options import AsJson, CampaignName
from services.cli.output import console, print_json, print_table
from services.dashboard.words import plain
from services.intake import (
    Changes,
    Reading,
    UnsolicitedOutcome,
    amend_laboratory_result,
    record_laboratory_failure,
    record_laboratory_result,
    report_laboratory_result,
    retract,
)
from services.intake.crystals import read_crystal
from services.intake.laboratory import LEASE_DAYS, claim_laboratory_query, release_laboratory_query
from services.intake.readings import Part
from services.intake.units import read_temperature_K
from services.reports.laboratory import laboratory_queries
from services.settings import load_settings
from services.store import Store, open_store

app = typer.Typer(help="The laboratory's queue: list, claim, submit, correct, report.", no_args_is_help=True)

QueryNumber: TypeAlias = Annotated[int, typer.Argument(metavar="QUERY", help="Number of the query.")]
MeasurementNumber: TypeAlias = Annotated[int, typer.Argument(help="Number of the measurement that is wrong.")]
Value: TypeAlias = Annotated[float, typer.Argument(help="What was measured. Put -- before a negative number.")]
Unit: TypeAlias = Annotated[str, typer.Argument(help="Its unit; converted where it can be.")]
Sigma: TypeAlias = Annotated[float | None, typer.Option(help="Standard deviation in the same unit.")]
Below: TypeAlias = Annotated[bool, typer.Option("--below", help="The true value is below: a detection limit.")]
Above: TypeAlias = Annotated[bool, typer.Option("--above", help="The true value is above.")]
Temperature: TypeAlias = Annotated[
    str | None, typer.Option(help="Temperature with its unit, such as '25 degC' or '298.15 K'.")
]
TemperatureK: TypeAlias = Annotated[float | None, typer.Option("--temperature-K", help="Temperature in kelvin.")]
Note: TypeAlias = Annotated[str, typer.Option(help="Anything worth keeping with the number.")]
Confirm: TypeAlias = Annotated[bool, typer.Option("--confirm", help="What looks like a mistake is meant as it stands.")]
Reason: TypeAlias = Annotated[str, typer.Option(help="Why, in one sentence.")]
Person: TypeAlias = Annotated[str, typer.Option("--as", help="Who is working; your login name by default.")]

_OUTCOMES = {
    UnsolicitedOutcome.ANSWERED: "It answers a query that was open.",
    UnsolicitedOutcome.ADDED: "It was added to a candidate of the campaign, free of charge.",
    UnsolicitedOutcome.REPLACED: "It stands in the place of a result that was taken back, free of charge.",
    UnsolicitedOutcome.EVIDENCE: "The campaign has its answer already; this one is kept as evidence.",
    UnsolicitedOutcome.MATERIAL: "It was added as a known material, from which the campaign learns.",
}


@app.command("list")
def list_queries(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign's queries.")] = None,
    *,
    show_all: Annotated[bool, typer.Option("--all", help="What stopped campaigns asked, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits for a laboratory, and what is claimed."""
    with _store() as store:
        store.queries.requeue_lapsed(store.now())
        rows = laboratory_queries(store, campaign, with_stopped=show_all)
    if as_json:
        print_json([row.as_json() for row in rows])
        return
    columns = ("query", "campaign", "crystal", "measure", "state")
    table = (
        (
            str(r.query_id),
            f"{r.campaign} ({r.campaign_state.value})" if r.campaign_state in HALTED_CAMPAIGNS else r.campaign,
            f"{r.formula} {r.space_group}",
            f"{r.fidelity}: {plain(r.quantity)} ({r.unit})",
            f"{r.state.value} by {r.worker}" if r.worker else r.state.value,
        )
        for r in rows
    )
    print_table("Laboratory queue", columns, table, empty="Nothing waits for a laboratory.")


@app.command()
def claim(query: QueryNumber, *, person: Person = "") -> None:
    """Claim a query, so that nobody else makes the same sample."""
    worker = worker_named(person)
    with _store() as store, store.writing():
        claim_laboratory_query(store, query, worker=worker)
        audit(store, "laboratory.claim", f"query {query}", {"worker": worker})
        (asked,) = [row for row in laboratory_queries(store, None, with_stopped=True) if row.query_id == query]
    out = console()
    out.print(f"Query {query} is yours for {LEASE_DAYS} days, {worker}.")
    out.print(f"Make {asked.formula}, {asked.space_group}: {asked.cell}", soft_wrap=True, markup=False)
    if asked.instructions:
        out.print(asked.instructions, soft_wrap=True, markup=False)


@app.command()
def release(query: QueryNumber, *, person: Person = "") -> None:
    """Give a claimed query back to the queue."""
    worker = worker_named(person)
    with _store() as store, store.writing():
        release_laboratory_query(store, query, worker=worker)
        audit(store, "laboratory.release", f"query {query}", {"worker": worker})
    console().print(f"Query {query} waits for somebody else.")


@app.command()
def submit(
    query: QueryNumber,
    value: Value,
    unit: Unit,
    *,
    sigma: Sigma = None,
    below: Below = False,
    above: Above = False,
    temperature: Temperature = None,
    temperature_K: TemperatureK = None,
    note: Note = "",
    confirm: Confirm = False,
    person: Person = "",
) -> None:
    """Submit a measurement. The campaign learns from it in its next round."""
    kelvin = _kelvin(temperature, temperature_K)
    reading = Reading(value, unit, sigma, kelvin, _censoring(below=below, above=above), note)
    worker = worker_named(person)
    with _store() as store, store.writing():
        recorded = record_laboratory_result(store, query, worker=worker, reading=reading, confirmed=confirm)
        details: JsonObject = {"worker": worker, "measurement": recorded.id, "is_confirmed": confirm}
        audit(store, "laboratory.result", f"query {query}", details)
        follows = what_follows(store, store.queries.get(query).campaign_id)
    measured = recorded.measurement
    console().print(
        f"Recorded {measured.value:g} {measured.unit} for query {query} as measurement {recorded.id}. {follows}",
        soft_wrap=True,
    )


@app.command()
def amend(
    measurement: MeasurementNumber,
    value: Annotated[float | None, typer.Argument(help="The right value. Put -- before a negative number.")] = None,
    unit: Annotated[str | None, typer.Argument(help="Its unit; converted where it can be.")] = None,
    *,
    reason: Reason,
    sigma: Sigma = None,
    below: Below = False,
    above: Above = False,
    temperature: Temperature = None,
    temperature_K: TemperatureK = None,
    note: Annotated[str | None, typer.Option(help="Anything worth keeping with the number.")] = None,
    without: Annotated[list[Part] | None, typer.Option(help="What to leave out; may be repeated.")] = None,
    confirm: Confirm = False,
    person: Person = "",
) -> None:
    """Correct a measurement: what is not said stays as it was.

    Both are kept; the campaign learns from the new one, and nothing is charged.
    """
    changes = Changes(
        value=value,
        unit=unit,
        sigma=sigma,
        temperature_K=_kelvin(temperature, temperature_K),
        censoring=_censoring(below=below, above=above) if below or above else None,
        note=note,
        without=frozenset(without or ()),
    )
    worker = worker_named(person)
    with _store() as store, store.writing():
        recorded = amend_laboratory_result(
            store, measurement, worker=worker, changes=changes, reason=reason, confirmed=confirm
        )
        details: JsonObject = {"worker": worker, "becomes": recorded.id, "reason": reason}
        audit(store, "measurement.amend", f"measurement {measurement}", details)
    measured = recorded.measurement
    console().print(f"Measurement {recorded.id}, {measured.value:g} {measured.unit}, replaces {measurement}.")


@app.command("retract")
def take_back(measurement: MeasurementNumber, *, reason: Reason, person: Person = "") -> None:
    """Take a measurement back. It is kept, and no longer learned from."""
    worker = worker_named(person)
    with _store() as store, store.writing():
        retract(store, measurement, reason=reason, worker=worker)
        details: JsonObject = {"worker": worker, "reason": reason}
        audit(store, "measurement.retract", f"measurement {measurement}", details)
    console().print(f"Measurement {measurement} counts no longer.")


@app.command()
def fail(
    query: QueryNumber,
    *,
    reason: Reason,
    kind: Annotated[
        FailureKind,
        typer.Option(
            help="transient: worth another try; permanent: cannot be made or measured; rejected: not even tried."
        ),
    ] = FailureKind.PERMANENT,
    person: Person = "",
) -> None:
    """Say that a crystal could not be made or measured."""
    worker = worker_named(person)
    with _store() as store, store.writing():
        after = record_laboratory_failure(store, query, worker=worker, kind=kind, reason=reason)
        details: JsonObject = {"worker": worker, "kind": kind.value, "reason": reason}
        audit(store, "laboratory.failure", f"query {query}", details)
        follows = what_follows(store, after.campaign_id)
    console().print(f"Query {query} is {after.state.value}. {follows}", soft_wrap=True)


@app.command()
def report(
    campaign: CampaignName,
    fidelity: Annotated[str, typer.Argument(help="Fidelity of the campaign's ladder at which was measured.")],
    value: Value,
    unit: Unit,
    *,
    material: Annotated[int | None, typer.Option(help="Number of the known material; or the crystal itself:")] = None,
    composition: Annotated[str, typer.Option(help="Atoms of the conventional cell, such as Li4Cl4.")] = "",
    space_group: Annotated[int, typer.Option(help="Number of the space group.")] = 0,
    cell: Annotated[str, typer.Option(help="a b c in Å, alpha beta gamma in degrees; a alone for a cube.")] = "",
    sigma: Sigma = None,
    below: Below = False,
    above: Above = False,
    temperature: Temperature = None,
    temperature_K: TemperatureK = None,
    note: Note = "",
    confirm: Confirm = False,
    person: Person = "",
) -> None:
    """Report a measurement that nobody asked for."""
    crystal = material if material is not None else read_crystal(composition, space_group, cell)
    kelvin = _kelvin(temperature, temperature_K)
    reading = Reading(value, unit, sigma, kelvin, _censoring(below=below, above=above), note)
    worker = worker_named(person)
    with _store() as store, store.writing():
        recorded = report_laboratory_result(
            store, campaign, crystal, fidelity=fidelity, worker=worker, reading=reading, confirmed=confirm
        )
        details: JsonObject = {"worker": worker, "outcome": recorded.outcome.value, "fidelity": fidelity}
        audit(store, "measurement.unasked", f"campaign {campaign}", details)
    console().print(f"Recorded. {_OUTCOMES[recorded.outcome]}")


def _store() -> Store:
    return open_store(load_settings(os.environ).store_url)


def _censoring(*, below: bool, above: bool) -> Censoring:
    if below and above:
        raise InvalidValueError("A value cannot be below and above.", remedy="Give --below or --above.")
    if below:
        return Censoring.BELOW
    return Censoring.ABOVE if above else Censoring.NONE


def _kelvin(temperature: str | None, temperature_K: float | None) -> float | None:
    if temperature is None:
        return temperature_K
    if temperature_K is not None:
        raise InvalidValueError("The temperature is given twice.", remedy="Give --temperature or --temperature-K.")
    return read_temperature_K(temperature)
