"""Storms over the flow that runs a campaign."""

import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from support.storm import Acknowledge, Life, live
from support.storm_work import CAMPAIGN, FIDELITY, known, spec

from domain.campaign import Budget, CampaignSpec, Component
from domain.fidelity import Fidelity
from domain.search_space import SearchSpace
from services.store import open_store


class FlowStage:
    """A process that advances a whole campaign; its looks are computed by oracle processes of its own."""

    name = "flow"

    def __init__(self, url: str) -> None:
        self.url = url
        self._home = Path(tempfile.mkdtemp(prefix="petalite-storm-"))

    def prepare(self) -> None:
        """Keeps the campaign; its questions are its own."""
        with open_store(self.url) as store:
            store.campaigns.create(_spec())

    def live(self, kill_at: int | None) -> Life:
        """One life of the process that runs the campaign."""
        return live(self._work, kill_at=kill_at)

    def known(self) -> frozenset[str]:
        """What the store holds of what may have been acknowledged."""
        with open_store(self.url) as store:
            return known(store)

    def _work(self, _: Acknowledge) -> None:
        os.environ |= {"PETALITE_HOME": str(self._home), "PETALITE_STORE_URL": self.url, "PETALITE_WORKERS": "1"}
        from flows.advance import advance

        advance(CAMPAIGN)


@contextmanager
def flow_ground() -> Iterator[None]:
    """A Prefect server for all storms, and what flows import, so that each life begins with work."""
    from flows.environment import prepare_environment
    from flows.prefect_server import prefect_server

    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        prepare_environment(os.environ, home=home)
        with prefect_server(os.environ, home=home):
            importlib.import_module("flows.advance")
            yield


def _spec() -> CampaignSpec:
    return replace(
        spec(),
        ladder=(Fidelity(FIDELITY, "density", 1.0), Fidelity("gaze", "density", 10.0)),
        space=SearchSpace(elements=("Li", "Cl"), space_groups=(221, 225), max_atoms=8),
        budget=Budget(total=40.0, per_round=20.0),
        initial_looks={FIDELITY: 4, "gaze": 1},
        max_rounds=2,
        pool_size=32,
        generator=Component("uniform"),
    )
