"""The measured quantity at several temperatures, beside the measurement that tells one value of it.

Models, leaders and ledgers read measurements alone: a series is there for people and for whoever takes data away.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, RowMapping, insert, literal, select

from domain.measurement import Censoring, SeriesPoint
from services.store.database import Database
from services.store.intake_tables import series_points

_AT_ONCE: Final = 500
"""Measurements that one statement names: databases take only so many."""

Series = Mapping[int, tuple[SeriesPoint, ...]]
"""Points in the order in which they were handed in, by number of the measurement; those without any are left out."""


@dataclass(frozen=True, slots=True)
class PointRecord:
    """A point of a campaign's series."""

    id: int
    measurement_id: int | None
    """That it stands beside, in whose unit it is; None for a measurement of a known material."""
    material_measurement_id: int | None
    """The same of a known material."""
    point: SeriesPoint


class SeriesPoints:
    """Points of series. They enter through `services.intake`, with their measurement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, measurement_ids: Collection[int]) -> Series:
        """Series beside measurements."""
        return self._of("measurement_id", measurement_ids)

    def of_material_values(self, numbers: Collection[int]) -> Series:
        """Series beside measurements of known materials."""
        return self._of("material_measurement_id", numbers)

    def page(
        self,
        campaign_id: int,
        *,
        after: int = 0,
        limit: int = 100,
        at_least_K: float | None = None,
        at_most_K: float | None = None,
    ) -> tuple[PointRecord, ...]:
        """A campaign's points from behind a number, those beside corrected measurements among them.

        Args:
            campaign_id: The campaign.
            after: Number of the last point that is known already.
            limit: Most points to return.
            at_least_K: Only at this temperature and above.
            at_most_K: Only at this temperature and below.
        """
        statement = select(series_points).where(series_points.c.campaign_id == campaign_id, series_points.c.id > after)
        if at_least_K is not None:
            statement = statement.where(series_points.c.temperature_K >= at_least_K)
        if at_most_K is not None:
            statement = statement.where(series_points.c.temperature_K <= at_most_K)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(series_points.c.id).limit(limit)).mappings()
            return tuple(
                PointRecord(row["id"], row["measurement_id"], row["material_measurement_id"], _point(row))
                for row in rows
            )

    def _of(self, owner: str, numbers: Collection[int]) -> Series:
        found: dict[int, list[SeriesPoint]] = {}
        ordered = sorted(numbers)
        column = series_points.c[owner]
        with self._database.read() as connection:
            for first in range(0, len(ordered), _AT_ONCE):
                some = ordered[first : first + _AT_ONCE]
                statement = select(series_points).where(column.in_(some)).order_by(series_points.c.id)
                for row in connection.execute(statement).mappings():
                    found.setdefault(row[owner], []).append(_point(row))
        return {number: tuple(points) for number, points in found.items()}


def append_series(
    connection: Connection,
    campaign_id: int,
    series: Sequence[SeriesPoint],
    *,
    measurement_id: int | None = None,
    material_measurement_id: int | None = None,
) -> None:
    """Keeps a series beside a measurement, or beside one of a known material, inside a transaction."""
    rows = [
        {
            "campaign_id": campaign_id,
            "measurement_id": measurement_id,
            "material_measurement_id": material_measurement_id,
            "temperature_K": point.temperature_K,
            "value": point.value,
            "sigma": point.sigma,
            "censoring": point.censoring.value,
        }
        for point in series
    ]
    if rows:
        connection.execute(insert(series_points), rows)


def inherit_series(connection: Connection, older: int, newer: int, *, of_material: bool = False) -> None:
    """Keeps the series beside a measurement beside the one that takes its place too, inside a transaction."""
    owner = series_points.c["material_measurement_id" if of_material else "measurement_id"]
    same = [series_points.c[name] for name in ("campaign_id", "temperature_K", "value", "sigma", "censoring")]
    rows = select(literal(newer), *same).where(owner == older).order_by(series_points.c.id)
    connection.execute(insert(series_points).from_select([owner.name, *(column.name for column in same)], rows))


def _point(row: RowMapping) -> SeriesPoint:
    return SeriesPoint(row["temperature_K"], row["value"], row["sigma"], Censoring(row["censoring"]))
