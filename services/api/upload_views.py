"""What the routes of uploads take and give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Final

from pydantic import Field

from domain.json_value import JsonObject
from services.api.dependencies import LARGEST_NUMBER
from services.store import Store
from services.store.uploads import RowState, UploadKind, UploadRecord, UploadRow, UploadState
from services.uploads.showing import brief

_MOST_CELLS: Final = 200
_LONGEST_CELL: Final = 4_000
_MOST_ROWS: Final = 100
"""As many as a series has spectra."""


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload as lists show it."""

    id: int
    campaign_id: int
    artifact_id: int
    """The file; it is kept whatever becomes of the upload."""
    file: str
    kind: UploadKind
    state: UploadState
    uploaded_by: str
    at: datetime
    settled_at: datetime | None
    rows: Mapping[RowState, int]
    """How many are in each state."""


@dataclass(frozen=True, slots=True)
class UploadDetails:
    """An upload with what was found in the file as a whole."""

    upload: UploadView
    options: JsonObject
    report: JsonObject
    """Fits of spectra, columns that were not read; problem and remedy where the file could not be read."""


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of the report."""

    number: int
    state: RowState
    cells: JsonObject
    """As they were handed in, by column."""
    understood: JsonObject
    """What it was taken for; empty where it is refused."""
    remarks: tuple[str, ...]
    measurement_id: int | None
    material_id: int | None
    material_measurement_id: int | None


@dataclass(frozen=True, slots=True)
class ChangedCells:
    """Cells of a row that are to be others. Those left out stay."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    cells: Annotated[
        Mapping[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=_LONGEST_CELL)]],
        Field(max_length=_MOST_CELLS),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """Cells of one of several rows that are to be others."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    number: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
    changed: ChangedCells


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """Rows that are corrected together: all of them, or none."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    rows: Annotated[tuple[ChangedRow, ...], Field(min_length=1, max_length=_MOST_ROWS)]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Which suspicious rows are meant as they are."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    confirmed: Annotated[tuple[Annotated[int, Field(ge=0, le=LARGEST_NUMBER)], ...], Field(max_length=10_000)] = ()
    """Their numbers."""
    confirm_all: bool = False


@dataclass(frozen=True, slots=True)
class AcceptanceView:
    """What came of accepting an upload."""

    upload: UploadView
    entered: tuple[int, ...]
    """Numbers of the rows that entered now."""
    held_back: Mapping[int, str]
    """Why each other row did not."""


def upload_view(store: Store, record: UploadRecord) -> UploadView:
    """Shows an upload in a list."""
    return UploadView(
        id=record.id,
        campaign_id=record.campaign_id,
        artifact_id=record.artifact_id,
        file=store.artifacts.get(record.artifact_id).name,
        kind=record.kind,
        state=record.state,
        uploaded_by=record.uploaded_by,
        at=record.at,
        settled_at=record.settled_at,
        rows=store.uploads.tally(record.id),
    )


def upload_details(store: Store, record: UploadRecord) -> UploadDetails:
    """An upload with its report."""
    return UploadDetails(upload_view(store, record), record.options, record.report)


def row_view(row: UploadRow) -> RowView:
    """A row without the sites of its crystal."""
    return RowView(
        row.number,
        row.state,
        row.cells,
        brief(row.understood),
        tuple(row.remarks),
        row.measurement_id,
        row.material_id,
        row.material_measurement_id,
    )
