"""A campaign's pages and a crystal's page, as the service renders them: who may see them, and without a script."""

import pytest

from domain.elements import element
from domain.material import KnownMaterial
from domain.states import QueryState
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.rate import Rate, Rates
from services.api.testing import running
from services.dashboard.app import create_service
from services.dashboard.example import fill_campaign
from services.dashboard.testing import GROUP, make_people
from services.reports.agreement import FidelityPair
from services.reports.explored import table_place
from services.settings import load_settings

CAMPAIGN = "salts"
OF_CAMPAIGN = ("", "/crystals", "/rounds", "/rounds/0", "/rounds/1", "/looks", "/events", "/scorecard")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    unlimited = Rate(per_s=1e9, burst=1e9)
    settings = load_settings({"PETALITE_HOME": str(tmp_path_factory.mktemp("dashboard"))})
    return create_service(settings, rates=Rates(unlimited, unlimited))


@pytest.fixture(scope="module")
def client(app):
    with running(app) as started:
        store = app.state.service.open_store
        make_people(store)
        fill_campaign(store, CAMPAIGN, group=GROUP)
        yield started


@pytest.fixture
def store(app, client):
    return app.state.service.open_store


@pytest.fixture(scope="module")
def headers(app, client):
    def token(name):
        store = app.state.service.open_store
        permissions = PERMISSIONS_OF_ROLE[store.people.get(name).role]
        return create_token(store, name, label="tests", scopes=permissions, by=local_operator()).secret

    names = [*(role.value for role in Role), "stranger"]
    return {name: {"Authorization": f"Bearer {token(name)}"} for name in names}


@pytest.fixture
def visit(client, headers):
    return lambda name, path, **parameters: client.get(path, params=parameters, headers=headers[name])


@pytest.mark.parametrize("path", OF_CAMPAIGN)
def test_every_page_of_a_campaign_is_everybodys_in_its_group_and_nobodys_else(visit, path) -> None:
    for role in Role:
        answer = visit(role.value, f"/campaigns/{CAMPAIGN}{path}")
        assert answer.status_code == 200, answer.text[:2000]
    assert visit("stranger", f"/campaigns/{CAMPAIGN}{path}").status_code == 404
    assert visit("scientist", f"/campaigns/no-such{path}").status_code == 404


def test_a_crystal_is_shown_to_its_group_alone(visit, store) -> None:
    candidate = store.candidates.list(store.campaigns.get(CAMPAIGN).id)[0]
    page = visit("viewer", f"/crystals/{candidate.id}")
    assert page.status_code == 200
    assert visit("stranger", f"/crystals/{candidate.id}").status_code == 404
    assert visit("viewer", "/crystals/99999").status_code == 404
    for said in (
        "pyxtal+relax",
        "Why this crystal",
        "no known material",
        "No transport data",
        "structure?format=poscar",
    ):
        assert said.lower() in page.text.lower()


def test_a_look_leads_to_its_crystal(visit, store) -> None:
    query = store.queries.list(store.campaigns.get(CAMPAIGN).id)[3]
    answer = visit("viewer", f"/looks/{query.id}")
    assert answer.headers["location"] == f"/crystals/{query.candidate_id}#look-{query.id}"
    assert visit("stranger", f"/looks/{query.id}").status_code == 404


def test_crystals_are_sorted_and_narrowed_down_by_addresses(visit) -> None:
    page = visit("viewer", f"/campaigns/{CAMPAIGN}/crystals", elements="Li, Cl", formula="", space_group="", state="")
    assert page.text.count("/crystals/") >= 2
    assert "NaCl" not in page.text
    assert "18 crystals were chosen so far" in page.text
    few = visit("viewer", f"/campaigns/{CAMPAIGN}/crystals", column="paid")
    assert "Density" not in few.text.split("<thead>")[1]
    assert "LiCl" in visit("viewer", f"/campaigns/{CAMPAIGN}/crystals", sort="value", value_at="dft").text
    assert "No crystal fits" in visit("viewer", f"/campaigns/{CAMPAIGN}/crystals", elements="He").text
    assert visit("viewer", f"/campaigns/{CAMPAIGN}/crystals", sort="beauty").status_code == 422


