"""Answers on their way to the service: on disk before the first attempt to deliver them, until one succeeds."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from domain.digest import content_digest
from domain.errors import ConflictError, InvalidValueError
from domain.look import LookFile
from domain.measurement import FailureKind
from domain.parsing import ParseError, parse_json, to_json
from flows.answers import without_files
from flows.look_files import MissingFile
from flows.look_folders import LookFolders
from oracles.running.files import located
from services.messages.claims import FailureRequest, MeasurementRequest, ReferenceMessage

T = TypeVar("T")

_FILES: Final = "files"
"""Begins the name of the folder with a parcel's files."""
_NAME: Final = re.compile(r"query-(\d+)-claim-(\d+)\.json")
_REFERENCE_NAME: Final = re.compile(r"reference-[A-Z][a-z]?-[0-9a-f]{16}\.json")


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """A file that goes before the answer that names it."""

    file: LookFile
    number: int | None = None
    """Under which the service keeps it; None before it has it."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """The answer to a query under one claim: a measurement or a failure, and the files that the look produced."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    query_id: int
    measurement: MeasurementRequest | None = None
    failure: FailureRequest | None = None
    files: tuple[SpooledFile, ...] = ()

    def __post_init__(self) -> None:
        if (self.measurement is None) == (self.failure is None):
            raise InvalidValueError(
                f"The answer to query {self.query_id} is not one measurement or one failure.", remedy="Give either."
            )

    @property
    def answer(self) -> MeasurementRequest | FailureRequest:
        """Whichever it is."""
        if self.measurement is not None:
            return self.measurement
        if self.failure is not None:
            return self.failure
        raise InvalidValueError(f"The answer to query {self.query_id} is empty.", remedy="Give one.")

    @property
    def kind(self) -> str:
        """What the service calls it."""
        return "failure" if self.measurement is None else "measurement"

    @property
    def may_be_repeated(self) -> bool:
        """Whether the same look may be asked again and should go on where it was."""
        return self.failure is not None and self.failure.failure.kind is FailureKind.TRANSIENT

    @property
    def fence(self) -> int:
        """From the claim under which the look was made."""
        return self.answer.fence

    @property
    def body(self) -> str:
        """What is sent, as JSON."""
        if self.measurement is None:
            return to_json(self.answer)
        numbers = tuple(file.number for file in self.files if file.number is not None)
        return to_json(replace(self.measurement, files=numbers))

    def with_file(self, place: int, number: int) -> "Parcel":
        """The same, one of whose files the service has."""
        known = replace(self.files[place], number=number)
        return replace(self, files=(*self.files[:place], known, *self.files[place + 1 :]))

    def without_file(self, place: int, why: str) -> "Parcel":
        """The same without one of its files, which the answer says."""
        if self.measurement is None:
            return self
        missing = MissingFile(self.files[place].file.note.name, why)
        said = replace(self.measurement, measurement=without_files(self.measurement.measurement, [missing]))
        return replace(self, measurement=said, files=(*self.files[:place], *self.files[place + 1 :]))


