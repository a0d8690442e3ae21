"""Files that people handed in, and which numbers of a campaign rest on them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Self

from domain.json_value import JsonObject
from services.store import Store
from services.store.artifacts import ArtifactRecord
from services.store.records import MeasurementRecord

_FOLDER: Final = "handed-in"
_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The files of a campaign on which measurements rest."""

    files: Mapping[str, ArtifactRecord]
    """By name in the archive, which is never the one that a client chose."""
    of_measurement: Mapping[int, tuple[str, ...]]
    """Names in the archive by number of the measurement."""

    @classmethod
    def of(cls, store: Store, measurements: Iterable[MeasurementRecord]) -> Self:
        """Reads which files measurements rest on."""
        files: dict[str, ArtifactRecord] = {}
        names: dict[int, tuple[str, ...]] = {}
        for measurement in measurements:
            found = {_name(record): record for record in store.artifacts.of_measurement(measurement.id)}
            files |= found
            names[measurement.id] = tuple(found)
        return cls(files, names)


def described(record: ArtifactRecord) -> JsonObject:
    """A file in the words of schema.org."""
    return {
        "name": record.name,
        "encodingFormat": record.media_type,
        "sha256": record.digest,
        "contentSize": str(record.size),
        "dateCreated": record.at.isoformat(),
        "description": f"As {record.uploaded_by} handed it in",
    }


def _name(record: ArtifactRecord) -> str:
    ending = PurePosixPath(record.name).suffix
    return f"{_FOLDER}/{record.id}{ending if _ENDING.fullmatch(ending) else ''}"
