"""Energies above the hull: what a campaign's crystals fall apart into, and looks at known materials to know it."""

import os
from itertools import islice
from typing import Annotated

import typer

from domain.json_value import JsonObject
from domain.parsing import to_json_object
from services.access.principal import local_operator
from services.cli.options import AsJson, CampaignName
from services.cli.output import console, print_json, print_table
from services.dashboard import words
from services.materials.stability import HullDistance, Stability, stability
from services.reports.leaders import Leader, leaders
from services.settings import load_settings
from services.store import Store, open_store
from services.store.materials import MaterialFilter


def hull(
    name: CampaignName,
    n_shown: Annotated[int, typer.Option("--top", min=1, help="How many of the best crystals.")] = 10,
    *,
    as_json: AsJson = False,
) -> None:
    """Show how far the best crystals of a campaign are above the convex hull, and what they fall apart into.

    Only formation energies by the same oracle, version and settings are compared. Known materials get one by
    `petalite material look`.
    """
    with open_store(load_settings(os.environ).store_url) as store:
        found = [(leader, _stability(store, leader)) for leader in leaders(store, name)[:n_shown]]
    if as_json:
        print_json(
            [
                {"candidate": leader.candidate.id, "title": leader.candidate.blueprint.title, **to_json_object(told)}
                for leader, told in found
            ]
        )
        return
    rows = [_row(leader, told.by_look[-1]) for leader, told in found if told.by_look]
    columns = ("crystal", "fidelity", "above the hull", "of phases", "falls apart into")
    empty = "No formation energy of its crystals was measured, so none can be held against the hull."
    print_table("Energy above the hull (eV/atom)", columns, rows, empty=empty)


def look(
    name: CampaignName,
    fidelity: Annotated[str, typer.Argument(help="A computed fidelity of its ladder.")],
    element: Annotated[
        list[str] | None, typer.Option(help="Element that a material contains; may be repeated.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Collection that it comes from.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many looks at most.")] = 50,
    disordered: Annotated[
        int | None, typer.Option(min=1, help="Disordered ones too, by this many ordered choices of each.")
    ] = None,
) -> None:
    """Look at known materials with a campaign's own oracle, charged to nobody, so that hulls know their energies.

    Materials of the campaign's elements with whole atoms on their sites. Those that have a value are left alone, so
    that repeating it goes on, and so are crystals that the campaign asks about itself. It learns from the values as
    from its own, but for those of disordered materials, which only hulls know: a surrogate learns of blueprints.
    """
    from flows.known_phases import look_at_materials, unseen_materials
    from flows.workplace import Workplace
    from oracles.disorder.ordering import OrderingSettings

    settings = load_settings(os.environ)
    wanted = MaterialFilter(elements=frozenset(element or ()), source=source)
    n_answered = n_refused = 0
    with open_store(settings.store_url) as store:
        workplace = Workplace(settings, store, store.campaigns.get(name), local_operator().name)
        unseen = unseen_materials(workplace, fidelity, wanted, with_disorder=disordered is not None)
        found = tuple(islice(unseen, limit))
        for one in look_at_materials(workplace, fidelity, found, ordering=OrderingSettings(keep=disordered or 1)):
            n_answered, n_refused = n_answered + (one.value is not None), n_refused + (one.value is None)
            told = one.reason if one.value is None else f"{one.value:.4f}"
            console().print(f"{one.material_id} {one.title}: {told}", markup=False, soft_wrap=True)
        details: JsonObject = {"campaign": name, "fidelity": fidelity, "answered": n_answered, "refused": n_refused}
        store.audit.append(local_operator().name, "material.look", f"campaign {name}", details)
    if not found:
        console().print("No known material of its elements is without a value. Import some: petalite material import")


def _stability(store: Store, leader: Leader) -> Stability:
    return stability(store, leader.candidate.id, leader.candidate.blueprint, groups=None)


def _row(leader: Leader, distance: HullDistance) -> tuple[str, ...]:
    return (
        leader.candidate.blueprint.title,
        distance.fidelity,
        words.quantity(distance.above_hull_eV_per_atom, "", sigma=distance.sigma, censoring=distance.censoring),
        str(distance.n_phases),
        ", ".join(f"{part.formula} {words.share(part.share)}" for part in distance.decomposition),
    )
