"""Files that looks produced, kept with the service's artifacts before the answer is recorded that names them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import InvalidValueError, PermanentLookError
from domain.json_value import JsonValue
from domain.look import LookFile
from flows.workplace import Workplace
from oracles.running.files import located
from services.uploads.artifacts import ArtifactFolder

MISSING: Final = "missing_files"
"""Key of the details under which stands what was produced and is not kept, and why."""
_CHUNK_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file that is not kept."""

    name: str
    why: str

    @property
    def said(self) -> JsonValue:
        """For the details of a measurement."""
        return {"name": self.name, "why": self.why}


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """What became of the files of a look."""

    numbers: tuple[int, ...] = ()
    """Of those that are kept."""
    missing: tuple[MissingFile, ...] = ()


def keep_files(
    workplace: Workplace, files: Sequence[LookFile], *, folder: Path, worker: str, query_id: int
) -> KeptFiles:
    """Keeps the files of a look. The same again is harmless: bytes and records that are there stay as they are.

    Args:
        workplace: The campaign.
        files: What the look produced.
        folder: Of its workbench.
        worker: Who looked.
        query_id: The query that asked for it.

    Raises:
        StoreError: If the store does not answer.
    """
    settings = workplace.settings
    artifacts = ArtifactFolder(settings.artifacts)
    numbers, missing = [], []
    for file in files:
        try:
            chunks = chunks_of(located(folder, file))
            blob = artifacts.keep(chunks, limit=settings.look_file_MiB * 2**20)
        except (InvalidValueError, PermanentLookError) as refused:
            missing.append(MissingFile(file.note.name, refused.problem))
            continue
        record = workplace.store.artifacts.keep_produced(
            workplace.campaign.id,
            file.note,
            digest=blob.digest,
            size=blob.size,
            uploaded_by=worker,
            query_id=query_id,
        )
        numbers.append(record.id)
    return KeptFiles(tuple(numbers), tuple(missing))


def chunks_of(path: Path) -> Iterator[bytes]:
    """A file piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
