"""Uploads and artifacts on every database."""

from pathlib import Path

import pytest

from domain.errors import ConflictError, NotFoundError
from services.store.examples import Bench
from services.store.uploads import RowState, UploadKind, UploadRow, UploadState
from services.uploads.artifacts import ArtifactFolder
from services.uploads.child import Readers, ReadingLimits
from services.uploads.desk import UploadDesk
from services.uploads.testing import conductor_campaign

TABLE = Path(__file__).parents[1] / "data" / "uploads" / "template.csv"


def _artifact(store, campaign):
    return store.artifacts.add(
        campaign.id, digest="a" * 64, name="a.csv", media_type="text/csv", size=2, uploaded_by="eve"
    )


def _upload(store, campaign, *, state=UploadState.OPEN, n_rows=3):
    rows = [UploadRow(n, RowState.ACCEPTED, {"value": "\0<1"}, {"n": n}, ("fine",)) for n in range(1, n_rows + 1)]
    return store.uploads.add(
        campaign.id,
        _artifact(store, campaign).id,
        kind=UploadKind.TABLE,
        state=state,
        options={"query": "1"},
        report={"left_empty": 0},
        rows=rows,
        uploaded_by="eve",
    )


def test_artifacts_are_listed_by_key_and_linked_once(store_bench: Bench):
    store = store_bench.store
    campaign = conductor_campaign(store)
    first, second = _artifact(store, campaign), _artifact(store, campaign)
    assert first.digest == second.digest
    assert store.artifacts.list(campaign.id, after=first.id) == (second,)
    assert store.artifacts.get(first.id) == first
    with pytest.raises(NotFoundError, match="no artifact number 99"):
        store.artifacts.get(99)
    assert store.artifacts.of_measurement(1) == ()


def test_uploads_keep_rows_and_settle_once(store_bench: Bench):
    store = store_bench.store
    campaign = conductor_campaign(store)
    upload = _upload(store, campaign)
    assert store.uploads.get(upload.id) == upload
    assert store.uploads.list(campaign.id) == (upload,)
    assert [row.number for row in store.uploads.rows(upload.id, after=1, limit=1)] == [2]
    assert store.uploads.row(upload.id, 1).cells == {"value": "\N{REPLACEMENT CHARACTER}<1"}
    assert store.uploads.tally(upload.id)[RowState.ACCEPTED] == 3
    assert store.uploads.settle(upload.id, UploadState.REJECTED)
    assert not store.uploads.settle(upload.id, UploadState.ACCEPTED)
    assert store.uploads.get(upload.id).settled_at == store_bench.clock()
    for missing in (lambda: store.uploads.get(99), lambda: store.uploads.row(upload.id, 99)):
        with pytest.raises(NotFoundError, match="99"):
            missing()


def test_rows_that_entered_are_never_changed(store_bench: Bench):
    store = store_bench.store
    upload = _upload(store, conductor_campaign(store))
    with store.writing():
        row = store.uploads.row(upload.id, 1)
        store.uploads.put_row(upload.id, UploadRow(1, RowState.ENTERED, row.cells, row.understood, row.remarks))
    with pytest.raises(ConflictError, match="has entered"):
        store.uploads.put_row(upload.id, UploadRow(1, RowState.REFUSED, {}, {}, ()))
    store.uploads.put_report(upload.id, {"left_empty": 1})
    assert store.uploads.get(upload.id).report == {"left_empty": 1}
    assert store.uploads.tally(upload.id)[RowState.ENTERED] == 1


def test_a_table_enters_once(store_bench: Bench, tmp_path: Path):
    store = store_bench.store
    campaign = conductor_campaign(store)
    with Readers(ReadingLimits()) as readers:
        desk = UploadDesk(store, ArtifactFolder(tmp_path / "artifacts"), readers)
        artifact = desk.keep(campaign, [TABLE.read_bytes()], name="template.csv", uploaded_by="eve")
        upload = desk.add(desk.examine(campaign, artifact))
        assert desk.accept(upload.id, worker="eve").entered == (1, 2, 3)
        assert desk.accept(upload.id, worker="eve").entered == ()
    assert len(store.measurements.list(campaign.id)) == 2
    assert [record.id for record in store.artifacts.of_measurement(1)] == [artifact.id]
