"""Files that people handed in or looks produced, and which numbers of a campaign rest on them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Self

from domain.json_value import JsonObject
from services.store import Store
from services.store.artifacts import ArtifactRecord
from services.store.material_values import MaterialMeasurementRecord
from services.store.records import MeasurementRecord

_FOLDER: Final = "handed-in"
_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The files of a campaign on which measurements rest."""

    files: Mapping[str, ArtifactRecord]
    """By name in the archive, which is never the one that a client chose."""
    of_measurement: Mapping[int, tuple[str, ...]]
    """Names in the archive by number of the measurement; those that rest on no file are left out."""
    of_material_value: Mapping[int, tuple[str, ...]]
    """The same of measurements of known materials."""

    @classmethod
    def of(
        cls,
        store: Store,
        measurements: Iterable[MeasurementRecord],
        material_values: Iterable[MaterialMeasurementRecord],
    ) -> Self:
        """Reads which files measurements rest on."""
        linked = store.artifacts.of_measurements([one.id for one in measurements])
        of_measurement = {number: _named(found) for number, found in linked.items()}
        of_value = {one.id: _named(store.artifacts.of_material_value(one.id)) for one in material_values}
        files: dict[str, ArtifactRecord] = {}
        for found in (*of_measurement.values(), *of_value.values()):
            files |= found
        return cls(
            files,
            {number: tuple(found) for number, found in of_measurement.items()},
            {number: tuple(found) for number, found in of_value.items()},
        )


def described(record: ArtifactRecord) -> JsonObject:
    """A file in the words of schema.org."""
    return {
        "name": record.name,
        "encodingFormat": record.media_type,
        "sha256": record.digest,
        "contentSize": str(record.size),
        "dateCreated": record.at.isoformat(),
        "description": record.description or f"As {record.uploaded_by} handed it in",
    }


def _named(records: Iterable[ArtifactRecord]) -> Mapping[str, ArtifactRecord]:
    return {_name(record): record for record in records}


def _name(record: ArtifactRecord) -> str:
    ending = PurePosixPath(record.name).suffix
    return f"{_FOLDER}/{record.id}{ending if _ENDING.fullmatch(ending) else ''}"
