"""What was measured about known materials for a campaign: learned from like its own candidates, and never charged."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, true

from domain.cost import Cost
from domain.errors import NotFoundError
from domain.measurement import Measurement
from domain.parsing import to_json_value
from services.store.campaigns import read_campaign
from services.store.database import Database
from services.store.intake_tables import material_measurements, materials
from services.store.rows import measured
from services.store.tables import campaigns

_SHOWN_OF_NAME: Final = 24
"""Characters of a name that fit a line."""


@dataclass(frozen=True, slots=True)
class MaterialMeasurementRecord:
    """A measurement of a known material in the quantity's own unit."""

    id: int
    campaign_id: int
    material_id: int
    fidelity: str
    measurement: Measurement
    """Its cost is 0: the campaign did not ask."""
    recorded_at: datetime
    supersedes: int | None
    """The measurement that this one corrects."""
    is_retracted: bool
    """Takes the measurement that it supersedes back without putting a value in its place."""
    reported_value: float
    """As it was handed in, before conversion."""
    reported_unit: str


class MaterialValues:
    """Measurements of known materials. They enter through `services.intake`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, campaign_id: int, *, material_id: int | None = None, after_id: int = 0, limit: int = 1000
    ) -> tuple[MaterialMeasurementRecord, ...]:
        """Reads on from a measurement, in the order in which they came, corrected ones among them.

        Args:
            campaign_id: For which campaign.
            material_id: Of this material alone.
            after_id: Number of the last measurement that is known already.
            limit: Most measurements to return.
        """
        condition = (material_measurements.c.campaign_id == campaign_id) & (material_measurements.c.id > after_id)
        if material_id is not None:
            condition &= material_measurements.c.material_id == material_id
        statement = select(material_measurements).where(condition).order_by(material_measurements.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(_record(row) for row in connection.execute(statement).mappings())

    def of_material(
        self, material_id: int, *, groups: Collection[int] | None, after_id: int = 0, limit: int = 1000
    ) -> tuple[MaterialMeasurementRecord, ...]:
        """The same of one material for all campaigns of some groups.

        Args:
            material_id: Of this material.
            groups: Whose campaigns; None for all there are.
            after_id: Number of the last measurement that is known already.
            limit: Most measurements to return.
        """
        statement = (
            select(material_measurements)
            .join(campaigns, campaigns.c.id == material_measurements.c.campaign_id)
            .where(
                material_measurements.c.material_id == material_id,
                material_measurements.c.id > after_id,
                true() if groups is None else campaigns.c.group_id.in_(sorted(groups)),
            )
            .order_by(material_measurements.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(_record(row) for row in connection.execute(statement).mappings())

    def every(self, campaign_id: int) -> Iterator[MaterialMeasurementRecord]:
        """All of a campaign's, corrected ones among them, page by page."""
        after = 0
        while page := self.list(campaign_id, after_id=after):
            yield from page
            after = page[-1].id

    def get(self, number: int) -> MaterialMeasurementRecord:
        """Finds a measurement by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return read_material_value(connection, number)


def standing_values(values: Iterable[MaterialMeasurementRecord]) -> frozenset[int]:
    """Numbers of those that count, of all that came for a campaign: neither corrected nor taken back."""
    kept = tuple(values)
    corrected = {value.supersedes for value in kept}
    return frozenset(value.id for value in kept if not value.is_retracted and value.id not in corrected)


def known_material_values(connection: Connection, campaign_id: int) -> list[RowMapping]:
    """What stands about known materials whose cell is known and whose elements are in the campaign's search space."""
    newer = material_measurements.alias()
    statement = (
        select(material_measurements, materials.c.blueprint, materials.c.digest, materials.c.elements)
        .join(materials, materials.c.id == material_measurements.c.material_id)
        .where(
            material_measurements.c.campaign_id == campaign_id,
            material_measurements.c.is_retracted.is_(False),
            materials.c.digest.is_not(None),
            ~select(newer.c.id).where(newer.c.supersedes == material_measurements.c.id).exists(),
        )
    )
    rows = connection.execute(statement).mappings().all()
    if not rows:
        return []
    elements = frozenset(read_campaign(connection, campaign_id).spec.space.elements)
    return [row for row in rows if elements.issuperset(row["elements"])]


