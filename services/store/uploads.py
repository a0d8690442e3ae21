"""Uploads: what a laboratory handed in, row by row, from the report to the last row that entered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import RowMapping, func, insert, select, update

from domain.errors import ConflictError, NotFoundError
from domain.json_value import JsonObject
from services.store.database import Database, storable
from services.store.intake_tables import upload_rows, uploads


class UploadKind(StrEnum):
    """What a file holds."""

    TABLE = "table"
    """Measurements in Petalite's own columns, csv or xlsx."""
    OBELIX = "obelix"
    """Conductivities in OBELiX's columns, csv or xlsx, alone or in a zip with `[ID].cif`."""
    CIF = "cif"
    """Crystals: one CIF, or a zip of them."""
    IMPEDANCE = "impedance"
    """Impedance spectra: one csv, or a zip of them, one for each temperature."""
    ATTACHMENT = "attachment"
    """A picture or a PDF that goes with a measurement."""


class UploadState(StrEnum):
    """Where an upload stands.

    OPEN ──► ACCEPTED  (every row entered)
      └────► REJECTED  (the rows that had not entered never will)
    UNREADABLE         (kept, but nothing in it could be read; final)
    """

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNREADABLE = "unreadable"


class RowState(StrEnum):
    """What the report says of a row.

    REFUSED ◄──► SUSPICIOUS ◄──► CONVERTED ◄──► ACCEPTED   (whenever its cells are changed)
                     └───────────────┴─────────────┴──► ENTERED (final)
    """

    ACCEPTED = "accepted"
    """Enters as it is."""
    CONVERTED = "converted"
    """Enters after a conversion or an assumption that the remarks name."""
    SUSPICIOUS = "suspicious"
    """Enters only when somebody confirms it."""
    REFUSED = "refused"
    """Cannot enter before it is corrected."""
    ENTERED = "entered"
    """Is in the store."""


_CONTENTS_AT_ONCE: Final = 500
CLEAN: Final = frozenset({RowState.ACCEPTED, RowState.CONVERTED})
"""Rows that enter without being confirmed."""


@dataclass(frozen=True, slots=True)
class UploadRow:
    """A row as it was handed in, and what it was taken for."""

    number: int
    """As in the file, the first row of data is 1."""
    state: RowState
    cells: JsonObject
    """Text by column, verbatim."""
    understood: JsonObject
    """What would enter; empty where the row is refused."""
    remarks: Sequence[str]
    """What was converted, assumed, doubted or refused, and what to do about it."""
    measurement_id: int | None = None
    """The measurement that it became."""
    material_id: int | None = None
    """The known material that it became, or is about."""
    material_measurement_id: int | None = None
    """The measurement of that material."""
    content: str | None = None
    """Names what would enter by its content; None where it is refused, or no measured value."""


@dataclass(frozen=True, slots=True)
class EnteredRow:
    """A row that is in the store, and the upload that it came with."""

    upload_id: int
    row: UploadRow


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """A file that was handed in for a campaign, with its report."""

    id: int
    campaign_id: int
    artifact_id: int
    kind: UploadKind
    state: UploadState
    options: JsonObject
    report: JsonObject
    """What was found in the file as a whole."""
    uploaded_by: str
    at: datetime
    settled_at: datetime | None


