"""A campaign's pages and a crystal's page, as the service renders them: who may see them, and without a script."""

from dataclasses import replace

import pytest

from domain.elements import element
from domain.events import Event, EventKind
from domain.look import LookProgress
from domain.material import KnownMaterial
from domain.quantity import Goal, Objective
from domain.states import QueryState
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.rate import Rate, Rates
from services.api.testing import example_campaign, running
from services.dashboard.app import create_service
from services.dashboard.example import fill_campaign
from services.dashboard.testing import GROUP, make_people
from services.intake import record_measurement
from services.intake.testing import claim, example_measurement
from services.reports.agreement import FidelityPair
from services.reports.explored import table_place
from services.reports.figures import Plot
from services.settings import load_settings
from services.store.examples import example_pick, open_round

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
        "As imagined",
        "As relaxed",
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
    for said in (
        "Best measured at lab",
        "Most promising",
        "by node-7",
        "wait for approval",
        "Regret would need",
        "For 179.8 core-seconds",
    ):
        assert said in page
    assert "Give up" not in page
    assert "Give up" in visit("scientist", f"/campaigns/{CAMPAIGN}").text


def test_how_far_a_long_look_is_stands_beside_it(visit, store) -> None:
    (query, *_) = store.queries.list(store.campaigns.get(CAMPAIGN).id, states=[QueryState.CLAIMED])
    store.look_progress.tell(query.id, query.fence, LookProgress(0.24, "12 of 50 ps at 600 K"))
    page = visit("viewer", f"/campaigns/{CAMPAIGN}").text
    assert "12 of 50 ps at 600 K, " in page
    assert 'aria-label="12 of 50 ps at 600 K"' in page


def test_why_a_campaign_does_not_move_is_said_on_its_page(visit, store) -> None:
    record = store.campaigns.create(example_campaign("stuck"))
    give_campaign(store, record.name, GROUP, by=local_operator())
    store.campaigns.wake(record.id)
    page = visit("viewer", "/campaigns/stuck").text
    assert "Waits for a worker to start it" not in page  # nothing for whoever may not start it
    assert "No worker has taken it yet" in page
    assert "Waits for a worker to start it" in visit("scientist", "/campaigns/stuck").text
    store.events.append(Event(EventKind.ADVANCE_FAILED, "stuck", "stuck could not be advanced: no oracle"))
    page = visit("viewer", "/campaigns/stuck").text
    assert "stuck could not be advanced: no oracle" in page
    assert "A worker tries again by itself" in page
    assert "No worker has taken it yet" not in page
    assert "Try now" not in page
    assert "Try now" in visit("scientist", "/campaigns/stuck").text


def test_a_campaign_is_taken_away_as_a_whole_from_its_page(visit) -> None:
    page = visit("viewer", f"/campaigns/{CAMPAIGN}").text
    for wanted in ("ro-crate", "zip", "csv", "json"):
        path = f"/api/v1/campaigns/{CAMPAIGN}/export"
        assert f"{path}?format={wanted}" in page
        assert visit("viewer", path, format=wanted).status_code == 200
    assert "format=ro-crate" not in visit("machine", f"/campaigns/{CAMPAIGN}").text


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
    told = visit("viewer", f"/api/v1/candidates/{candidate.id}/novelty").json()
    assert told["summary"].startswith("This very blueprint is known")
    assert (told["nearest"][0]["distance"], told["nearest"][0]["volume_change"]) == (0.0, 0.0)
    assert visit("stranger", f"/api/v1/candidates/{candidate.id}/novelty").status_code == 404
    assert visit("viewer", "/materials/999").status_code == 404


