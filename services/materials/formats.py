"""A structure in the formats that other programs read, written without any of them."""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import groupby
from types import MappingProxyType
from typing import Final

from domain.blueprint import Realization
from domain.errors import InvalidValueError
from domain.json_value import JsonValue
from domain.material import KnownMaterial
from domain.structure import Site, Structure
from services.materials.plain_cif import read_plain_cif


class StructureFormat(StrEnum):
    """How a structure can be taken away."""

    CIF = "cif"
    POSCAR = "poscar"
    EXTXYZ = "extxyz"
    MSON = "mson"
    """What pymatgen reads back."""


MEDIA_TYPES: Final[Mapping[StructureFormat, str]] = MappingProxyType(
    {
        StructureFormat.CIF: "chemical/x-cif",
        StructureFormat.POSCAR: "text/plain",
        StructureFormat.EXTXYZ: "chemical/x-xyz",
        StructureFormat.MSON: "application/json",
    }
)


def write_structure(structure: Structure, wanted: StructureFormat, *, title: str) -> str:
    """Writes a structure as text, numbers to 1e-8.

    Args:
        structure: What to write.
        wanted: In which format.
        title: One line for people, where the format has room for one.

    Raises:
        InvalidValueError: If sites are shared and the format cannot say so.
    """
    return _WRITERS[wanted](structure, " ".join(title.split()))


def write_material(material: KnownMaterial, wanted: StructureFormat) -> str:
    """Writes a known material; as CIF the very file that it came in, where it came in one.

    Raises:
        InvalidValueError: If its sites are not known, or are shared and the format cannot say so.
    """
    if wanted is StructureFormat.CIF and material.cif is not None:
        return material.cif
    if material.structure is None:
        raise InvalidValueError(
            f"The sites of {material.source_id} are not known.", remedy="Take its blueprint instead."
        )
    return write_structure(material.structure, wanted, title=f"{material.formula}, {material.source_id}")


def write_realization(realization: Realization, wanted: StructureFormat, *, title: str) -> str:
    """Writes a realization; as CIF the very text that was recorded.

    Raises:
        InvalidValueError: If its CIF was handed in with a symmetry that has to be worked out.
    """
    if wanted is StructureFormat.CIF:
        return realization.cif
    return write_structure(read_plain_cif(realization.cif), wanted, title=title)


def _cif(structure: Structure, title: str) -> str:
    lines = [
        f"# {title}",
        "data_structure",
        *(f"_cell_length_{name} {length:.8f}" for name, length in zip("abc", structure.lengths_A, strict=True)),
        *(
            f"_cell_angle_{name} {angle:.8f}"
            for name, angle in zip(("alpha", "beta", "gamma"), structure.angles, strict=True)
        ),
        "_space_group_name_H-M_alt 'P 1'",
        "_space_group_IT_number 1",
        "loop_",
        "_space_group_symop_operation_xyz",
        "'x, y, z'",
        "loop_",
        *(f"_atom_site_{name}" for name in ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")),
    ]
    for number, site in enumerate(structure.sites, start=1):
        place = " ".join(f"{x:.8f}" for x in site.fractional)
        lines += [f"{symbol}{number} {symbol} {place} {share:g}" for symbol, share in site.occupation.shares]
    return "\n".join(lines) + "\n"


def _poscar(structure: Structure, title: str) -> str:
    _require_ordered(structure, StructureFormat.POSCAR)
    runs = [(symbol, list(sites)) for symbol, sites in groupby(sorted(structure.sites, key=_symbol), key=_symbol)]
    lines = [
        title,
        "1.0",
        *(" ".join(f"{x:.8f}" for x in vector) for vector in structure.lattice_vectors),
        " ".join(symbol for symbol, _ in runs),
        " ".join(str(len(sites)) for _, sites in runs),
        "Direct",
        *(f"{_numbers(site.fractional)} {symbol}" for symbol, sites in runs for site in sites),
    ]
    return "\n".join(lines) + "\n"


def _extxyz(structure: Structure, title: str) -> str:
    _require_ordered(structure, StructureFormat.EXTXYZ)
    cell = " ".join(f"{x:.8f}" for vector in structure.lattice_vectors for x in vector)
    quoted = title.replace("\\", "").replace('"', "'")
    lines = [
        str(len(structure.sites)),
        f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T" title="{quoted}"',
        *(f"{_symbol(site)} {_numbers(structure.cartesian(site))}" for site in structure.sites),
    ]
    return "\n".join(lines) + "\n"


def _mson(structure: Structure, title: str) -> str:
    sites: list[JsonValue] = [
        {
            "species": [{"element": symbol, "occu": share} for symbol, share in site.occupation.shares],
            "abc": list(site.fractional),
            "xyz": list(structure.cartesian(site)),
            "properties": {},
            "label": "/".join(symbol for symbol, _ in site.occupation.shares),
        }
        for site in structure.sites
    ]
    document: JsonValue = {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": 0,
        "lattice": {"matrix": [list(vector) for vector in structure.lattice_vectors], "pbc": [True, True, True]},
        "properties": {"title": title},
        "sites": sites,
    }
    return json.dumps(document, allow_nan=False) + "\n"


_WRITERS: Final[Mapping[StructureFormat, Callable[[Structure, str], str]]] = MappingProxyType(
    {
        StructureFormat.CIF: _cif,
        StructureFormat.POSCAR: _poscar,
        StructureFormat.EXTXYZ: _extxyz,
        StructureFormat.MSON: _mson,
    }
)


def _require_ordered(structure: Structure, wanted: StructureFormat) -> None:
    if not structure.is_ordered:
        raise InvalidValueError(
            f"Sites of this structure are shared or partly vacant, which {wanted.value} cannot say.",
            remedy=f"Take it as {StructureFormat.CIF.value} or {StructureFormat.MSON.value}.",
        )


def _symbol(site: Site) -> str:
    return site.occupation.shares[0][0]


def _numbers(vector: tuple[float, float, float]) -> str:
    return " ".join(f"{x:.8f}" for x in vector)
