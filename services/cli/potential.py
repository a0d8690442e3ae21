"""`petalite potential`: potentials of one's own, from crystals and a teacher."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from domain.digest import derive_seed
from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonObject, JsonValue
from domain.trust import read_trust
from oracles.potentials.converting import run_conversion
from oracles.potentials.distillation.stages import (
    Stage,
    Workplace,
    explore,
    label_all,
    prepare,
    recipe_named,
    train_student,
    write_card,
)
from oracles.potentials.distillation.written_card import written_card
from oracles.potentials.fine_tuning import FineTuningRequest, run_fine_tuning
from oracles.potentials.portable import FOLDER, PortableNetwork, read_portable, weights_path
from oracles.potentials.portable_mace import portable_path
from oracles.trusted_files import trusted_file
from services.cli.options import AsJson
from services.cli.output import console, print_json, print_table
from services.cli.potential_energies import energies_of
from services.settings import load_settings
from services.store import open_store

app = typer.Typer(help="Potentials of one's own: train, list, read the card, convert.", no_args_is_help=True)

_TEACHER = Path(".venv-teacher/bin/python")
Into = Annotated[Path | None, typer.Option(help="Folder of the files; the first trusted one by default.")]


@app.command("train")
def train(
    cifs: Annotated[Path, typer.Option(help="Folder or tar archive of CIFs; disordered ones are ordered.")],
    table: Annotated[Path | None, typer.Option(help="CSV with the columns ID and Family, such as OBELiX's.")] = None,
    recipe: Annotated[str, typer.Option(help="Name of a recipe of Petalite's, or a YAML file.")] = "petalite-li-1",
    folder: Annotated[Path | None, typer.Option(help="Where the work is kept.")] = None,
    stage: Annotated[list[Stage] | None, typer.Option(help="Only this stage; may be repeated. All by default.")] = None,
    teacher_python: Annotated[Path, typer.Option(help="Python of the environment with SevenNet.")] = _TEACHER,
    *,
    install: Annotated[bool, typer.Option("--install", help="Put it into the first trusted folder.")] = False,
) -> None:
    """Make a small potential: prepare, label, explore, train, card. Each stage goes on where it was stopped."""
    recipe_path = recipe_named(recipe)
    home = load_settings(os.environ).home
    work = Workplace.opened(
        folder or home / "potentials" / recipe_path.stem, recipe_path, teacher_python=teacher_python
    )
    wanted = tuple(stage or Stage)
    if Stage.PREPARE in wanted:
        prepare(work, cifs, table, report=_said)
    if Stage.LABEL in wanted:
        label_all(work, report=_said)
    if Stage.EXPLORE in wanted:
        explore(work, report=_said)
    if Stage.TRAIN in wanted:
        train_student(work, report=_said)
    if Stage.CARD in wanted:
        path = write_card(work, command=_command(recipe, cifs, table), report=_said)
        _tell(_installed(path, None) if install else path)


@app.command("list")
def list_potentials(*, as_json: AsJson = False) -> None:
    """List the networks that can be used without a network connection: Petalite's own, and those in trusted folders."""
    found = _all_networks()
    if as_json:
        print_json([_row(name, network) for name, network in found.items()])
        return
    rows = (
        (name, ", ".join(network.architecture.elements), network.licence, network.weights_sha256[:16])
        for name, network in found.items()
    )
    print_table(
        "Potentials without pickle",
        ("model", "elements", "licence", "sha256"),
        rows,
        empty="There is none. Train one: petalite potential train --help",
    )


@app.command("card")
def card(
    name: Annotated[str, typer.Argument(help="As `petalite potential list` names it.")], *, as_json: AsJson = False
) -> None:
    """Show a network's card: data, licence, errors on unseen chemistry, speed, and where it must not be used."""
    found = _all_networks()
    if name not in found:
        raise NotFoundError(
            f"There is no potential '{name}'.", remedy=f"Name one of {', '.join(found) or 'none: train one first'}."
        )
    if as_json:
        print_json(_row(name, found[name]))
        return
    sys.stdout.write(written_card(found[name]))