class Uploads:
    """Uploads and their rows. They are made, changed and entered by `services.uploads`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(  # noqa: PLR0913 - the columns of a new upload
        self,
        campaign_id: int,
        artifact_id: int,
        *,
        kind: UploadKind,
        state: UploadState,
        options: JsonObject,
        report: JsonObject,
        rows: Sequence[UploadRow],
        uploaded_by: str,
    ) -> UploadRecord:
        """Keeps an upload with its report."""
        now = self._database.now()
        values = {
            "campaign_id": campaign_id,
            "artifact_id": artifact_id,
            "kind": kind.value,
            "state": state.value,
            "options": storable(options),
            "report": storable(report),
            "uploaded_by": uploaded_by,
            "at": now,
            "settled_at": now if state is UploadState.UNREADABLE else None,
        }
        with self._database.write() as connection:
            stored = connection.execute(insert(uploads).values(values).returning(uploads)).mappings().one()
            if rows:
                connection.execute(insert(upload_rows), [{"upload_id": stored["id"], **_values(row)} for row in rows])
        return _upload_record(stored)

    def get(self, upload_id: int) -> UploadRecord:
        """Finds an upload by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            row = connection.execute(select(uploads).where(uploads.c.id == upload_id)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"There is no upload number {upload_id}.", remedy="List the campaign's uploads.")
        return _upload_record(row)

    def list(self, campaign_id: int, *, after: int = 0, limit: int = 100) -> tuple[UploadRecord, ...]:
        """A campaign's uploads in the order in which they came, from behind number `after`."""
        statement = (
            select(uploads)
            .where(uploads.c.campaign_id == campaign_id, uploads.c.id > after)
            .order_by(uploads.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(_upload_record(row) for row in connection.execute(statement).mappings())

    def newest(
        self,
        campaign_ids: Collection[int],
        *,
        uploaded_by: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[UploadRecord, ...]:
        """Uploads for some campaigns, the newest first.

        Args:
            campaign_ids: The campaigns.
            uploaded_by: Only what this one handed in.
            before: Number of the last upload that is known already.
            limit: Most to return.
        """
        statement = select(uploads).where(uploads.c.campaign_id.in_(campaign_ids))
        if uploaded_by is not None:
            statement = statement.where(uploads.c.uploaded_by == uploaded_by)
        if before is not None:
            statement = statement.where(uploads.c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(uploads.c.id.desc()).limit(limit)).mappings()
            return tuple(_upload_record(row) for row in rows)

    def rows(
        self,
        upload_id: int,
        *,
        after: int = -1,
        limit: int | None = None,
        states: Collection[RowState] | None = None,
    ) -> tuple[UploadRow, ...]:
        """An upload's rows in the order of the file, from behind row `after`; only those in some states where given."""
        statement = (
            select(upload_rows)
            .where(upload_rows.c.upload_id == upload_id, upload_rows.c.number > after)
            .order_by(upload_rows.c.number)
            .limit(limit)
        )
        if states is not None:
            statement = statement.where(upload_rows.c.state.in_([state.value for state in states]))
        with self._database.read() as connection:
            return tuple(_upload_row(row) for row in connection.execute(statement).mappings())

    def row(self, upload_id: int, number: int) -> UploadRow:
        """Finds a row; inside a transaction that writes, nobody else changes it until that ends.

        Raises:
            NotFoundError: If there is none.
        """
        statement = (
            select(upload_rows)
            .where(upload_rows.c.upload_id == upload_id, upload_rows.c.number == number)
            .with_for_update()
        )
        with self._database.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        if row is None:
            raise NotFoundError(
                f"Upload {upload_id} has no row {number}.", remedy="Read its report for the rows that it has."
            )
        return _upload_row(row)

    def entered(self, campaign_id: int, contents: Collection[str]) -> dict[str, EnteredRow]:
        """The first rows of some contents that have entered for a campaign, by content."""
        found: dict[str, EnteredRow] = {}
        wanted = sorted(set(contents))
        with self._database.read() as connection:
            for start in range(0, len(wanted), _CONTENTS_AT_ONCE):
                statement = (
                    select(upload_rows)
                    .join(uploads, uploads.c.id == upload_rows.c.upload_id)
                    .where(
                        uploads.c.campaign_id == campaign_id,
                        upload_rows.c.content.in_(wanted[start : start + _CONTENTS_AT_ONCE]),
                        upload_rows.c.state == RowState.ENTERED.value,
                    )
                    .order_by(upload_rows.c.id)
                )
                for row in connection.execute(statement).mappings():
                    found.setdefault(row["content"], EnteredRow(row["upload_id"], _upload_row(row)))
        return found

    def put_row(self, upload_id: int, row: UploadRow) -> None:
        """Replaces what is known of a row that has not entered.

        Raises:
            ConflictError: If it entered in the meantime, or there is no such row.
        """
        statement = (
            update(upload_rows)
            .where(
                upload_rows.c.upload_id == upload_id,
                upload_rows.c.number == row.number,
                upload_rows.c.state != RowState.ENTERED.value,
            )
            .values(_values(row))
            .returning(upload_rows.c.id)
        )
        with self._database.write() as connection:
            if connection.execute(statement).first() is None:
                raise ConflictError(
                    f"Row {row.number} of upload {upload_id} has entered.", remedy="Amend its measurement instead."
                )

    def put_report(self, upload_id: int, report: JsonObject) -> None:
        """Replaces what was found in the file as a whole."""
        with self._database.write() as connection:
            connection.execute(update(uploads).where(uploads.c.id == upload_id).values(report=storable(report)))

    def tally(self, upload_id: int) -> dict[RowState, int]:
        """How many rows are in which state."""
        statement = (
            select(upload_rows.c.state, func.count())
            .where(upload_rows.c.upload_id == upload_id)
            .group_by(upload_rows.c.state)
        )
        with self._database.read() as connection:
            found = {RowState(state): count for state, count in connection.execute(statement)}
        return {state: found.get(state, 0) for state in RowState}

    def settle(self, upload_id: int, state: UploadState) -> bool:
        """Ends an open upload. Returns whether it was open."""
        statement = (
            update(uploads)
            .where(uploads.c.id == upload_id, uploads.c.state == UploadState.OPEN.value)
            .values(state=state.value, settled_at=self._database.now())
            .returning(uploads.c.id)
        )
        with self._database.write() as connection:
            return connection.execute(statement).first() is not None


def _values(row: UploadRow) -> dict[str, object]:
    return {
        "number": row.number,
        "state": row.state.value,
        "cells": storable(row.cells),
        "understood": storable(row.understood),
        "remarks": storable(list(row.remarks)),
        "measurement_id": row.measurement_id,
        "material_id": row.material_id,
        "material_measurement_id": row.material_measurement_id,
        "content": row.content,
    }


def _upload_row(row: RowMapping) -> UploadRow:
    return UploadRow(
        number=row["number"],
        state=RowState(row["state"]),
        cells=row["cells"],
        understood=row["understood"],
        remarks=tuple(row["remarks"]),
        measurement_id=row["measurement_id"],
        material_id=row["material_id"],
        material_measurement_id=row["material_measurement_id"],
        content=row["content"],
    )


def _upload_record(row: RowMapping) -> UploadRecord:
    return UploadRecord(
        id=row["id"],
        campaign_id=row["campaign_id"],
        artifact_id=row["artifact_id"],
        kind=UploadKind(row["kind"]),
        state=UploadState(row["state"]),
        options=row["options"],
        report=row["report"],
        uploaded_by=row["uploaded_by"],
        at=row["at"],
        settled_at=row["settled_at"],
    )
