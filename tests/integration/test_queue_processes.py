"""Several processes at one queue."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from domain.fidelity import AnsweredBy
from domain.states import QueryState
from services.store import open_store
from services.store.examples import example_pick, example_spec, open_round

CLAIM_ALL = """
import json, sys
from domain.fidelity import Capability
from services.store import open_store
claimed = []
with open_store(sys.argv[1]) as store:
    while query := store.queries.claim_next(
        worker=f"{sys.argv[2]}-{len(claimed)}", lease_s=600, oracles=[Capability("potential")]
    ):
        claimed.append(query.id)
print(json.dumps(claimed))
"""


def test_no_two_processes_get_the_same_query(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    with open_store(url) as store:
        spec = example_spec()
        static, *dearer = spec.ladder
        machines = replace(static, answered_by=AnsweredBy.MACHINES)
        campaign = store.campaigns.create(replace(spec, ladder=(machines, *dearer)))
        open_round(store, campaign.id, 0, [example_pick(n) for n in range(60)])
        processes = [
            subprocess.Popen([sys.executable, "-c", CLAIM_ALL, url, f"p{n}"], stdout=subprocess.PIPE, text=True)
            for n in range(3)
        ]
        claimed = [query for process in processes for query in json.loads(process.communicate(timeout=120)[0])]
        held = store.queries.list(campaign.id, states=[QueryState.CLAIMED])
    assert sorted(claimed) == [query.id for query in held]
    assert len(claimed) == 60
    assert {query.fence for query in held} == {1}
