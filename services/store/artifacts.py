"""Files that people handed in or looks produced: their rows. The bytes lie beside the store, named by SHA-256."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, Select, func, insert, literal, select

from domain.errors import NotFoundError
from domain.look import FileNote
from services.store.database import Database, insert_if_absent
from services.store.intake_tables import artifacts, measurement_artifacts, upload_rows, uploads
from services.store.locks import lock_name

_AT_ONCE: Final = 500
"""Measurements that one statement names: databases take only so many."""


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """A file as somebody handed it in, or as a look produced it."""

    id: int
    campaign_id: int | None
    digest: str
    """SHA-256 of its bytes, in hexadecimal digits; several records may share one."""
    name: str
    """What whoever handed it in calls it; never used as a path."""
    media_type: str
    size: int
    """Bytes."""
    uploaded_by: str
    at: datetime
    description: str = ""
    """What it holds, in one sentence; empty where whoever handed it in did not say."""


class Artifacts:
    """Records of files, and which measurements rest on which file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, campaign_id: int | None, *, digest: str, name: str, media_type: str, size: int, uploaded_by: str
    ) -> ArtifactRecord:
        """Records a file whose bytes are kept already. The same file again is another record of the same bytes."""
        row = {
            "campaign_id": campaign_id,
            "digest": digest,
            "name": name,
            "media_type": media_type,
            "size": size,
            "uploaded_by": uploaded_by,
            "at": self._database.now(),
        }
        with self._database.write() as connection:
            stored = connection.execute(insert(artifacts).values(row).returning(artifacts)).mappings().one()
        return _artifact_record(stored)

    def keep_produced(
        self, campaign_id: int, note: FileNote, *, digest: str, size: int, uploaded_by: str, query_id: int | None = None
    ) -> ArtifactRecord:
        """Records a file that a look produced; its bytes are kept already. The same again is the record that there is.

        Args:
            campaign_id: The look's.
            note: What is said of it.
            digest: SHA-256 of its bytes.
            size: How many these are.
            uploaded_by: Who looked; an attempt that was killed may have had another name.
            query_id: At whose asking; None where nobody asked.
        """
        same = (
            artifacts.c.campaign_id == campaign_id,
            artifacts.c.digest == digest,
            artifacts.c.name == note.name,
        )
        with self._database.write() as connection:
            # Whoever hands the same in twice at once is not to find it missing twice.
            lock_name(connection, f"file {digest}")
            known = connection.execute(select(artifacts).where(*same).order_by(artifacts.c.id)).mappings().first()
            if known is not None:
                return _artifact_record(known)
            row = {
                "campaign_id": campaign_id,
                "digest": digest,
                "name": note.name,
                "media_type": note.media_type,
                "size": size,
                "uploaded_by": uploaded_by,
                "at": self._database.now(),
                "description": note.description,
                "query_id": query_id,
            }
            statement = insert(artifacts).values(row).returning(artifacts)
            return _artifact_record(connection.execute(statement).mappings().one())

    def n_produced(self, query_id: int) -> int:
        """How many files looks produced for a query so far."""
        statement = select(func.count()).select_from(artifacts).where(artifacts.c.query_id == query_id)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def get(self, artifact_id: int) -> ArtifactRecord:
        """Finds a file's record by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            row = connection.execute(select(artifacts).where(artifacts.c.id == artifact_id)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"There is no artifact number {artifact_id}.", remedy="List the campaign's artifacts.")
        return _artifact_record(row)

    def list(self, campaign_id: int, *, after: int = 0, limit: int = 100) -> tuple[ArtifactRecord, ...]:
        """A campaign's files in the order in which they came, from behind number `after`."""
        statement = (
            select(artifacts)
            .where(artifacts.c.campaign_id == campaign_id, artifacts.c.id > after)
            .order_by(artifacts.c.id)
            .limit(limit)
        )
        return self._read(statement)

    def page(self, *, after: int = 0, limit: int = 100) -> tuple[ArtifactRecord, ...]:
        """Files of all campaigns and of none, in the order in which they came, from behind number `after`."""
        return self._read(select(artifacts).where(artifacts.c.id > after).order_by(artifacts.c.id).limit(limit))

    def some(self, numbers: Collection[int]) -> tuple[ArtifactRecord, ...]:
        """Those files of some numbers that there are."""
        return self._read(select(artifacts).where(artifacts.c.id.in_(numbers)).order_by(artifacts.c.id))

    def newest_id(self) -> int:
        """Number of the newest file; 0 before the first."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(artifacts.c.id))).scalar_one() or 0

    def link(self, measurement_id: int, artifact_id: int) -> None:
        """Notes that a measurement rests on a file; noting it again is harmless."""
        row = {"measurement_id": measurement_id, "artifact_id": artifact_id}
        with self._database.write() as connection:
            insert_if_absent(connection, measurement_artifacts, [row])

    def of_measurement(self, measurement_id: int) -> tuple[ArtifactRecord, ...]:
        """The files on which a measurement rests."""
        statement = (
            select(artifacts)
            .join(measurement_artifacts, measurement_artifacts.c.artifact_id == artifacts.c.id)
            .where(measurement_artifacts.c.measurement_id == measurement_id)
            .order_by(artifacts.c.id)
        )
        return self._read(statement)

    def of_measurements(self, measurement_ids: Collection[int]) -> Mapping[int, tuple[ArtifactRecord, ...]]:
        """The same of several; those that rest on no file are left out."""
        links = measurement_artifacts.c
        statement = (
            select(artifacts, links.measurement_id)
            .join(measurement_artifacts, links.artifact_id == artifacts.c.id)
            .order_by(artifacts.c.id)
        )
        found: dict[int, list[ArtifactRecord]] = {}
        ordered = sorted(measurement_ids)
        with self._database.read() as connection:
            for first in range(0, len(ordered), _AT_ONCE):
                some = statement.where(links.measurement_id.in_(ordered[first : first + _AT_ONCE]))
                for row in connection.execute(some).mappings():
                    found.setdefault(row["measurement_id"], []).append(_artifact_record(row))
        return {number: tuple(files) for number, files in found.items()}

    def of_material_value(self, number: int) -> tuple[ArtifactRecord, ...]:
        """The files from whose rows a measurement of a known material came."""
        statement = (
            select(artifacts)
            .join(uploads, uploads.c.artifact_id == artifacts.c.id)
            .join(upload_rows, upload_rows.c.upload_id == uploads.c.id)
            .where(upload_rows.c.material_measurement_id == number)
            .distinct()
            .order_by(artifacts.c.id)
        )
        return self._read(statement)

    def _read(self, statement: Select[tuple[object, ...]]) -> tuple[ArtifactRecord, ...]:
        with self._database.read() as connection:
            return tuple(_artifact_record(row) for row in connection.execute(statement).mappings())


def link_files(connection: Connection, campaign_id: int, measurement_id: int, numbers: Collection[int]) -> None:
    """Notes which files a look produced beside a measurement, inside a transaction.

    Raises:
        NotFoundError: If one is no file of the campaign.
    """
    if not numbers:
        return
    own = select(artifacts.c.id).where(artifacts.c.id.in_(numbers), artifacts.c.campaign_id == campaign_id)
    foreign = set(numbers) - set(connection.execute(own).scalars())
    if foreign:
        raise NotFoundError(
            f"There is no artifact number {min(foreign)}.",
            remedy="Hand the file in first, for the query it belongs to.",
        )
    rows = [{"measurement_id": measurement_id, "artifact_id": number} for number in sorted(numbers)]
    insert_if_absent(connection, measurement_artifacts, rows)


def inherit_files(connection: Connection, older: int, newer: int) -> None:
    """Links the files of a measurement to the one that takes its place too, inside a transaction."""
    links = measurement_artifacts.c
    rows = select(literal(newer), links.artifact_id).where(links.measurement_id == older).order_by(links.artifact_id)
    connection.execute(insert(measurement_artifacts).from_select(["measurement_id", "artifact_id"], rows))


def _artifact_record(row: RowMapping) -> ArtifactRecord:
    return ArtifactRecord(
        id=row["id"],
        campaign_id=row["campaign_id"],
        digest=row["digest"],
        name=row["name"],
        media_type=row["media_type"],
        size=row["size"],
        uploaded_by=row["uploaded_by"],
        at=row["at"],
        description=row["description"],
    )
