"""The table of the best crystals, and where a campaign ended."""

from rich.console import Console

from domain.disorder import disorder_told
from domain.measurement import Measurement
from domain.quantity import Quantity, Scale
from services.cli.output import console, print_table
from services.dashboard import words
from services.reports.export import export_campaign
from services.reports.leaders import Leader, believed_target, leaders
from services.reports.spending import burn_down
from services.reports.waiting import Waiting, waiting
from services.settings import Settings
from services.store import Store

N_SHOWN = 10


def print_outcome(settings: Settings, store: Store, campaign: str) -> None:
    """Prints what a campaign has found, writes its files, and says what shows more."""
    record = store.campaigns.get(campaign)
    print_leaders(store, campaign, N_SHOWN)
    out = console()
    out.print(f"{record.state.value}: {burn_down(store.ledger.balance(record.id))} ({record.spec.budget.unit})")
    export = export_campaign(store, campaign, settings.home / "exports" / campaign)
    out.print(f"Crystals: {export.folder / 'crystals'} ({crystals_written(export.n_crystals)})", soft_wrap=True)
    out.print(f"Best value against money spent: {export.plot}", soft_wrap=True)
    for line in waited_for(waiting(store, record)):
        out.print(line, soft_wrap=True)
    out.print(f"More: petalite campaign show {campaign}")


def crystals_written(n_crystals: int) -> str:
    """How many crystals were written as CIF, and why none, where none was."""
    told = f"{n_crystals} CIF {'file' if n_crystals == 1 else 'files'}"
    return told if n_crystals else f"{told}: no look placed atoms; crystals.csv holds the blueprints"


def waited_for(waits: Waiting) -> list[str]:
    """What the looks wait for that are still open, a line for each with what moves them."""
    counts = (
        (waits.approvals, "for somebody to approve what is to be spent: petalite approval list"),
        (waits.laboratory, "for a laboratory: petalite lab list"),
        (waits.machines, "for a machine: petalite machine run --help"),
    )
    lines = [f"{n} {'look waits' if n == 1 else 'looks wait'} {what}" for n, what in counts if n]
    if waits.under_way:
        lines.append(f"{waits.under_way} {'look is' if waits.under_way == 1 else 'looks are'} under way elsewhere.")
    return lines


def print_busy(campaign: str) -> None:
    """Says that nothing was done because another process is at it."""
    Console(stderr=True).print(
        f"Another process is running {campaign}; nothing was done here. See: petalite campaign show {campaign}"
    )


def print_halted(campaign: str, reason: str) -> None:
    """Says why a campaign has paused itself, and how it goes on."""
    out = Console(stderr=True, highlight=False)
    out.print(f"{reason} Then: petalite run {campaign} --resume", markup=False, soft_wrap=True)


def print_leaders(store: Store, campaign: str, n_shown: int) -> None:
    """Prints the best crystals with their values, who said so, and what that cost."""
    spec = store.campaigns.get(campaign).spec
    measured = spec.objective.measured
    columns = ("", "crystal", "space group", "measured", "by", "expected", "paid")
    ranked = leaders(store, campaign)
    rows = (_row(place, leader, measured) for place, leader in enumerate(ranked[:n_shown], start=1))
    title = f"Best of {len(ranked)} crystals by {measured.name.replace('_', ' ')} ({measured.unit})"
    print_table(title, columns, rows, empty="No crystal has been measured yet.")
    if ranked:
        target, unit = believed_target(store, campaign), spec.budget.unit
        errors = "from where to where with 68 %" if measured.scale is Scale.LOG10 else "± one standard deviation"
        console().print(f"[dim]expected: at {target}, {errors}; paid: for all looks, {unit}[/]")


def _row(place: int, leader: Leader, quantity: Quantity) -> tuple[str, ...]:
    blueprint = leader.candidate.blueprint
    look = leader.best_look
    return (
        str(place),
        blueprint.composition.reduced_formula + (" (ordered)" if disorder_told(look.measurement.details) else ""),
        f"{blueprint.space_group.symbol} ({blueprint.space_group.number})",
        _measured(look.measurement, quantity),
        look.fidelity,
        _expected(leader, quantity),
        f"{leader.paid:g}",
    )


def _measured(found: Measurement, quantity: Quantity) -> str:
    if quantity.scale is Scale.LOG10:
        return words.measured(found, with_unit=False)
    shown = f"{found.censoring.value.strip('=')}{quantity.shown(found.value)}"
    return shown if not found.sigma else f"{shown} ± {quantity.shown(found.sigma)}"


def _expected(leader: Leader, quantity: Quantity) -> str:
    if leader.expected is None or leader.expected_sd is None:
        return ""
    if quantity.scale is Scale.LOG10:
        return words.believed(leader.expected, "", sd=leader.expected_sd, scale=quantity.scale)
    return f"{quantity.shown(leader.expected)} ± {quantity.shown(leader.expected_sd)}"
