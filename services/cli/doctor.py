"""`petalite doctor`: what is installed, what is reachable, what is misconfigured, and what to do about it."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from random import Random
from typing import Annotated, Final

import typer

from domain.parsing import to_json_value
from oracles.potentials import Usability, survey
from services.cli.options import AsJson
from services.cli.output import print_json, print_table
from services.health import Finding, examine
from services.settings import load_settings

_PACKAGES: Final = (
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


def doctor(
    *,
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Read every file that was handed in, not only some of them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at this installation: packages, store, folders, Prefect, workers, notifications. Exit status 1 if ill."""
    settings = load_settings(os.environ)
    examined = examine(settings, os.environ, Random(), reads_all_files=artifacts)  # noqa: S311 - no secret
    findings = (_python(), *(_package(name) for name in _PACKAGES), _dft(), *_potentials(), *examined)
    if as_json:
        print_json([to_json_value(finding) for finding in findings])
    else:
        rows = (
            (f.what, "well" if f.is_well else "LOOK", f.detail if f.is_well else f"{f.detail} {f.remedy}")
            for f in findings
        )
        print_table("Petalite's health", ("what", "", "detail"), rows, empty="")
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


def _python() -> Finding:
    return Finding("python", is_well=True, detail=f"{platform.python_version()} on {platform.system()}")


def _package(name: str) -> Finding:
    try:
        return Finding(name, is_well=True, detail=version(name))
    except PackageNotFoundError:
        return Finding(name, is_well=False, detail="missing.", remedy="Install Petalite again with constraints.txt.")


def _dft() -> Finding:
    if find_spec("gpaw") is None:
        return Finding("gpaw (optional)", is_well=True, detail="not installed; DFT is left out. To have it: make dft")
    return Finding("gpaw (optional)", is_well=True, detail=version("gpaw"))


def _potentials() -> tuple[Finding, ...]:
    return tuple(_potential(one) for one in survey())


def _potential(one: Usability) -> Finding:
    if one.is_usable or one.is_required:
        return Finding(one.name, is_well=one.is_usable, detail=one.detail, remedy=one.remedy)
    return Finding(one.name, is_well=True, detail=f"left out. {one.detail} {one.remedy}")
