"""Known materials from one's own files: CIF, POSCAR, extxyz, and answers of OPTIMADE providers.

pymatgen and ASE do the reading, so this is for files of whoever runs the command; foreign ones go through
`services.uploads`, which reads them in a process with limits.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from domain.errors import InvalidValueError, PetaliteError, UnreadableFileError
from domain.json_value import JsonValue
from domain.material import KnownMaterial
from domain.structure import Occupation, Site, Structure, Vector
from services.materials.optimade_entry import material_from_optimade
from services.materials.symmetry import known_material
from services.store.database import storable

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Species
    from pymatgen.core import Structure as PymatgenStructure

_BAD_FILE: Final = (
    PetaliteError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)
"""What parsers, and ours, raise on files that they cannot read."""
_OCCUPANCY_TOLERANCE: Final = 1.01
"""Published shares of a site are rounded, and add up to a little more than 1."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of one crystal in a file: a material, or why there is none."""

    name: str
    """The file, and the place in it where it holds several."""
    material: KnownMaterial | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Unread:
    """One of several crystals in a file that could not be read."""

    where: str
    problem: str


def read_materials(path: Path, *, source: str) -> Iterator[Reading]:
    """Reads a file, or every file that can be read in a folder and its folders.

    Args:
        path: A file or a folder.
        source: What to call the collection.

    Raises:
        UnreadableFileError: If there is no such file, or no file that could be read.
    """
    if path.is_dir():
        files = sorted(found for found in path.rglob("*") if found.is_file() and _reader(found) is not None)
        if not files:
            raise UnreadableFileError(f"{path} holds no {_known()}.", remedy="Give another folder.")
        for file in files:
            yield from _read(file, str(file.relative_to(path)), source)
        return
    if not path.is_file():
        raise UnreadableFileError(f"There is no file {path}.", remedy="Check the path.")
    if _reader(path) is None:
        raise UnreadableFileError(f"{path.name} is no {_known()}.", remedy="Give it the ending of its format.")
    yield from _read(path, path.name, source)


def structure_from_pymatgen(found: PymatgenStructure) -> Structure:
    """Takes a structure over from pymatgen, shared sites as they are.

    Raises:
        InvalidValueError: If its cell or its sites are impossible.
    """
    a, b, c = (_vector(row) for row in found.lattice.matrix.tolist())
    return Structure((a, b, c), tuple(Site(_occupation(site.species), _vector(site.frac_coords)) for site in found))


def structure_from_ase(atoms: Atoms) -> Structure:
    """Takes a structure over from ASE.

    Raises:
        InvalidValueError: If its cell or its sites are impossible.
    """
    a, b, c = (_vector(row) for row in atoms.cell[:].tolist())
    places = atoms.get_scaled_positions(wrap=False).tolist()
    return Structure(
        (a, b, c),
        tuple(
            Site(Occupation.of({symbol: 1.0}), _vector(place))
            for symbol, place in zip(atoms.get_chemical_symbols(), places, strict=True)
        ),
    )


def _read(file: Path, name: str, source: str) -> tuple[Reading, ...]:
    reader = _reader(file)
    if reader is None:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = str(storable(file.read_text(encoding="utf-8", errors="replace")))
            found = reader(text, name, source)
    except _BAD_FILE as error:
        return (Reading(name, None, _reason(error)),)
    return tuple(
        Reading(
            name if len(found) == 1 else f"{name}: {one.source_id if isinstance(one, KnownMaterial) else one.where}",
            one if isinstance(one, KnownMaterial) else None,
            None if isinstance(one, KnownMaterial) else one.problem,
        )
        for one in found
    )


def _reason(error: Exception) -> str:
    """Why something cannot be read, in one line."""
    if isinstance(error, PetaliteError):
        return str(error)
    return f"It cannot be read: {' '.join(str(error).split()) or type(error).__name__}"


def _cif(text: str, name: str, source: str) -> list[KnownMaterial]:
    from pymatgen.io.cif import CifParser

    parser = CifParser.from_str(text, occupancy_tolerance=_OCCUPANCY_TOLERANCE)
    found = parser.parse_structures(primitive=False, check_occu=True)
    return [
        known_material(
            structure_from_pymatgen(structure),
            source=source,
            source_id=_stem(name) if len(found) == 1 else f"{_stem(name)}#{number}",
            cif=text if len(found) == 1 else None,
        )
        for number, structure in enumerate(found, start=1)
    ]


def _poscar(text: str, name: str, source: str) -> list[KnownMaterial]:
    from pymatgen.io.vasp import Poscar

    found = Poscar.from_str(text).structure
    return [known_material(structure_from_pymatgen(found), source=source, source_id=_stem(name))]


def _extxyz(text: str, name: str, source: str) -> list[KnownMaterial]:
    import io

    from ase.io import read

    frames = read(io.StringIO(text), index=":", format="extxyz")
    return [
        known_material(
            structure_from_ase(atoms),
            source=source,
            source_id=_stem(name) if len(frames) == 1 else f"{_stem(name)}#{number}",
        )
        for number, atoms in enumerate(frames, start=1)
    ]


def _optimade(text: str, name: str, source: str) -> list[KnownMaterial | _Unread]:
    document = json.loads(text)
    found: JsonValue = document.get("data", document) if isinstance(document, dict) else document
    entries = found if isinstance(found, list) else [found]
    if not entries:
        raise InvalidValueError(f"{name} holds no structure.", remedy="Give the answer of an OPTIMADE provider.")
    return [_optimade_entry(entry, number, source) for number, entry in enumerate(entries, start=1)]


def _optimade_entry(entry: JsonValue, number: int, source: str) -> KnownMaterial | _Unread:
    """One of several entries: what is wrong with it is said of it alone."""
    try:
        return material_from_optimade(entry, source=source)
    except _BAD_FILE as error:
        named = entry.get("id") if isinstance(entry, dict) else None
        return _Unread(named if isinstance(named, str) else f"entry {number}", _reason(error))


_Reader: TypeAlias = Callable[[str, str, str], Sequence[KnownMaterial | _Unread]]
_READERS: Final[Mapping[str, _Reader]] = MappingProxyType(
    {".cif": _cif, ".poscar": _poscar, ".vasp": _poscar, ".extxyz": _extxyz, ".xyz": _extxyz, ".json": _optimade}
)
_VASP_NAMES: Final = ("POSCAR", "CONTCAR")


def _reader(file: Path) -> _Reader | None:
    return _poscar if file.name.startswith(_VASP_NAMES) else _READERS.get(file.suffix.lower())


def _known() -> str:
    return f"{', '.join(_READERS)} or POSCAR file"


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix()


def _occupation(species: Mapping[Species, float]) -> Occupation:
    shares: dict[str, float] = {}
    for specie, share in species.items():
        symbol = specie.symbol
        shares[symbol] = shares.get(symbol, 0.0) + float(share)
    return Occupation.of(shares)


def _vector(row: Sequence[float]) -> Vector:
    x, y, z = (float(number) for number in row)
    return (x, y, z)