def test_figures_say_what_was_explored(visit) -> None:
    elements = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/elements").json()
    assert elements["layout"]["meta"] == {"n_crystals": 18, "n_space_groups": 2, "n_elements": 6}
    outside, heat = elements["data"]
    assert (heat["text"][2][0], heat["z"][2][0]) == ("Na<br>6", 6)
    assert heat["hovertext"][2][0] == "sodium: 6 crystals"
    assert outside["hovertext"][0][0] == "hydrogen is not in the search space"
    (systems,) = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/coverage").json()["data"]
    assert (systems["x"], systems["y"][-1]) == ([0, 0, 0, 0, 0, 0, 18], "cubic")
    assert systems["hovertext"][-1] == "2 of 2 space groups<br>F-43m (216): 9<br>Fm-3m (225): 9"
    assert systems["hovertext"][0] == "not in the search space"
    pairs = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/pairs").json()["data"][0]
    assert pairs["z"][pairs["y"].index("Li")][pairs["x"].index("Na")] == 0
    training = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/training").json()["layout"]
    assert training["meta"] == {"n": 8}
    assert [note["text"] for note in training["annotations"]] == ["round 2"]
    (variety,) = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/variety").json()["data"]
    assert variety["text"] == ["60 of 64 crystals", "34 of 64 crystals"]


def test_a_fidelity_has_one_colour_in_every_figure(visit) -> None:
    def rungs(plot):
        data = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/{plot}").json()["data"]
        return {trace["name"]: trace["meta"].get("rung") for trace in data if trace.get("meta")}

    assert rungs("best-by-money") == {"static": 0, "dft": 1, "lab (target)": 2}
    assert rungs("spending") == {"static": 0, "dft": 1, "lab": 2, "left": None}
    assert rungs("predictions") == {"lab": 2, "equal": None}
    assert rungs("fidelities") == {"static → dft": 1, "dft → lab": 2}


def test_figures_of_too_little_are_empty(visit) -> None:
    for plot in ("calibration", "regret-by-money", "regret-by-time"):
        data = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/{plot}").json()["data"]
        assert not any(trace["x"] for trace in data), plot


def test_a_crystals_sites_are_listed_with_wyckoff_letters(visit, store) -> None:
    candidate = store.candidates.list(store.campaigns.get(CAMPAIGN).id)[1]
    page = visit("viewer", f"/crystals/{candidate.id}").text
    assert "8 atoms in the cell, Fm-3m (225) within 0.01 Å." in page
    assert "0.0000, 0.0000, 0.0000" in page
    assert "at 2.50 Å" in page


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


def test_every_figure_says_what_it_shows_in_one_sentence(visit) -> None:
    told = {
        plot: visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/plots/{plot.value}").json()["description"] for plot in Plot
    }
    assert told[Plot.BEST_BY_MONEY].startswith("Best formation energy (eV/atom) so far: static −2.7")
    assert told[Plot.SPENDING].startswith("Spent (core-seconds) in 2 rounds: ")
    assert told[Plot.ELEMENTS].startswith("Looked at: 18 crystals, 2 space groups and 6 elements")
    assert told[Plot.TRAINING] == "Loss went from 10 to 1.25 and log Z went from 1.25 to 3."
    assert told[Plot.VARIETY].startswith("In round 2, 53 % of the crystals drawn differ")
    assert told[Plot.CALIBRATION] == ""  # of too few crystals


def test_problems_are_told_in_the_words_of_pages(visit) -> None:
    refused = visit("viewer", "/campaigns/new")
    assert "Viewers cannot create, change or schedule campaigns." in refused.text
    for path in ("/crystals/abc", "/nope", f"/campaigns/{CAMPAIGN}/rounds/7", "/crystals/99999"):
        page = visit("viewer", path).text.split("<main")[1].split("</main>")[0]
        for word in ("openapi", "candidate", "path.", "round_index"):
            assert word not in page, path


