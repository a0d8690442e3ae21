"""OBELiX's training files: ordered crystals of lithium conductors with their measured conductivity."""

import csv
import io
import math
import tarfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from domain.blueprint import Blueprint, Realization
from domain.errors import PetaliteError
from domain.structure import Structure
from oracles.disorder.ordering import OrderingSettings, order
from oracles.disorder.reading import read_cif
from oracles.disorder.realizing import realization_of

_MEASURED: Final = "Ionic conductivity (S cm-1)"
_WHOLE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Conductor:
    """A crystal that somebody made and measured."""

    identifier: str
    log10_S_per_cm: float
    """At room temperature."""
    blueprint: Blueprint
    sites: Realization
    """As published; for the rungs they count as relaxed, so that all look at the same ones."""

    @property
    def formula(self) -> str:
        """Reduced."""
        return self.blueprint.composition.reduced_formula


def conductors(folder: Path, *, n_materials: int, max_atoms: int) -> tuple[Conductor, ...]:
    """The smallest cells, one of each formula.

    Args:
        folder: With `train.csv` and `train_cifs.tar.gz`.
        n_materials: How many.
        max_atoms: Most atoms in the primitive cell.
    """
    rows = {row["ID"]: row for row in _rows(folder / "train.csv")}
    found: dict[str, tuple[int, Conductor]] = {}
    for identifier, structure in _structures(folder / "train_cifs.tar.gz"):
        conductivity = _number(rows.get(identifier, {}).get(_MEASURED, ""))
        if conductivity is None or not _is_ordered(structure) or len(structure.sites) > max_atoms:
            continue
        try:
            one = _conductor(identifier, structure, conductivity)
        except PetaliteError:
            continue  # overlapping atoms, or a composition that no charges balance
        size = len(structure.sites)
        if one.formula not in found or size < found[one.formula][0]:
            found[one.formula] = size, one
    smallest = sorted(found.values(), key=lambda sized: (sized[0], sized[1].identifier))
    return tuple(one for _, one in smallest[:n_materials])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _structures(path: Path) -> Iterator[tuple[str, Structure]]:
    with tarfile.open(path) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            file = archive.extractfile(member) if member.name.endswith(".cif") else None
            if file is None:
                continue
            try:
                yield Path(member.name).stem, read_cif(io.TextIOWrapper(file, encoding="utf-8").read())
            except PetaliteError:
                continue  # files without sites


def _is_ordered(structure: Structure) -> bool:
    shares = (share for site in structure.sites for _, share in site.occupation.shares)
    return all(len(site.occupation.shares) == 1 for site in structure.sites) and all(
        abs(share - 1) < _WHOLE for share in shares
    )


def _number(text: str) -> float | None:
    """log10 of a conductivity; None for bounds and what is missing."""
    try:
        value = float(text)
    except ValueError:
        return None
    return math.log10(value) if value > 0 else None


def _conductor(identifier: str, structure: Structure, log10_S_per_cm: float) -> Conductor:
    among = order(structure, OrderingSettings(keep=1), rng=np.random.default_rng(0))
    blueprint, sites = realization_of(among.every[0], among, seed=0)
    published = replace(sites, energy_eV_per_atom=0.0, ranked_by="nature", is_relaxed=True, method="as published")
    return Conductor(identifier, log10_S_per_cm, blueprint, published)
