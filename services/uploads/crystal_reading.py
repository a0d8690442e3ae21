"""Crystals from CIF, in the process that reads foreign files: plain numbers come out, or the reason why not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from domain.errors import PetaliteError, UnreadableFileError
from domain.json_value import JsonObject, JsonValue

if TYPE_CHECKING:
    from pymatgen.core import Structure

_MOST_SITES: Final = 5_000
_VOLUME_PER_SITE_A3: Final = (0.5, 1_000.0)
_CLOSEST_A: Final = 0.6
"""Two atoms that are both there are never nearer than this: even H2 is 0.74 Å."""
_FULL: Final = 0.95
"""Occupancy from which a site counts as never vacant."""
_SHARED: Final = 1.05
"""Sites whose occupancies add up to less need not be occupied at the same time."""
_SYMMETRY_TOLERANCE_A: Final = 0.01
_OCCUPANCY_TOLERANCE: Final = 1.05


def read_cif(text: str) -> JsonObject:
    """Reads the one crystal of a CIF that was looked over before.

    Returns:
        Amounts by symbol, sites, space group, the blueprint where every site has one element, and remarks.

    Raises:
        UnreadableFileError: If it is no crystal that can be.
    """
    structure = _structure(text)
    _require_possible(structure)
    remarks: list[str] = []
    _remark_close_sites(structure, remarks)
    number = _group_number(structure)
    if not structure.is_ordered:
        remarks.append("Sites are shared or partly vacant: kept as they are, without a blueprint.")
    blueprint = _blueprint(structure, remarks) if structure.is_ordered and number is not None else None
    return {
        "amounts": {symbol: round(amount, 6) for symbol, amount in _amounts(structure).items()},
        "structure": {
            "lattice_vectors": [[float(x) for x in vector] for vector in structure.lattice.matrix],
            "sites": [
                {
                    "occupation": {"shares": sorted([symbol, share] for symbol, share in _shares(site).items())},
                    "fractional": [float(x) for x in site.frac_coords],
                }
                for site in structure
            ],
        },
        "space_group": number,
        "blueprint": blueprint,
        "is_ordered": bool(structure.is_ordered),
        "remarks": remarks,
    }


def _structure(text: str) -> Structure:
    from pymatgen.io.cif import CifParser

    found = CifParser.from_str(text, occupancy_tolerance=_OCCUPANCY_TOLERANCE).parse_structures(primitive=False)
    if len(found) != 1:
        raise UnreadableFileError(f"The CIF holds {len(found)} crystals.", remedy="Hand in one file for each.")
    structure: Structure = found[0]
    return structure


def _require_possible(structure: Structure) -> None:
    """Parsers accept cells of nan, 1e9 Å or no volume; nothing behind this may see them."""
    numbers = [*structure.lattice.matrix.ravel().tolist(), *structure.frac_coords.ravel().tolist()]
    if not all(math.isfinite(number) for number in numbers):
        raise UnreadableFileError("The cell or a coordinate is not finite.", remedy="Correct the CIF.")
    if not 1 <= len(structure) <= _MOST_SITES:
        raise UnreadableFileError(
            f"The cell has {len(structure)} sites; at most {_MOST_SITES} are kept.",
            remedy="Give the conventional cell.",
        )
    volume = structure.volume / len(structure)
    low, high = _VOLUME_PER_SITE_A3
    if not low <= volume <= high:
        raise UnreadableFileError(
            f"The cell has {volume:.3g} Å³ for each site; {low:g} to {high:g} were expected.",
            remedy="Check the cell lengths; they are in Å.",
        )


def _remark_close_sites(structure: Structure, remarks: list[str]) -> None:
    """Refuses atoms inside each other; sites that are partly vacant may be that near, and often are."""
    first, second, _, distance = structure.get_neighbor_list(_CLOSEST_A, exclude_self=True)
    occupancies = [site.species.num_atoms for site in structure]
    for i, j, length in zip(first, second, distance, strict=True):
        if min(occupancies[i], occupancies[j]) > _FULL:
            raise UnreadableFileError(
                f"Two atoms are {length:.2f} Å apart; at least {_CLOSEST_A} Å was expected.",
                remedy="Check the cell, the coordinates and the symmetry operations.",
            )
    if any(occupancies[i] + occupancies[j] > _SHARED for i, j in zip(first, second, strict=True)):
        remarks.append(f"Sites less than {_CLOSEST_A} Å apart have occupancies of more than 1 together.")


def _shares(site: object) -> dict[str, float]:
    """Share of each element in a site, charges and isotopes left out."""
    shares: dict[str, float] = {}
    for species, share in site.species.items():  # type: ignore[attr-defined] # pymatgen is not typed for us
        symbol = "H" if species.symbol in {"D", "T"} else str(species.symbol)
        shares[symbol] = shares.get(symbol, 0.0) + float(share)
    return {symbol: round(min(share, 1.0), 6) for symbol, share in shares.items()}


def _amounts(structure: Structure) -> dict[str, float]:
    amounts: dict[str, float] = {}
    for site in structure:
        for symbol, share in _shares(site).items():
            amounts[symbol] = amounts.get(symbol, 0.0) + share
    return dict(sorted(amounts.items()))


def _group_number(structure: Structure) -> int | None:
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer, SymmetryUndeterminedError

    try:
        return int(SpacegroupAnalyzer(structure, symprec=_SYMMETRY_TOLERANCE_A).get_space_group_number())
    except SymmetryUndeterminedError:
        return None


def _blueprint(structure: Structure, remarks: list[str]) -> JsonValue:
    """The conventional cell in the standard setting, its equalities made exact."""
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    from domain.blueprint import Blueprint
    from domain.composition import Composition
    from domain.parsing import to_json_value
    from domain.space_groups import SpaceGroup
    from services.uploads.cells import exact_cell

    analyzer = SpacegroupAnalyzer(structure, symprec=_SYMMETRY_TOLERANCE_A)
    refined = analyzer.get_refined_structure()
    group = SpaceGroup(analyzer.get_space_group_number())
    counts = {symbol: round(amount) for symbol, amount in _amounts(refined).items()}
    try:
        lattice = exact_cell(group.cell_shape, refined.lattice.abc, refined.lattice.angles)
        return to_json_value(Blueprint(group, Composition.of(counts), lattice))
    except PetaliteError as error:
        remarks.append(f"It has no blueprint: {error.problem}")
        return None
