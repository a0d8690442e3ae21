"""What people may say beside a file: once for the whole of it, or in a row in place of what the file has there."""

from collections.abc import Mapping
from typing import Final

from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from services.store.uploads import UploadKind, UploadRow
from services.uploads.adjusting import ADJUSTMENTS
from services.uploads.conductivity import DEFAULTS
from services.uploads.obelix import COLUMNS as OBELIX_COLUMNS
from services.uploads.template import CELL_COLUMNS, COLUMNS, lowered

OPTIONS: Final = frozenset(
    {
        "fidelity",
        "query",
        "candidate",
        "measurement",
        "sample",
        "formula",
        "space group",
        *CELL_COLUMNS,
        "thickness",
        "area",
        "temperature",
        "temperature unit",
        "unit",
        "use",
        *ADJUSTMENTS,
    }
)
"""What may be said once for a whole file."""
FILLABLE: Final[Mapping[UploadKind, tuple[str, ...]]] = {
    UploadKind.TABLE: COLUMNS,
    UploadKind.OBELIX: OBELIX_COLUMNS,
    UploadKind.IMPEDANCE: (*DEFAULTS, *CELL_COLUMNS),
}
"""What may be written into a row although the file does not have it."""
_LONGEST_OPTION: Final = 200
_MOST_CHANGED_CELLS: Final = 200


def require_options(options: Mapping[str, str]) -> dict[str, str]:
    """What was said for a whole file, without what was left empty.

    Raises:
        InvalidValueError: If there is no such option, or its text is too long.
    """
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise InvalidValueError(
            f"There is no option '{unknown[0][:40]}' for uploads.", remedy=f"Known are {', '.join(sorted(OPTIONS))}."
        )
    long = [name for name, value in options.items() if len(value) > _LONGEST_OPTION]
    if long:
        raise InvalidValueError(f"Option '{long[0]}' is too long.", remedy=f"Use at most {_LONGEST_OPTION} characters.")
    return {name: value.strip() for name, value in options.items() if value.strip()}


def corrected_cells(row: UploadRow, cells: Mapping[str, str], kind: UploadKind) -> JsonObject:
    """A row's cells, some of them changed: found by their column, whatever its capitals.

    Raises:
        InvalidValueError: If too many are changed at once, or there is no such column.
    """
    if len(cells) > _MOST_CHANGED_CELLS:
        raise InvalidValueError(f"{len(cells)} cells in one row.", remedy="Change fewer.")
    columns = {_plain(name): name for name in (*FILLABLE.get(kind, ()), *row.cells)}
    unknown = [name for name in cells if _plain(name) not in columns]
    if unknown:
        raise InvalidValueError(
            f"The row has no column '{unknown[0][:40]}'.", remedy=f"Known are {', '.join(columns.values())}."
        )
    return {**row.cells, **{columns[_plain(name)]: text for name, text in cells.items()}}


def _plain(column: str) -> str:
    return next(iter(lowered({column: ""})))