def test_crystals_stand_beside_each_other(visit, store) -> None:
    campaign = store.campaigns.get(CAMPAIGN)
    first, second, *others = (candidate.id for candidate in store.candidates.list(campaign.id))
    page = visit("viewer", "/compare/crystals", crystal=[first, second])
    assert page.status_code == 200, page.text[:2000]
    for said in ("Expected at the target", "At static", "At lab", "Volume per atom", f"structure-title-{first}"):
        assert said in page.text
    assert visit("stranger", "/compare/crystals", crystal=[first, second]).status_code == 404
    assert "Tick two or more crystals" in visit("viewer", "/compare/crystals", crystal=[first]).text
    assert "Tick two or more crystals" in visit("viewer", "/compare/crystals").text
    too_many = visit("viewer", "/compare/crystals", crystal=[first, second, *others])
    assert too_many.status_code == 422
    assert "Tick at most 6" in too_many.text


def test_the_api_lists_some_crystals_alone(visit, store) -> None:
    numbers = [candidate.id for candidate in store.candidates.list(store.campaigns.get(CAMPAIGN).id)][3:5]
    answer = visit("viewer", f"/api/v1/campaigns/{CAMPAIGN}/leaders", candidate=numbers)
    assert sorted(row["candidate_id"] for row in answer.json()["items"]) == sorted(numbers)


def test_campaigns_stand_beside_each_other(visit, store) -> None:
    if not any(one.name == "twin" for one in store.campaigns.list()):
        fill_campaign(store, "twin", group=GROUP)
    page = visit("viewer", "/compare/campaigns", campaign=[CAMPAIGN, "twin"])
    assert page.status_code == 200, page.text[:2000]
    for said in ("Best at its target", "Looks for", f"campaign={CAMPAIGN}&amp;campaign=twin"):
        assert said in page.text
    assert visit("stranger", "/compare/campaigns", campaign=[CAMPAIGN, "twin"]).status_code == 404
    assert "Tick two or more campaigns" in visit("viewer", "/compare/campaigns", campaign=[CAMPAIGN]).text
    figure = visit("viewer", "/api/v1/plots/comparison", campaign=[CAMPAIGN, "twin"]).json()
    assert [trace["name"] for trace in figure["data"]] == [CAMPAIGN, "twin"]
    assert figure["data"][0]["y"]
    assert visit("stranger", "/api/v1/plots/comparison", campaign=[CAMPAIGN, "twin"]).status_code == 404


def test_campaigns_that_look_for_different_things_are_not_drawn_together(visit, store) -> None:
    spec = replace(example_campaign("conductors"), objective=Objective("ionic_conductivity", Goal.MAXIMIZE))
    give_campaign(store, store.campaigns.create(spec).name, GROUP, by=local_operator())
    chosen = [CAMPAIGN, "conductors"]
    refused = visit("viewer", "/api/v1/plots/comparison", campaign=chosen)
    assert refused.status_code == 422
    assert "conductors for the largest ionic conductivity" in refused.json()["detail"]
    assert "cannot be drawn in one figure" in visit("viewer", "/compare/campaigns", campaign=chosen).text


def test_during_the_first_round_it_is_said_what_was_answered_and_whom_it_waits_for(visit, store) -> None:
    campaign = store.campaigns.create(example_campaign("begun"))
    give_campaign(store, campaign.name, GROUP, by=local_operator())
    open_round(store, campaign.id, 0, [example_pick(1), example_pick(2), example_pick(1, "lab")])
    page = visit("viewer", "/campaigns/begun").text
    assert "no look was answered yet" in page
    first, second, _ = store.queries.list(campaign.id)
    record_measurement(store, first.id, fence=claim(store, first).fence, measurement=example_measurement(-1.0))
    claim(store, second)
    page = " ".join(visit("viewer", "/campaigns/begun").text.split())
    assert "1 look was answered so far; what the crystals promise is said when the first round closes." in page
    assert "Of what it asked, 1 look is under way, 1 waits for a laboratory." in page
    assert "1 look was answered, none at approved." in page
    assert "Machines and laboratories may answer later" in visit("viewer", "/campaigns/begun/crystals").text
