"""Files that people handed in: their rows. The bytes lie beside the store, named by their SHA-256."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, Select, func, insert, select

from domain.errors import NotFoundError
from services.store.database import Database, insert_if_absent
from services.store.intake_tables import artifacts, measurement_artifacts, upload_rows, uploads


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """A file as somebody handed it in."""

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
    )