def test_looks_and_events_are_narrowed_down(visit) -> None:
    assert "node-7" in visit("viewer", f"/campaigns/{CAMPAIGN}/looks", state="claimed", fidelity="").text
    assert "No such look" in visit("viewer", f"/campaigns/{CAMPAIGN}/looks", state="cancelled").text
    events = visit("viewer", f"/campaigns/{CAMPAIGN}/events", kind="generator.training").text
    assert events.index("training step 8/8") < events.index("training step 1/8")


def test_the_overview_says_what_is_best_what_runs_and_what_is_waited_for(visit) -> None:
    page = visit("viewer", f"/campaigns/{CAMPAIGN}").text
    for said in ("Best measured at lab", "Most promising", "by node-7", "wait for approval", "Regret would need"):
        assert said in page
    assert "Give up" not in page
    assert "Give up" in visit("scientist", f"/campaigns/{CAMPAIGN}").text


def test_a_look_is_given_up_by_who_may_run_the_campaign(client, headers, store) -> None:
    campaign_id = store.campaigns.get(CAMPAIGN).id
    (query,) = store.queries.list(campaign_id, states={QueryState.CLAIMED})
    path = f"/campaigns/{CAMPAIGN}/looks/{query.id}/cancel"
    elsewhere = client.post(f"/campaigns/another/looks/{query.id}/cancel", headers=headers["scientist"])
    assert elsewhere.status_code == 404
    for name, status in (("viewer", 403), ("stranger", 404), ("scientist", 303)):
        answer = client.post(path, data={"reason": "too slow"}, headers=headers[name])
        assert answer.status_code == status
    assert store.queries.get(query.id).state is QueryState.CANCELLED
    last = store.events.list(campaign_id, limit=10_000)[-1]
    assert "by scientist: too slow" in last.event.message


def test_known_materials_are_listed_and_shown(visit, store) -> None:
    assert "No material is known yet" in visit("viewer", "/materials").text
    candidate = store.candidates.list(store.campaigns.get(CAMPAIGN).id)[1]
    known = KnownMaterial.of_blueprint(candidate.blueprint, source="handbook", source_id="rock salt")
    added = store.materials.add(known, group_id=None, added_by="administrator")
    assert "rock salt" in visit("viewer", "/materials", elements="Li", formula="", space_group="").text
    assert "Its sites are not known" in visit("viewer", f"/materials/{added.id}").text
    assert "the same blueprint" in visit("viewer", f"/crystals/{candidate.id}").text
    assert visit("viewer", "/materials/999").status_code == 404


def test_figures_say_what_was_explored(visit) -> None:
    elements = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/elements").json()
    assert elements["layout"]["meta"] == {"n_crystals": 18, "n_space_groups": 2, "n_elements": 6}
    (heat,) = elements["data"]
    assert (heat["text"][2][0], heat["z"][2][0]) == ("Na<br>6", 6)
    pairs = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/pairs").json()["data"][0]
    assert pairs["z"][pairs["y"].index("Li")][pairs["x"].index("Na")] == 0
    assert visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/training").json()["layout"]["meta"] == {"n": 8}


@pytest.mark.parametrize(
    ("symbol", "place"),
    [("H", (1, 1)), ("He", (1, 18)), ("Li", (2, 1)), ("B", (2, 13)), ("Cl", (3, 17)), ("Sc", (4, 3)), ("I", (5, 17)),
     ("Cs", (6, 1)), ("La", (8, 3)), ("Lu", (8, 17)), ("Hf", (6, 4)), ("Pb", (6, 14)), ("Ra", (7, 2)), ("U", (9, 6))],
)  # fmt: skip
def test_elements_stand_where_the_periodic_table_has_them(symbol, place) -> None:
    assert table_place(element(symbol).atomic_number) == place


def _pair(n, correlation):
    points = tuple((float(i), float(i)) for i in range(n))
    return FidelityPair("cheap", "dear", points, correlation, 0.0, 0.1)


def test_the_scorecard_claims_no_more_than_its_pairs_show() -> None:
    assert "too few" in _pair(4, 0.9).verdict
    assert "ranks crystals as" in _pair(40, 0.95).verdict
    assert "somewhat" in _pair(40, 0.5).verdict
    assert "not shown" in _pair(6, 0.5).verdict
    assert "wrong way" in _pair(40, -0.9).verdict
    low, high = _pair(10, 1.0).interval
    assert 0 < low < high < 1
