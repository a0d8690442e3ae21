"""`petalite material order`: ordered choices for a disordered known material."""

import os
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import SpecError
from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json_value
from services.access.principal import local_operator
from services.cli.options import AsJson
from services.cli.output import console, print_json, print_table
from services.dashboard import words
from services.intake import give_choices
from services.settings import load_settings
from services.store import open_store


def order(
    number: Annotated[int, typer.Argument(help="Number of a material.")],
    keep: Annotated[int, typer.Option(min=1, help="Ordered choices at most.")] = 4,
    method: Annotated[str, typer.Option(help="`likely` by charges, or `quasi-random`.")] = "likely",
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    folder: Annotated[Path | None, typer.Option("--out", help="Folder for the choices as CIF files.")] = None,
    candidate: Annotated[
        int | None, typer.Option(help="Crystal of a campaign that is this material, whose sites they are to be.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Put whole atoms on the shared and partly vacant sites of a known material, in the likeliest ways.

    Each way has a weight. Looks at a crystal whose sites they are take their mean, or the likeliest.
    """
    from flows.ordering import order_material
    from oracles.disorder.ordering import OrderingSettings

    if method not in {"likely", "quasi-random"}:
        raise SpecError(f"'{method}' is no way to order a crystal.", remedy="Choose likely or quasi-random.")
    settings = OrderingSettings(keep=keep, method="likely" if method == "likely" else "quasi-random")
    with open_store(load_settings(os.environ).store_url) as store:
        material = store.materials.get(number).material
        ordered = order_material(material, settings, seed=seed)
        if candidate is not None:
            details: JsonObject = {"material": number, "choices": len(ordered.realizations)}
            with store.writing():
                give_choices(store, candidate, material, ordered.blueprint, ordered.realizations)
                store.audit.append(local_operator().name, "candidate.order", f"candidate {candidate}", details)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for place, one in enumerate(ordered.realizations, start=1):
            (folder / f"material-{number}-{place}.cif").write_text(one.cif, encoding="utf-8")
    filling = ordered.orderings.filling
    if as_json:
        choices: list[JsonValue] = [
            {"title": title, "sites": to_json_value(one)}
            for title, one in zip(ordered.titles, ordered.realizations, strict=True)
        ]
        print_json(
            {
                "method": ordered.orderings.method,
                "arrangements": filling.n_arrangements,
                "cells": list(filling.repeats),
                "composition_error": filling.composition_error,
                "left_out": ordered.orderings.left_out,
                "choices": choices,
            }
        )
        return
    rows = [
        (str(place), title, words.share(one.arrangement.weight if one.arrangement else 1.0), str(made.degeneracy))
        for place, (title, one, made) in enumerate(
            zip(ordered.titles, ordered.realizations, ordered.orderings.every, strict=True), start=1
        )
    ]
    print_table("Ordered choices", ("", "crystal", "weight", "alike"), rows, empty="None.")
    console().print(f"[dim]{ordered.realizations[0].method}[/]", soft_wrap=True)
