"""Which potentials can be used on this machine, without loading one."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import OracleUnavailableError
from oracles.potentials.choice import PotentialChoice
from oracles.potentials.computing import Computing
from oracles.potentials.foundation import DEFAULT, how_to_bring, present_foundations


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
    """Looks at CHGNet, MACE with its foundation models, MACE's kernels for GPUs, and GPUs."""
    return (_chgnet(), _mace(), _accelerated(), _gpu())


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
    present = present_foundations()
    if present:
        return Usability(
            "potential mace",
            is_usable=True,
            is_required=True,
            detail=f"foundation models here: {', '.join(present)}; or a checkpoint by its path",
        )
    return Usability(
        "potential mace",
        is_usable=True,
        is_required=True,
        detail="a checkpoint by its path; no foundation model is here, and mace downloads one where there is a "
        f"network. Without one, for '{DEFAULT}': {how_to_bring(DEFAULT)}",
    )


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
