"""Which potentials can be used on this machine, without loading one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domain.errors import OracleUnavailableError
from domain.trust import MODELS
from oracles.potentials.choice import PotentialChoice
from oracles.potentials.computing import Computing
from oracles.potentials.foundation import DEFAULT, how_to_bring, present_foundations
from oracles.potentials.portable_mace import shipped_names
from oracles.trusted_files import require_guarded, trust_here


@dataclass(frozen=True, slots=True)
class Usability:
    """What can be said of a potential, or of a way to compute it."""

    name: str
    is_usable: bool
    is_required: bool
    """Whether an installation without it is ill."""
    detail: str
    """What is there, or what is missing."""
    remedy: str = ""
    """How to come by it; empty where nothing is missing."""


def survey() -> tuple[Usability, ...]:
    """Looks at CHGNet, MACE with its foundation models, trusted folders, MACE's kernels for GPUs, and GPUs."""
    return (_chgnet(), _mace(), *map(_folder, trust_here().model_folders), _calculators(), _accelerated(), _gpu())


def _chgnet() -> Usability:
    choice = PotentialChoice("chgnet")
    try:
        choice.check()
    except OracleUnavailableError as error:
        return Usability(
            "potential chgnet", is_usable=False, is_required=True, detail=error.problem, remedy=error.remedy
        )
    return Usability("potential chgnet", is_usable=True, is_required=True, detail=choice.name)


def _mace() -> Usability:
    choice = PotentialChoice("mace")
    try:
        choice.check()
    except OracleUnavailableError as error:
        return Usability("potential mace", is_usable=False, is_required=True, detail=error.problem, remedy=error.remedy)
    own, present = f"{', '.join(shipped_names())}; or a checkpoint in a trusted folder", present_foundations()
    if present:
        detail = f"{own}; foundation models here: {', '.join(present)}"
    else:
        detail = (
            f"{own}; no foundation model is here, and mace downloads one where there is a network. Without one, for "
            f"'{DEFAULT}': {how_to_bring(DEFAULT)}"
        )
    return Usability("potential mace", is_usable=True, is_required=True, detail=detail)


def _folder(folder: Path) -> Usability:
    name = f"files in {folder}"
    try:
        real = folder.resolve()
        require_guarded(real, real)
        files = sorted(path.name for path in real.iterdir() if path.is_file()) if real.exists() else []
    except OracleUnavailableError as error:
        return Usability(name, is_usable=False, is_required=True, detail=error.problem, remedy=error.remedy)
    except (OSError, RuntimeError) as error:
        remedy = f"Let this user read it, or take it out of {MODELS}."
        return Usability(name, is_usable=False, is_required=True, detail=f"It cannot be read: {error}.", remedy=remedy)
    detail = f"trusted: {', '.join(files)}" if files else f"trusted; none is there. Others are named by {MODELS}"
    return Usability(name, is_usable=True, is_required=False, detail=detail)


def _calculators() -> Usability:
    allowed = ", ".join(trust_here().calculators) or "none"
    return Usability("calculators by dotted path", is_usable=True, is_required=False, detail=f"allowed: {allowed}")


def _accelerated() -> Usability:
    choice = PotentialChoice("mace", device="cuda", accelerate=True)
    try:
        choice.check()
    except OracleUnavailableError as error:
        return Usability(
            "cuEquivariance (optional)", is_usable=False, is_required=False, detail=error.problem, remedy=error.remedy
        )
    return Usability("cuEquivariance (optional)", is_usable=True, is_required=False, detail="its kernels are installed")


def _gpu() -> Usability:
    try:
        Computing("cuda", "float32", 1).check()
    except OracleUnavailableError as error:
        return Usability(
            "GPU (optional)", is_usable=False, is_required=False, detail=error.problem, remedy=error.remedy
        )
    return Usability(
        "GPU (optional)",
        is_usable=True,
        is_required=False,
        detail="torch is built for it; whether there is a GPU shows at the first look",
    )
