"""Foundation models of MACE by name: where each comes from, and where mace looks for it on this machine.

mace has the same table, but importing it switches off safe loading for the whole process; a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from domain.errors import OracleUnavailableError

DEFAULT: Final = "medium-mpa-0"
_MACE_MP: Final = "https://github.com/ACEsuit/mace-mp/releases/download"
_FOUNDATIONS: Final = "https://github.com/ACEsuit/mace-foundations/releases/download"
ADDRESSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "small": f"{_MACE_MP}/mace_mp_0/2023-12-10-mace-128-L0_energy_epoch-249.model",
        "medium": f"{_MACE_MP}/mace_mp_0/2023-12-03-mace-128-L1_epoch-199.model",
        "large": f"{_MACE_MP}/mace_mp_0/MACE_MPtrj_2022.9.model",
        "small-0b": f"{_MACE_MP}/mace_mp_0b/mace_agnesi_small.model",
        "medium-0b": f"{_MACE_MP}/mace_mp_0b/mace_agnesi_medium.model",
        "small-0b2": f"{_MACE_MP}/mace_mp_0b2/mace-small-density-agnesi-stress.model",
        "medium-0b2": f"{_MACE_MP}/mace_mp_0b2/mace-medium-density-agnesi-stress.model",
        "large-0b2": f"{_MACE_MP}/mace_mp_0b2/mace-large-density-agnesi-stress.model",
        "medium-0b3": f"{_MACE_MP}/mace_mp_0b3/mace-mp-0b3-medium.model",
        "medium-mpa-0": f"{_MACE_MP}/mace_mpa_0/mace-mpa-0-medium.model",
        "small-omat-0": f"{_MACE_MP}/mace_omat_0/mace-omat-0-small.model",
        "medium-omat-0": f"{_MACE_MP}/mace_omat_0/mace-omat-0-medium.model",
        "mace-matpes-pbe-0": f"{_FOUNDATIONS}/mace_matpes_0/MACE-matpes-pbe-omat-ft.model",
        "mace-matpes-r2scan-0": f"{_FOUNDATIONS}/mace_matpes_0/MACE-matpes-r2scan-omat-ft.model",
        "mh-0": f"{_FOUNDATIONS}/mace_mh_1/mace-mh-0.model",
        "mh-1": f"{_FOUNDATIONS}/mace_mh_1/mace-mh-1.model",
    }
)


def foundation_path(name: str) -> Path:
    """Where mace keeps a foundation model on this machine, whether it is there or not.

    Raises:
        OracleUnavailableError: If there is no such model.
    """
    if name not in ADDRESSES:
        raise OracleUnavailableError(
            f"MACE has no foundation model '{name}'.",
            remedy=f"Give a file in a trusted folder, whose name ends with .model, or one of {', '.join(ADDRESSES)}.",
        )
    file = ADDRESSES[name].rsplit("/", 1)[1]
    return _cache() / "".join(letter for letter in file if letter.isalnum() or letter == "_")


def fetch_foundation(name: str) -> Path:
    """Lets mace download a foundation model into its cache, where it is not there yet; in a worker process only.

    Raises:
        OracleUnavailableError: If there is no such model, or it cannot be had: with what to fetch and where to put it.
    """
    path = foundation_path(name)
    if path.is_file():
        return path
    from mace.calculators.foundations_models import download_mace_mp_checkpoint

    try:
        return Path(download_mace_mp_checkpoint(name))
    except (OSError, RuntimeError) as error:
        raise OracleUnavailableError(
            f"The weights of the MACE foundation model '{name}' are not on this machine and cannot be downloaded.",
            remedy=how_to_bring(name),
        ) from error


def how_to_bring(name: str) -> str:
    """What to fetch on a machine with a network, and where to put it on this one."""
    return (
        f"Fetch {ADDRESSES[name]} elsewhere and put it here as {foundation_path(name)}, or into a trusted folder with "
        "its name there as 'model'; or use the model petalite-li-1 or chgnet, which need no download."
    )


def present_foundations() -> tuple[str, ...]:
    """Names of the foundation models whose weights are on this machine."""
    return tuple(name for name in ADDRESSES if foundation_path(name).is_file())


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mace"
