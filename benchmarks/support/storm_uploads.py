"""Storms over the acceptance of a laboratory's table."""

import tempfile
from pathlib import Path

from support.storm import Acknowledge, Life, live
from support.storm_work import CAMPAIGN

from services.store import open_store
from services.store.uploads import RowState
from services.uploads.artifacts import ArtifactFolder
from services.uploads.child import Readers, ReadingLimits
from services.uploads.desk import UploadDesk
from services.uploads.testing import conductor_campaign

N_ROWS = 4
_WORKER = "storm"


class UploadStage:
    """A process that lets the rows of a table enter."""

    name = "uploads"

    def __init__(self, url: str) -> None:
        self.url = url
        self._folder = ArtifactFolder(Path(tempfile.mkdtemp(prefix="petalite-storm-")))
        self._upload_id = 0

    def prepare(self) -> None:
        """Asks a laboratory, and takes its table in."""
        with open_store(self.url) as store, Readers(ReadingLimits(n_children=1)) as readers:
            campaign = conductor_campaign(store, CAMPAIGN, n_asked=N_ROWS)
            desk = UploadDesk(store, self._folder, readers)
            queries = store.queries.list(campaign.id)
            table = "\n".join(["query,value,unit", *(f"{query.id},{query.id}e-6,S/cm" for query in queries)])
            artifact = desk.keep(campaign, [table.encode()], name="table.csv", uploaded_by=_WORKER)
            self._upload_id = desk.add(desk.examine(campaign, artifact)).id

    def live(self, kill_at: int | None) -> Life:
        """One life of the process."""
        return live(self._work, kill_at=kill_at)

    def known(self) -> frozenset[str]:
        """What the store holds of what may have been acknowledged."""
        with open_store(self.url) as store:
            rows = store.uploads.rows(self._upload_id)
        return frozenset(_said(row.number) for row in rows if row.state is RowState.ENTERED)

    def _work(self, acknowledge: Acknowledge) -> None:
        with open_store(self.url) as store, Readers(ReadingLimits(n_children=1)) as readers:
            accepted = UploadDesk(store, self._folder, readers).accept(
                self._upload_id, worker=_WORKER, confirm_all=True
            )
            if accepted.held_back:
                raise SystemExit(f"Rows were held back: {accepted.held_back}")
            for number in accepted.entered:
                acknowledge(_said(number))


def _said(row: int) -> str:
    return f"entered {row}"
