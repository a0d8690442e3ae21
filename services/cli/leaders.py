"""The table of the best crystals, and where a campaign ended."""

from rich.console import Console

from domain.quantity import Quantity
from domain.states import CampaignState, QueryState
from services.cli.output import console, print_table
from services.reports.export import export_campaign
from services.reports.leaders import Leader, believed_target, leaders
from services.reports.spending import burn_down
from services.settings import Settings
from services.store import Store
from services.store.records import CampaignRecord

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
    if record.state is CampaignState.WAITING:
        out.print(_waited_for(store, record))
    out.print(f"More: petalite campaign show {campaign}")


def crystals_written(n_crystals: int) -> str:
    """How many crystals were written as CIF, and why none, where none was."""
    told = f"{n_crystals} CIF {'file' if n_crystals == 1 else 'files'}"
    return told if n_crystals else f"{told}: no look placed atoms; crystals.csv holds the blueprints"


def _waited_for(store: Store, campaign: CampaignRecord) -> str:
    if store.approval.waiting(campaign.id, limit=1):
        return "Somebody must approve what is to be spent: petalite approval list"
    states = frozenset({QueryState.QUEUED, QueryState.CLAIMED})
    asked = {query.fidelity for query in store.queries.list(campaign.id, states=states)}
    if any(campaign.spec.fidelities.fidelity(name).is_laboratory for name in asked):
        return "A laboratory is asked: petalite lab list"
    return "Machines are asked: petalite machine run --help"


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
        console().print(f"[dim]expected: at {target}, ± one standard deviation; paid: for all looks, {unit}[/]")


def _row(place: int, leader: Leader, quantity: Quantity) -> tuple[str, ...]:
    blueprint = leader.candidate.blueprint
    look = leader.best_look
    sigma = look.measurement.sigma
    measured = f"{look.measurement.censoring.value.strip('=')}{quantity.shown(look.measurement.value)}"
    expected = ""
    if leader.expected is not None and leader.expected_sd is not None:
        expected = f"{quantity.shown(leader.expected)} ± {quantity.shown(leader.expected_sd)}"
    return (
        str(place),
        blueprint.composition.reduced_formula,
        f"{blueprint.space_group.symbol} ({blueprint.space_group.number})",
        measured if not sigma else f"{measured} ± {quantity.shown(sigma)}",
        look.fidelity,
        expected,
        f"{leader.paid:g}",
    )
