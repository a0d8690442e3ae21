"""A row enters as it was when somebody decided that it does, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import ConflictError
from services.store.examples import bench, example_spec
from services.store.uploads import RowState, UploadKind, UploadRow, UploadState
from services.uploads.entering import enter_row


def test_a_row_that_changed_or_was_rejected_meanwhile_does_not_enter(tmp_path: Path) -> None:
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        store = opened.store
        campaign = store.campaigns.create(example_spec())
        file = store.artifacts.add(
            campaign.id, digest="0" * 64, name="table.csv", media_type="text/csv", size=1, uploaded_by="eve"
        )
        upload = store.uploads.add(
            campaign.id,
            file.id,
            kind=UploadKind.TABLE,
            state=UploadState.OPEN,
            options={},
            report={},
            rows=[UploadRow(1, RowState.ACCEPTED, {"value": "1"}, {}, ())],
            uploaded_by="eve",
        )
        seen = store.uploads.row(upload.id, 1)
        store.uploads.put_row(upload.id, replace(seen, state=RowState.SUSPICIOUS, cells={"value": "1000"}))
        with pytest.raises(ConflictError, match="was changed while the upload was accepted"):
            enter_row(store, upload, seen, intent=None, worker="ada")
        store.uploads.settle(upload.id, UploadState.REJECTED)
        with pytest.raises(ConflictError, match="was rejected meanwhile"):
            enter_row(store, upload, seen, intent=None, worker="ada")