class Spool:
    """A folder with a file for each answer and each reference energy that is not delivered yet, and files of looks.

    Several processes may share it: a file appears as a whole or not at all, and delivering one twice is harmless.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.refused_folder = folder / "refused"
        """Where parcels go that the service will never take."""
        self.refused_folder.mkdir(parents=True, exist_ok=True)
        self.looks = LookFolders(folder / "looks")
        """What looks under way keep."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps the folder, and with it the worker's name, to this process until it ends, however it ends.

        Raises:
            ConflictError: If another process of this computer has it.
        """
        with (self._folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError(
                    "A machine of this name is running already on this computer.",
                    remedy="Give each worker a name of its own: --name NAME.",
                ) from error
            self._forget_stray_files()
            yield

    def take(self, parcel: Parcel, workbench: Path) -> None:
        """Keeps a parcel with the files that its look left in a workbench; all of it is on the disk when this returns.

        Raises:
            PermanentLookError: If a file is not there.
        """
        if parcel.files:
            self._files_of(parcel).mkdir(parents=True, exist_ok=True)
        for spooled in parcel.files:
            _take(located(workbench, spooled.file), self.path_of(parcel, spooled))
        self.put(parcel)

    def put(self, parcel: Parcel) -> None:
        """Keeps a parcel; it is on the disk when this returns. Another one for the same claim is replaced."""
        _write(self._path(parcel.query_id, parcel.fence), to_json(parcel))

    def path_of(self, parcel: Parcel, spooled: SpooledFile) -> Path:
        """Where a file of a parcel lies."""
        return self._files_of(parcel) / content_digest(spooled.file.path)[:16]

    def has(self, query_id: int, fence: int) -> bool:
        """Whether the answer under a claim is here."""
        return self._path(query_id, fence).exists()

    def parcels(self) -> tuple[Parcel, ...]:
        """Everything that is not delivered yet, oldest query first. A damaged file is set aside."""
        return tuple(self._read())

    def remove(self, parcel: Parcel) -> None:
        """Forgets a parcel that was delivered."""
        self._path(parcel.query_id, parcel.fence).unlink(missing_ok=True)
        shutil.rmtree(self._files_of(parcel), ignore_errors=True)

    def set_aside(self, parcel: Parcel, reason: str) -> Path:
        """Moves a parcel that the service will never take to where people find it, with the reason beside it."""
        files = self._files_of(parcel)
        if files.is_dir():
            shutil.rmtree(self.refused_folder / files.name, ignore_errors=True)
            files.replace(self.refused_folder / files.name)
        return self._set_aside(self._path(parcel.query_id, parcel.fence), reason)

    def put_reference(self, message: ReferenceMessage) -> None:
        """Keeps a reference energy; it is on the disk when this returns."""
        _write(self._reference_path(message), to_json(message))

    def references(self) -> tuple[ReferenceMessage, ...]:
        """Reference energies that are not delivered yet. A damaged file is set aside."""
        names = sorted(path.name for path in self._folder.iterdir() if _REFERENCE_NAME.fullmatch(path.name))
        found = (self._load(ReferenceMessage, self._folder / name) for name in names)
        return tuple(message for message in found if message is not None)

    def remove_reference(self, message: ReferenceMessage) -> None:
        """Forgets a reference energy that was delivered."""
        self._reference_path(message).unlink(missing_ok=True)

    def set_reference_aside(self, message: ReferenceMessage, reason: str) -> Path:
        """Moves a reference energy that the service will never take to where people find it."""
        return self._set_aside(self._reference_path(message), reason)

    def _read(self) -> Iterator[Parcel]:
        numbered = [(match, path) for path in self._folder.iterdir() if (match := _NAME.fullmatch(path.name))]
        for _, path in sorted(numbered, key=lambda found: (int(found[0][1]), int(found[0][2]))):
            parcel = self._load(Parcel, path)
            if parcel is not None:
                yield parcel

    def _load(self, cls: type[T], path: Path) -> T | None:
        try:
            return parse_json(cls, path.read_bytes())
        except ParseError:
            path.replace(self.refused_folder / path.name)
        except FileNotFoundError:
            pass  # another process has just delivered it
        return None

    def _set_aside(self, path: Path, reason: str) -> Path:
        _write(self.refused_folder / f"{path.stem}.txt", reason + "\n")
        path.replace(self.refused_folder / path.name)
        return self.refused_folder / path.name

    def _reference_path(self, message: ReferenceMessage) -> Path:
        origin = message.provenance
        digest = content_digest([origin.oracle, origin.oracle_version, origin.settings_digest, message.campaign or ""])
        return self._folder / f"reference-{message.reference.symbol}-{digest[:16]}.json"

    def _forget_stray_files(self) -> None:
        """Removes files whose parcel never came to be, because the machine was killed in between, or is delivered."""
        for folder in self._folder.glob(f"{_FILES}-*"):
            if not (self._folder / f"{folder.name.removeprefix(_FILES)[1:]}.json").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def _files_of(self, parcel: Parcel) -> Path:
        return self._folder / f"{_FILES}-{self._path(parcel.query_id, parcel.fence).stem}"

    def _path(self, query_id: int, fence: int) -> Path:
        return self._folder / f"query-{query_id}-claim-{fence}.json"


def _take(source: Path, target: Path) -> None:
    """Gives a file a second name, or a copy where the disk has no such thing, and waits until it is on the disk."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    for path in (target, target.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(path: Path, text: str) -> None:
    """Writes a file so that after a crash of the machine it is there as a whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