def count_material_values(connection: Connection, campaign_id: int, *, with_corrections: bool = True) -> Counter[str]:
    """How many values have come at each fidelity about the same materials, corrected and retracted ones among them."""
    statement = (
        select(material_measurements.c.fidelity, materials.c.elements)
        .join(materials, materials.c.id == material_measurements.c.material_id)
        .where(material_measurements.c.campaign_id == campaign_id, materials.c.digest.is_not(None))
    )
    if not with_corrections:
        statement = statement.where(material_measurements.c.supersedes.is_(None))
    rows = connection.execute(statement).all()
    if not rows:
        return Counter()
    elements = frozenset(read_campaign(connection, campaign_id).spec.space.elements)
    return Counter(row.fidelity for row in rows if elements.issuperset(row.elements))


def read_material_value(connection: Connection, number: int) -> MaterialMeasurementRecord:
    """Reads a measurement of a known material inside a transaction.

    Raises:
        NotFoundError: If there is none.
    """
    record = _one(connection, material_measurements.c.id == number)
    if record is None:
        raise NotFoundError(
            f"There is no measurement number {number} of a known material.", remedy="List the campaign's materials."
        )
    return record


def find_material_value(
    connection: Connection, campaign_id: int, material_id: int, payload_digest: str
) -> MaterialMeasurementRecord | None:
    """Finds a measurement that was handed in before, inside a transaction."""
    return _one(
        connection,
        (material_measurements.c.campaign_id == campaign_id)
        & (material_measurements.c.material_id == material_id)
        & (material_measurements.c.payload_digest == payload_digest),
    )


def find_material_correction(connection: Connection, number: int) -> tuple[MaterialMeasurementRecord, str] | None:
    """Finds what supersedes a measurement, with the digest of its payload, inside a transaction."""
    statement = select(material_measurements).where(material_measurements.c.supersedes == number)
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else (_record(row), row["payload_digest"])


def material_title(connection: Connection, material_id: int) -> str:
    """What people call a known material: its formula and its name in the collection that it is from."""
    columns = (materials.c.formula, materials.c.source, materials.c.source_id)
    row = connection.execute(select(*columns).where(materials.c.id == material_id)).one()
    return f"{row.formula} ({row.source} {row.source_id[:_SHOWN_OF_NAME]})"


@dataclass(frozen=True, slots=True)
class NewMaterialMeasurement:
    """A measurement of a known material that is about to be kept."""

    campaign_id: int
    material_id: int
    fidelity: str
    payload_digest: str
    """Names what was handed in."""
    measurement: Measurement
    """In the quantity's unit."""
    reported_value: float
    """As it was handed in."""
    reported_unit: str
    supersedes: int | None = None
    is_retracted: bool = False


def append_material_value(
    connection: Connection, new: NewMaterialMeasurement, *, at: datetime
) -> MaterialMeasurementRecord:
    """Appends a measurement of a known material inside a transaction."""
    measurement = new.measurement
    row = {
        "campaign_id": new.campaign_id,
        "material_id": new.material_id,
        "fidelity": new.fidelity,
        "value": measurement.value,
        "unit": measurement.unit,
        "sigma": measurement.sigma,
        "censoring": measurement.censoring.value,
        "temperature_K": measurement.temperature_K,
        "reported_value": new.reported_value,
        "reported_unit": new.reported_unit,
        "provenance": to_json_value(measurement.provenance),
        "details": dict(measurement.details),
        "measured_at": measurement.measured_at,
        "recorded_at": at,
        "supersedes": new.supersedes,
        "is_retracted": new.is_retracted,
        "payload_digest": new.payload_digest,
    }
    statement = insert(material_measurements).values(row).returning(material_measurements)
    return _record(connection.execute(statement).mappings().one())


def _one(connection: Connection, condition: ColumnElement[bool]) -> MaterialMeasurementRecord | None:
    row = connection.execute(select(material_measurements).where(condition)).mappings().one_or_none()
    return None if row is None else _record(row)


def _record(row: RowMapping) -> MaterialMeasurementRecord:
    return MaterialMeasurementRecord(
        id=row["id"],
        campaign_id=row["campaign_id"],
        material_id=row["material_id"],
        fidelity=row["fidelity"],
        measurement=measured(row, Cost(0.0)),
        recorded_at=row["recorded_at"],
        supersedes=row["supersedes"],
        is_retracted=row["is_retracted"],
        reported_value=row["reported_value"],
        reported_unit=row["reported_unit"],
    )
