"""Where a number belongs to an ordered choice for a disordered crystal, its page and the API say so."""

from dataclasses import replace

import pytest

from domain.blueprint import Realization
from services.access.roles import Role
from services.api.testing import Served, serving
from services.dashboard.app import create_service
from services.intake import Findings, record_measurement
from services.intake.testing.examples import claim, example_measurement
from services.store.records import QueryRecord

ORDERED = "ordered by enumeration of 100 arrangements in 1×5×1 cells, weight 0.76 of 4, composition within 0"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("disorder"), create=create_service) as running:
        yield running


def _answered(served: Served, query: QueryRecord, method: str) -> None:
    blueprint = served.store.candidates.get(query.candidate_id).blueprint
    sites = Realization(blueprint.digest, f"data_{method}\n", method, 1, None, None, is_relaxed=False)
    measured = example_measurement(-1.5)
    measured = replace(measured, provenance=replace(measured.provenance, realization_digest=sites.digest))
    fence = claim(served.store, query).fence
    record_measurement(served.store, query.id, fence=fence, measurement=measured, found=Findings((sites,)))


def test_the_flag_stands_beside_the_value(served: Served) -> None:
    campaign = served.new_campaign("salts", n_picks=2)
    queries = [query for query in served.store.queries.list(campaign.id) if query.fidelity == "static"]
    headers = served.acting_as(Role.VIEWER)
    for query, method, is_of_disordered in zip(queries, (ORDERED, "pyxtal"), (True, False), strict=False):
        _answered(served, query, method)
        page = served.client.get(f"/crystals/{query.candidate_id}", headers=headers).text
        assert ("one ordered choice for a disordered crystal" in page) is is_of_disordered
        assert ("none: blueprints are ordered" in page) is not is_of_disordered
        assert method in page
        listed = served.client.get(f"/api/v1/candidates/{query.candidate_id}/realizations", headers=headers).json()
        assert [one["is_of_disordered"] for one in listed] == [is_of_disordered]
