"""A small reader of CIFs that have their symmetry written out, as Petalite's own have.

It takes time in proportion to the text and nothing but text, so that it can be used where a full parser cannot: on
anything else it refuses. Full CIFs are read by `services.materials.files`.
"""

import re
from collections.abc import Iterator
from typing import Final

from domain.errors import InvalidValueError
from domain.structure import MOST_SITES, Occupation, Site, Structure, Vector, vectors_of_cell

LONGEST_TEXT: Final = 1_000_000
_TOKEN: Final = re.compile(r"'([^'\n]*)'(?=\s|$)|\"([^\"\n]*)\"(?=\s|$)|(#[^\n]*)|(\S+)")
_NUMBER: Final = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?:\(\d+\))?")
_SYMBOL: Final = re.compile(r"([A-Z][a-z]?)(?:\d?[+-])?")
_IDENTITY: Final = "x,y,z"
_OPERATION_NAMES: Final = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_GROUP_NAMES: Final = ("_space_group_it_number", "_symmetry_int_tables_number")
_COORDINATES: Final = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")


def read_plain_cif(text: str) -> Structure:
    """Reads a CIF in P1.

    Raises:
        InvalidValueError: If the text is no CIF, is too large, or has other symmetry operations than the identity.
    """
    if len(text) > LONGEST_TEXT:
        raise _unreadable(f"it has {len(text)} characters; at most {LONGEST_TEXT} are read")
    contents = _contents(text)
    _require_no_symmetry(contents)
    a, b, c = (_value(contents, f"_cell_length_{name}") for name in "abc")
    alpha, beta, gamma = (_value(contents, f"_cell_angle_{name}") for name in ("alpha", "beta", "gamma"))
    return Structure(vectors_of_cell((a, b, c), (alpha, beta, gamma)), _sites(contents))


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Words, and whether each stands between quotation marks."""
    for match in _TOKEN.finditer(text):
        single, double, comment, bare = match.groups()
        if comment is not None:
            continue
        if bare is None:
            yield (single if single is not None else double or ""), True
        elif bare.startswith(";"):
            raise _unreadable("it holds a text field")
        else:
            yield bare, False


class _Contents:
    """Single values by name, and tables as columns by name, filled word by word."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.tables: list[dict[str, list[str]]] = []
        self.n_blocks = 0
        self._waiting: str | None = None
        self._names: list[str] | None = None
        self._cells: list[str] = []

    def name(self, word: str) -> None:
        if self._names is not None and not self._cells:
            self._names.append(word)
            return
        self.end_table()
        self._waiting = word

    def begin_table(self) -> None:
        self.end_table()
        self._names = []

    def begin_block(self) -> None:
        self.end_table()
        self.n_blocks += 1

    def value(self, word: str) -> None:
        if self._waiting is not None:
            self.values[self._waiting], self._waiting = word, None
        elif self._names:
            self._cells.append(word)
        else:
            raise _unreadable(f"'{word[:20]}' stands where a name was expected")

    def end_table(self) -> None:
        names, cells = self._names, self._cells
        self._names, self._cells, self._waiting = None, [], None
        if not names:
            return
        if len(cells) % len(names):
            raise _unreadable("a table has rows of different lengths")
        self.tables.append({name: cells[column :: len(names)] for column, name in enumerate(names)})


def _contents(text: str) -> _Contents:
    contents = _Contents()
    for word, is_quoted in _tokens(text):
        lowered = word.lower()
        if is_quoted or not lowered.startswith(("loop_", "data_", "_")):
            contents.value(word)
        elif lowered == "loop_":
            contents.begin_table()
        elif lowered.startswith("data_"):
            contents.begin_block()
        else:
            contents.name(lowered)
    contents.end_table()
    if contents.n_blocks != 1:
        raise _unreadable(f"it has {contents.n_blocks} data blocks; 1 was expected")
    return contents


def _require_no_symmetry(contents: _Contents) -> None:
    operations = [
        operation for name in _OPERATION_NAMES for table in contents.tables for operation in table.get(name, ())
    ] + [contents.values[name] for name in _OPERATION_NAMES if name in contents.values]
    if any(re.sub(r"\s", "", operation).lower() != _IDENTITY for operation in operations):
        raise _unreadable("it has symmetry operations that are not written out")
    numbers = [contents.values[name] for name in _GROUP_NAMES if name in contents.values]
    if not operations and numbers != ["1"] * max(1, len(numbers)):
        raise _unreadable("it does not say that its symmetry is written out")


def _sites(contents: _Contents) -> tuple[Site, ...]:
    table = next((table for table in contents.tables if _COORDINATES[0] in table), None)
    if table is None or not all(name in table for name in _COORDINATES):
        raise _unreadable("it has no table of atom sites")
    columns = [table[name] for name in _COORDINATES]
    if len(columns[0]) > MOST_SITES:
        raise _unreadable(f"it has {len(columns[0])} sites; at most {MOST_SITES} are read")
    symbols = table.get("_atom_site_type_symbol") or table.get("_atom_site_label") or []
    shares = table.get("_atom_site_occupancy") or ["1"] * len(symbols)
    together: dict[Vector, dict[str, float]] = {}
    for symbol, share, x, y, z in zip(symbols, shares, *columns, strict=True):
        place = (_number(x), _number(y), _number(z))
        occupants = together.setdefault(place, {})
        name = _symbol(symbol)
        occupants[name] = occupants.get(name, 0.0) + _number(share)
    return tuple(Site(Occupation.of(shared), place) for place, shared in together.items())


def _symbol(word: str) -> str:
    match = _SYMBOL.match(word)
    if match is None:
        raise _unreadable(f"'{word[:20]}' is no element")
    return match.group(1)


def _value(contents: _Contents, name: str) -> float:
    if name not in contents.values:
        raise _unreadable(f"it has no {name}")
    return _number(contents.values[name])


def _number(word: str) -> float:
    match = _NUMBER.fullmatch(word)
    if match is None:
        raise _unreadable(f"'{word[:20]}' is no number")
    return float(match.group(1))


def _unreadable(reason: str) -> InvalidValueError:
    return InvalidValueError(
        f"The CIF cannot be read without its symmetry being worked out: {reason}.",
        remedy="Take it as CIF, or hand it in with its symmetry written out (P1).",
    )