@app.command("convert")
def convert(
    checkpoint: Annotated[str, typer.Argument(help="A trainer's checkpoint in a trusted folder.")],
    name: Annotated[str, typer.Option(help="Name of the network.")],
    licence: Annotated[str, typer.Option(help="Of its weights.")],
    into: Into = None,
) -> None:
    """Write a checkpoint of mace's trainer as weights without pickle, and check that it still answers the same."""
    trust = read_trust(os.environ)
    path = trusted_file(checkpoint, trust)
    if not path.is_file():
        raise NotFoundError(f"There is no checkpoint at {path}.", remedy="Put it there, or correct the path.")
    with tempfile.TemporaryDirectory() as scratch:
        card: JsonObject = {"source": f"the checkpoint {path.name}"}
        run_conversion(path, Path(scratch), name=name, licence=licence, card=card, report=_said)
        _tell(_installed(Path(scratch) / f"{name}.json", into))


@app.command("fine-tune")
def fine_tune(
    campaign: Annotated[str, typer.Option(help="Whose results are learned from.")],
    fidelity: Annotated[str | None, typer.Option(help="Which of its fidelities; its target by default.")] = None,
    model: Annotated[str, typer.Option(help="What is continued, as `list` names it.")] = "petalite-li-1",
    name: Annotated[str | None, typer.Option(help="Of what comes of it; model and campaign by default.")] = None,
    into: Into = None,
) -> None:
    """Continue a network on the energies that a campaign's DFT found.

    Learned from are energies of the crystals as they stand in the store; forces are not kept there, so the network's
    own hold the landscape in between.
    """
    settings = load_settings(os.environ)
    with open_store(settings.store_url) as store:
        found, source = energies_of(store, campaign, fidelity)
    continued = portable_path(model)
    with tempfile.TemporaryDirectory() as scratch:
        called = name or f"{continued.stem}-{campaign}"
        request = FineTuningRequest(
            str(continued), scratch, called, seed=derive_seed(model, campaign), source=source, energies=found
        )
        run_fine_tuning(request, report=_said)
        _tell(_installed(Path(scratch) / f"{called}.json", into))


def _all_networks() -> dict[str, PortableNetwork]:
    """Those that can be read, by the name that a spec gives as `model`."""
    own = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
    trusted = {
        path.name: path
        for folder in read_trust(os.environ).model_folders
        if folder.is_dir()
        for path in sorted(folder.glob("*.json"))
        if weights_path(path).is_file()
    }
    return {name: read_portable(path) for name, path in {**trusted, **own}.items()}


def _row(name: str, network: PortableNetwork) -> JsonValue:
    return {
        "model": name,
        "elements": list(network.architecture.elements),
        "licence": network.licence,
        "sha256": network.weights_sha256,
        "card": dict(network.card),
    }


def _installed(path: Path, into: Path | None) -> Path:
    """Copies both files of a network to where specs may name it."""
    folders = (into,) if into is not None else read_trust(os.environ).model_folders
    if not folders:
        raise InvalidValueError("No folder is trusted on this machine.", remedy="Name one in PETALITE_MODELS.")
    folders[0].mkdir(parents=True, exist_ok=True)
    # The numbers first: a description never stands without them.
    for file in (weights_path(path), path):
        shutil.copyfile(file, folders[0] / file.name)
    return folders[0] / path.name


def _tell(path: Path) -> None:
    console().print(f"Written {path}, with its weights beside it.", soft_wrap=True)
    console().print(f"Use it with 'potential: mace, model: {path.name}' from a trusted folder.", soft_wrap=True)


def _said(line: str) -> None:
    if line:
        console().print(line, markup=False, soft_wrap=True)


def _command(recipe: str, cifs: Path, table: Path | None) -> str:
    """What makes the potential again, without the folders of this machine."""
    told = f" --table {table.name}" if table is not None else ""
    return f"petalite potential train --recipe {Path(recipe).name} --cifs {cifs.name}{told}"
