"""The desk where laboratories hand files in: kept first, then looked into, then accepted row by row or rejected."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, cast

from domain.errors import ConflictError, InvalidValueError, PetaliteError, UnreadableFileError
from domain.json_value import JsonObject, JsonValue
from services.store import Store
from services.store.artifacts import ArtifactRecord
from services.store.records import CampaignRecord
from services.store.uploads import (
    CLEAN,
    RowState,
    UploadKind,
    UploadRecord,
    UploadRow,
    UploadState,
)
from services.uploads.adjusting import fit_arguments
from services.uploads.artifacts import ArtifactFolder, Blob, shown_name
from services.uploads.child import Readers
from services.uploads.contents import Contents, media_type_of, take_apart
from services.uploads.entering import enter_row
from services.uploads.inspection import Inspection, Inspector
from services.uploads.intent import Intent, laboratory_intent, measurement_of_campaign
from services.uploads.options import corrected_cells, require_options

_PATIENCE_S: Final = 5.0
"""How long one acceptance lets rows enter; the rest waits for the next."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What came of accepting an upload."""

    upload: UploadRecord
    entered: tuple[int, ...]
    """Numbers of the rows that entered now."""
    held_back: Mapping[int, str]
    """Why each other row did not, by number."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that was looked into, before that is kept."""

    artifact: ArtifactRecord
    kind: UploadKind
    state: UploadState
    options: Mapping[str, str]
    inspection: Inspection
    measurement_id: int | None = None
    """The measurement that an attachment goes with."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What is found of rows that were looked at again."""

    found: Inspection
    seen: Mapping[int, UploadRow]
    """The rows by number as they were before."""


