"""`petalite doctor`: what is installed, what is reachable, and what to do about the rest."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import typer

from domain.errors import PetaliteError
from domain.parsing import to_json_value
from services.cli.options import AsJson
from services.cli.output import print_json, print_table
from services.settings import Settings, load_settings

_PACKAGES = (
    "torch",
    "botorch",
    "gpytorch",
    "prefect",
    "fastapi",
    "sqlalchemy",
    "pymatgen",
    "ase",
    "pyxtal",
    "mace-torch",
    "chgnet",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_well: bool
    detail: str


def doctor(*, as_json: AsJson = False) -> None:
    """Look at this installation: packages, the store, the DFT extra. Exit status 1 if something is wrong."""
    settings = load_settings(os.environ)
    findings = (_python(), *(_package(name) for name in _PACKAGES), _dft(), _store(settings))
    if as_json:
        print_json([to_json_value(finding) for finding in findings])
    else:
        rows = ((f.what, "well" if f.is_well else "LOOK", f.detail) for f in findings)
        print_table("Petalite's health", ("what", "", "detail"), rows, empty="")
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    return Finding("python", is_well=True, detail=f"{platform.python_version()} on {platform.system()}")


def _package(name: str) -> Finding:
    try:
        return Finding(name, is_well=True, detail=version(name))
    except PackageNotFoundError:
        return Finding(name, is_well=False, detail="missing; install Petalite again with constraints.txt")


def _dft() -> Finding:
    if find_spec("gpaw") is None:
        return Finding("gpaw (optional)", is_well=True, detail="not installed; DFT is left out. To have it: make dft")
    return Finding("gpaw (optional)", is_well=True, detail=version("gpaw"))


def _store(settings: Settings) -> Finding:
    from services.store import open_store

    try:
        with open_store(settings.store_url) as store:
            return Finding("store", is_well=True, detail=f"{store.address}, {len(store.campaigns.list())} campaigns")
    except PetaliteError as error:
        return Finding("store", is_well=False, detail=str(error))
