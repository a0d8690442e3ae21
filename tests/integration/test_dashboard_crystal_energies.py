"""A crystal's page and the API say how relaxations ended, and how far the crystal is above the hull."""

from dataclasses import replace

import pytest

from domain.blueprint import Realization
from domain.parsing import to_json_value
from domain.relaxation import RELAXATIONS, Relaxation, RelaxationOutcome
from services.access.roles import Role
from services.api.testing import Served, serving
from services.dashboard.app import create_service
from services.intake import Findings, record_measurement
from services.intake.testing.examples import claim, example_measurement
from services.materials.relaxations import relaxations_by_sites, relaxations_told

CHANGED = Relaxation("drawn", "relaxed", RelaxationOutcome.CHANGED_GROUP, 41, 229, 225, 12.0, 11.5, -3.1, 0.02, -3.0)
BROKEN = Relaxation("second", None, RelaxationOutcome.COLLAPSED, 20, 225, 225, 12.0, 12.0, problem="Atoms met.")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("relaxations"), create=create_service) as running:
        yield running


def _sites(blueprint_digest: str, method: str) -> Realization:
    return Realization(blueprint_digest, f"data_{method}\n", method, 1, None, None, is_relaxed="+" in method)


def test_the_outcome_stands_beside_the_sites(served: Served) -> None:
    campaign = served.new_campaign("metals", n_picks=1)
    query = next(query for query in served.store.queries.list(campaign.id) if query.fidelity == "static")
    blueprint = served.store.candidates.get(query.candidate_id).blueprint
    drawn, second, relaxed = (_sites(blueprint.digest, method) for method in ("drawn", "second", "drawn+relax"))
    changed = replace(CHANGED, start=drawn.digest, sites=relaxed.digest)
    broken = replace(BROKEN, start=second.digest)
    measured = replace(example_measurement(-1.5), details={RELAXATIONS: [to_json_value(r) for r in (changed, broken)]})
    fence = claim(served.store, query).fence
    found = Findings((drawn, second, relaxed))
    record_measurement(served.store, query.id, fence=fence, measurement=measured, found=found)

    headers = served.acting_as(Role.VIEWER)
    listed = served.client.get(f"/api/v1/candidates/{query.candidate_id}/realizations", headers=headers).json()
    outcomes = {one["method"]: [told["outcome"] for told in one["relaxations"]] for one in listed}
    assert outcomes == {"drawn": ["changed group"], "second": ["collapsed"], "drawn+relax": ["changed group"]}
    one = served.client.get(f"/api/v1/realizations/{listed[2]['id']}", headers=headers).json()
    assert one["relaxations"][0]["space_group_after"] == 225
    page = " ".join(served.client.get(f"/crystals/{query.candidate_id}", headers=headers).text.split())
    assert "changed group, 41 steps, space group 229 to 225, −0.1" in page
    assert "by giving up its symmetry" in page
    assert "when relaxed: collapsed, 20 steps" in page
    assert f'into <a href="?realization={listed[2]["id"]}">' in page


def test_the_distance_to_the_hull_stands_on_the_page_and_in_the_answers(served: Served) -> None:
    campaign = served.new_campaign("hulls", n_picks=2)
    first, second = (query for query in served.store.queries.list(campaign.id) if query.fidelity == "static")
    headers = served.acting_as(Role.VIEWER)
    address = f"/api/v1/candidates/{first.candidate_id}/hull"
    assert served.client.get(address, headers=headers).json()["by_look"] == []
    for query, value in ((first, -1.5), (second, -1.6)):
        fence = claim(served.store, query).fence
        record_measurement(served.store, query.id, fence=fence, measurement=example_measurement(value))
    (look,) = served.client.get(address, headers=headers).json()["by_look"]
    assert look["above_hull_eV_per_atom"] == pytest.approx(0.1)
    assert look["decomposition"][0]["candidate_id"] == second.candidate_id
    of_crystal = served.client.get(f"/crystals/{first.candidate_id}", headers=headers).text
    assert look["summary"] not in of_crystal, "what takes long is no part of the page itself"
    part = f"/crystals/{first.candidate_id}/hull"
    assert f'hx-get="{part}"' in of_crystal
    page = " ".join(served.client.get(part, headers=headers).text.split())
    assert look["summary"] in page
    assert f'100 % <a href="/crystals/{second.candidate_id}">' in page
    stranger = served.acting_as(Role.VIEWER, stranger=True)
    assert served.client.get(address, headers=stranger).status_code == 404
    assert served.client.get(part, headers=stranger).status_code == 404


def test_details_that_are_no_relaxations_are_left_out() -> None:
    told = [to_json_value(CHANGED), "text", {"outcome": "converged"}, {**to_json_value(BROKEN), "more": 1}]
    assert relaxations_told({RELAXATIONS: told}) == (CHANGED,)
    assert relaxations_told({RELAXATIONS: "text"}) == relaxations_told({}) == ()


def test_what_several_looks_tell_alike_is_told_once() -> None:
    details = {RELAXATIONS: [to_json_value(CHANGED), to_json_value(BROKEN)]}
    assert relaxations_by_sites([details, details]) == {
        "drawn": (CHANGED,),
        "relaxed": (CHANGED,),
        "second": (BROKEN,),
    }