class UploadDesk:
    """Takes files in for campaigns. Threads may share it.

    Each step is harmless when it is repeated, whenever the process was killed: a file is kept before anybody looks into
    it, and each row enters in one transaction with the note that it has.
    """

    def __init__(self, store: Store, folder: ArtifactFolder, readers: Readers) -> None:
        self._store = store
        self._folder = folder
        self._readers = readers

    def keep(
        self, campaign: CampaignRecord, chunks: Iterable[bytes], *, name: str | None, uploaded_by: str
    ) -> ArtifactRecord:
        """Keeps a file, whatever is in it.

        Raises:
            InvalidValueError: If it is too large.
        """
        return self.record(campaign, self._folder.keep(chunks), name=name, uploaded_by=uploaded_by)

    def record(self, campaign: CampaignRecord, blob: Blob, *, name: str | None, uploaded_by: str) -> ArtifactRecord:
        """Records a file whose bytes are kept."""
        shown = shown_name(name)
        return self._store.artifacts.add(
            campaign.id,
            digest=blob.digest,
            name=shown,
            media_type=media_type_of(self._folder.path(blob.digest), shown),
            size=blob.size,
            uploaded_by=uploaded_by,
        )

    def examine(
        self,
        campaign: CampaignRecord,
        artifact: ArtifactRecord,
        *,
        kind: UploadKind | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Examined:
        """Looks into a file that is kept, and changes nothing.

        Args:
            campaign: The campaign that it is for.
            artifact: The file.
            kind: What it holds; None finds out.
            options: What holds for the whole file, see `options.OPTIONS`.

        Raises:
            InvalidValueError: If there is no such option.
            NotFoundError: If the bytes are gone, or an attachment's measurement is not there.
        """
        given = require_options(options or {})
        try:
            contents, inspection = self._inspect(campaign, artifact, kind, given)
        except (UnreadableFileError, InvalidValueError) as error:
            problem = Inspection((), {"problem": error.problem, "remedy": error.remedy})
            return Examined(artifact, kind or UploadKind.TABLE, UploadState.UNREADABLE, given, problem)
        measurement_id = None
        state = UploadState.OPEN
        if contents.kind is UploadKind.ATTACHMENT:
            state = UploadState.ACCEPTED
            measurement_id = self._attached_to(campaign, given)
        return Examined(artifact, contents.kind, state, given, inspection, measurement_id)

    def add(self, examined: Examined) -> UploadRecord:
        """Keeps what was found in a file."""
        artifact = examined.artifact
        with self._store.writing():
            if examined.measurement_id is not None:
                self._store.artifacts.link(examined.measurement_id, artifact.id)
            return self._store.uploads.add(
                artifact.campaign_id or 0,
                artifact.id,
                kind=examined.kind,
                state=examined.state,
                options=examined.options,
                report=examined.inspection.report,
                rows=examined.inspection.rows,
                uploaded_by=artifact.uploaded_by,
            )

    def check_again(self, upload_id: int, number: int, cells: Mapping[str, str]) -> SecondLook:
        """Looks at a row that has not entered as if some of its cells were others; changes nothing.

        Raises:
            NotFoundError: If there is no such upload or row.
            ConflictError: If it has entered, or the upload is over.
            InvalidValueError: If too much is changed at once, or there is no such column.
        """
        return self.check_several(upload_id, {number: cells})

    def check_several(self, upload_id: int, changed: Mapping[int, Mapping[str, str]]) -> SecondLook:
        """The same for several rows, such as all spectra of a series, given by number.

        Raises:
            NotFoundError: If there is no such upload or row.
            ConflictError: If one has entered, or the upload is over.
            InvalidValueError: If too much is changed at once, there is no such column, or what is said of a fit cannot
                be read.
        """
        upload = self._open(upload_id)
        siblings = {row.number: row for row in self._store.uploads.rows(upload_id)}
        rows = []
        for number, cells in changed.items():
            row = self._store.uploads.row(upload_id, number)
            if row.state is RowState.ENTERED:
                raise ConflictError(f"Row {number} has entered.", remedy="Amend its measurement instead.")
            corrected = corrected_cells(row, cells, upload.kind)
            if upload.kind is UploadKind.IMPEDANCE:
                # Else a slip of the finger in a window would take the fit away that somebody looks at.
                fit_arguments(cast(Mapping[str, str], corrected))
            rows.append(replace(row, cells=corrected))
        return self._look_again(upload, rows, siblings)

    def check_refused(self, upload_id: int) -> SecondLook:
        """Looks at all refused rows again, such as those for which the time did not suffice; changes nothing.

        Raises:
            NotFoundError: If there is no such upload.
            ConflictError: If it is over.
        """
        upload = self._open(upload_id)
        siblings = {row.number: row for row in self._store.uploads.rows(upload_id)}
        refused = [row for row in siblings.values() if row.state is RowState.REFUSED]
        return self._look_again(upload, refused, siblings)

    def _look_again(
        self, upload: UploadRecord, rows: Sequence[UploadRow], siblings: Mapping[int, UploadRow]
    ) -> SecondLook:
        campaign = self._store.campaigns.by_id(upload.campaign_id)
        artifact = self._store.artifacts.get(upload.artifact_id)
        inspector = self._inspector(campaign, cast(Mapping[str, str], upload.options))
        contents = self._take_apart(artifact, upload.kind, inspector.deadline)
        found = inspector.check(contents, rows, siblings=tuple(siblings.values()))
        return SecondLook(found, siblings)

    def put(self, upload_id: int, look: SecondLook) -> None:
        """Replaces rows that were looked at again.

        Raises:
            ConflictError: If somebody has changed one of them since, one has entered, or the upload is over.
        """
        found = look.found
        with self._store.writing():
            self._open(upload_id)
            for row in found.rows:
                if self._store.uploads.row(upload_id, row.number) != look.seen[row.number]:
                    raise ConflictError(
                        f"Row {row.number} was changed by somebody else while it was looked at.",
                        remedy="Read the row again, and repeat the change if it still makes sense.",
                    )
                self._store.uploads.put_row(upload_id, row)
            if found.report:
                report = self._store.uploads.get(upload_id).report
                self._store.uploads.put_report(upload_id, _merged(report, found.report))

    def accept(
        self, upload_id: int, *, worker: str, confirmed: Collection[int] = (), confirm_all: bool = False
    ) -> Acceptance:
        """Lets the clean rows enter, and the suspicious ones that are confirmed.

        Args:
            upload_id: The upload.
            worker: Who accepts it; what enters is theirs.
            confirmed: Numbers of suspicious rows that are meant as they are.
            confirm_all: Whether all suspicious rows are.

        Raises:
            NotFoundError: If there is no such upload.
            InvalidValueError: If it has no row of a confirmed number.
            ConflictError: If it was rejected or could not be read.
        """
        upload = self._store.uploads.get(upload_id)
        if upload.state is not UploadState.ACCEPTED:
            upload = self._open(upload_id)
        _require_rows(self._store.uploads.rows(upload_id), confirmed)
        intent = self._intent(upload)
        entered: list[int] = []
        held_back: dict[int, str] = {}
        deadline = time.monotonic() + _PATIENCE_S
        for row in self._store.uploads.rows(upload_id):
            if row.state is RowState.ENTERED:
                continue
            is_confirmed = row.state is RowState.SUSPICIOUS and (confirm_all or row.number in confirmed)
            if row.state not in CLEAN and not is_confirmed:
                held_back[row.number] = " ".join(row.remarks)
            elif time.monotonic() > deadline:
                held_back[row.number] = "It was not its turn yet. Accept the upload again."
            else:
                try:
                    self._enter(upload, row, intent, worker)
                    entered.append(row.number)
                except PetaliteError as error:
                    held_back[row.number] = str(error)
        if not held_back:
            self._store.uploads.settle(upload_id, UploadState.ACCEPTED)
        return Acceptance(self._store.uploads.get(upload_id), tuple(entered), held_back)

    def _enter(self, upload: UploadRecord, row: UploadRow, intent: Intent | None, worker: str) -> None:
        """Lets a row enter in the store's own writer, between what others have to write."""
        work = partial(enter_row, self._store, upload, row, intent=intent, worker=worker)
        self._store.submit(work).result()

    def reject(self, upload_id: int) -> UploadRecord:
        """Ends an upload: rows that have not entered never will. The file and the report stay.

        Raises:
            NotFoundError: If there is no such upload.
            ConflictError: If everything in it has entered.
        """
        upload = self._store.uploads.get(upload_id)
        if upload.state is UploadState.ACCEPTED:
            raise ConflictError(
                f"Upload {upload_id} has entered.",
                remedy="Take its measurements back one by one: petalite lab retract.",
            )
        self._store.uploads.settle(upload_id, UploadState.REJECTED)
        return self._store.uploads.get(upload_id)

    def _open(self, upload_id: int) -> UploadRecord:
        upload = self._store.uploads.get(upload_id)
        if upload.state is not UploadState.OPEN:
            raise ConflictError(f"Upload {upload_id} is {upload.state.value}.", remedy="Hand the file in again.")
        return upload

    def _inspect(
        self, campaign: CampaignRecord, artifact: ArtifactRecord, kind: UploadKind | None, options: Mapping[str, str]
    ) -> tuple[Contents, Inspection]:
        inspector = self._inspector(campaign, options)
        contents = self._take_apart(artifact, kind, inspector.deadline)
        return contents, inspector.inspect(contents)

    def _inspector(self, campaign: CampaignRecord, options: Mapping[str, str]) -> Inspector:
        return Inspector(self._store, campaign, self._readers, options, self._readers.deadline())

    def _take_apart(self, artifact: ArtifactRecord, kind: UploadKind | None, deadline: float) -> Contents:
        path = self._folder.path(artifact.digest)
        return take_apart(path, artifact.name, kind, readers=self._readers, deadline=deadline)

    def _intent(self, upload: UploadRecord) -> Intent | None:
        with suppress(InvalidValueError):
            fidelity = upload.options.get("fidelity")
            campaign = self._store.campaigns.by_id(upload.campaign_id)
            return laboratory_intent(self._store, campaign, None if fidelity is None else str(fidelity))
        return None

    def _attached_to(self, campaign: CampaignRecord, options: Mapping[str, str]) -> int | None:
        named = options.get("measurement", "")
        if not named:
            return None
        number = int(named) if named.isdecimal() and len(named) <= 9 else 0
        return measurement_of_campaign(self._store, campaign, number).id


def _merged(report: JsonObject, newer: JsonObject) -> JsonObject:
    """A report with newer fits in the place of older ones."""
    merged: dict[str, JsonValue] = {**report, **newer}
    if isinstance(report.get("fits"), Mapping) and isinstance(newer.get("fits"), Mapping):
        # Where nothing could be fitted the last fit stays to be looked at; the row says why it is refused.
        fitted = {number: fit for number, fit in cast(JsonObject, newer["fits"]).items() if fit}
        merged["fits"] = {**cast(JsonObject, report["fits"]), **fitted}
    return merged


def _require_rows(rows: Sequence[UploadRow], numbers: Collection[int]) -> None:
    missing = sorted(set(numbers) - {row.number for row in rows})
    if missing:
        raise InvalidValueError(
            f"The upload has no row {missing[0]}.", remedy="Look at its report for the numbers of its rows."
        )
