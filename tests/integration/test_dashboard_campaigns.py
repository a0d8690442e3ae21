"""The pages on which campaigns are listed, made, described and scheduled, without a browser."""

import html
import re

import markupsafe
import pytest

from domain.timing import Timing, TimingKind
from services.access.people import add_group, add_user, give_campaign
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.testing import OTHER_GROUP, OWN_GROUP, example_campaign, running
from services.dashboard.app import create_service
from services.dashboard.examples import example_names, example_text, examples
from services.settings import load_settings
from services.specs import dump_spec, read_document
from services.store.examples import example_pick, open_round

SPACE = {"name": "not-yet", "objective.quantity": "formation_energy", "objective.goal": "minimize"}
FORM = {
    **SPACE,
    "space.elements": "Li, Cl",
    "space.space_groups": "221, 225",
    "ladder[0].name": "static",
    "ladder[0].oracle": "potential",
    "ladder[0].cost": "1",
    "ladder[0].settings": "potential: chgnet",
    "ladder[0].initial_looks": "2",
    "budget.total": "100",
    "budget.per_round": "50",
    "max_rounds": "3",
}


class Visitor:
    """Somebody who follows no redirect."""

    def __init__(self, client, token):
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path):
        return self._client.get(path, headers=self._headers)

    def post(self, path, data=None, **options):
        return self._client.post(path, data=data or {}, headers=self._headers | options.pop("headers", {}), **options)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    app = create_service(load_settings({"PETALITE_HOME": str(tmp_path_factory.mktemp("pages"))}))
    with running(app) as client:
        store = app.state.service.open_store
        visitors = {}
        for group in (OWN_GROUP, OTHER_GROUP):
            add_group(store, group, by=local_operator())
        for name, role, group in [(role.value, role, OWN_GROUP) for role in Role] + [
            ("stranger", Role.SCIENTIST, OTHER_GROUP)
        ]:
            add_user(store, name, role=role, by=local_operator(), groups=() if role is Role.ADMINISTRATOR else (group,))
            scopes = PERMISSIONS_OF_ROLE[role]
            visitors[name] = Visitor(
                client, create_token(store, name, label="x", scopes=scopes, by=local_operator()).secret
            )
        record = store.campaigns.create(example_campaign("chlorides"))
        give_campaign(store, "chlorides", OWN_GROUP, by=local_operator())
        open_round(store, record.id, 0, [example_pick(n, f) for n, f in enumerate(["lab", "approved", "static"])])
        yield store, visitors


@pytest.fixture
def store(site):
    return site[0]


@pytest.fixture
def scientist(site):
    return site[1]["scientist"]


@pytest.fixture
def drafted(site, store):
    """A campaign in draft, new for each test."""
    name = f"draft-{len(store.campaigns.list())}-of-mine"
    assert site[1]["scientist"].post("/campaigns/new", {**FORM, "name": name}).status_code == 303
    return store.campaigns.get(name)


def text_of(answer):
    return html.unescape(answer.text)


def shown_yaml(answer):
    return html.unescape(re.search(r'<textarea id="yaml".*?>\n?(.*?)</textarea>', answer.text, re.DOTALL)[1])


@pytest.mark.parametrize("role", list(Role))
def test_everybody_sees_the_list_and_the_spec_but_only_some_may_make_campaigns(site, role) -> None:
    visitor = site[1][role.value]
    may_write = role in {Role.SCIENTIST, Role.ADMINISTRATOR}
    assert "chlorides" in visitor.get("/campaigns").text
    for path in ("/campaigns/chlorides/spec", "/campaigns/chlorides/schedules", "/timings/preview"):
        assert visitor.get(path).status_code == 200
    for path in ("/campaigns/new", "/campaigns/chlorides/clone"):
        assert visitor.get(path).status_code == (200 if may_write else 403)
    for path in ("/campaigns/new", "/campaigns/new/sync", "/campaigns/new/check"):
        assert (visitor.post(path).status_code == 403) is not may_write
    assert ("/campaigns/new" in visitor.get("/campaigns").text) is may_write


@pytest.mark.parametrize("page", ["spec", "schedules", "clone"])
def test_others_campaigns_are_not_there(site, page) -> None:
    stranger = site[1]["stranger"]
    assert stranger.get(f"/campaigns/chlorides/{page}").status_code == 404
    assert "chlorides" not in stranger.get("/campaigns").text


@pytest.mark.parametrize("change", ["spec", "archive", "unarchive", "delete", "schedules"])
def test_others_campaigns_cannot_be_changed(site, change) -> None:
    assert (
        site[1]["stranger"]
        .post(f"/campaigns/chlorides/{change}", {"timing.way": "interval", "timing.number": "6"})
        .status_code
        == 404
    )


def test_others_schedules_cannot_be_changed(site, store) -> None:
    campaign = store.campaigns.get("chlorides")
    schedule = store.schedules.add(campaign.id, Timing(TimingKind.INTERVAL, "6h"), created_by="x")
    for step in ("pause", "resume", "remove", "dance"):
        assert site[1]["stranger"].post(f"/schedules/{schedule.id}/{step}").status_code == 404
    assert store.schedules.get(schedule.id).is_active


def test_the_list_says_whom_a_campaign_waits_for_and_is_filtered(scientist) -> None:
    found = scientist.get("/campaigns?text=CHLOR&state=ready")
    assert "1 to approve" in found.text
    assert "1 for the laboratory" in found.text
    for query in ("text=nothing-like-it", "state=paused", "archived=true"):
        assert "No campaign fits" in scientist.get(f"/campaigns?{query}").text
    assert "chlorides" in scientist.get("/campaigns?state=&group=&text=").text  # an untouched form


def test_a_form_becomes_a_campaign_without_any_script(scientist, store) -> None:
    answer = scientist.post("/campaigns/new", {**FORM, "name": "from-the-form"})
    assert answer.status_code == 303, text_of(answer)
    assert answer.headers["location"] == "/campaigns/from-the-form"
    record = store.campaigns.get("from-the-form")
    assert record.spec.space.space_groups == (221, 225)
    assert record.wake_at is None
    assert record.group_id == store.people.group(OWN_GROUP).id
    assert [row.action for row in store.audit.list(limit=500) if row.subject == "campaign from-the-form"] == [
        "campaign.create"
    ]


def test_creating_starting_and_scheduling_take_effect_together_or_not_at_all(scientist, store) -> None:
    form = {
        **FORM,
        "name": "together",
        "start": "yes",
        "timing.way": "week",
        "timing.weekday.2": "yes",
        "timing.at": "07:30",
        "timing.zone": "Mars/Base",
    }
    refused = scientist.post("/campaigns/new", form)
    assert refused.status_code == 422
    assert "Mars/Base" in text_of(refused)
    assert "together" not in [record.name for record in store.campaigns.list()]
    assert scientist.post("/campaigns/new", {**form, "timing.zone": "Asia/Tokyo"}).status_code == 303
    record = store.campaigns.get("together")
    assert record.wake_at is not None
    assert [schedule.timing.expression for schedule in store.schedules.list(record.id)] == ["30 7 * * 2"]


def test_what_is_wrong_comes_back_with_what_was_typed(scientist) -> None:
    answer = scientist.post(
        "/campaigns/new", {**FORM, "name": "wrong", "max_rounds": "many", "ladder[0].settings": "potential: x: y"}
    )
    assert answer.status_code == 422
    assert 'value="many"' in answer.text
    assert "The campaign was not created." in text_of(answer)
    assert "ladder[0].settings" in text_of(answer)
    answer = scientist.post("/campaigns/new", {**FORM, "name": "wrong", "ladder[0].settings": "no_such: 1"})
    assert answer.status_code == 422
    assert "ladder[0].settings" in text_of(answer)
    assert 'data-line="' in answer.text


def test_a_name_that_is_taken_is_said(scientist) -> None:
    answer = scientist.post("/campaigns/new", {**FORM, "name": "chlorides"})
    assert answer.status_code == 409
    assert "'chlorides'" in text_of(answer)


def test_a_campaign_whose_page_could_not_be_opened_is_refused(scientist) -> None:
    answer = scientist.post("/campaigns/new", {**FORM, "name": "new"})
    assert answer.status_code == 422
    assert "No campaign can be called" in answer.text


def test_yaml_alone_becomes_a_campaign(scientist, store, drafted) -> None:
    text = dump_spec(drafted.spec).replace(drafted.name, "from-yaml").replace("\n", "\r\n")
    assert scientist.post("/campaigns/new", {"yaml": text, "yaml_before": ""}).status_code == 303
    assert store.campaigns.get("from-yaml").spec.max_rounds == 3


def test_form_and_yaml_that_disagree_are_not_guessed_between(scientist, drafted) -> None:
    before = dump_spec(drafted.spec)
    both = {**FORM, "name": "in-the-form", "yaml": before.replace(drafted.name, "in-yaml"), "yaml_before": before}
    answer = scientist.post("/campaigns/new", both)
    assert answer.status_code == 422
    assert "they disagree" in text_of(answer)
    assert "name: in-the-form" in shown_yaml(scientist.post("/campaigns/new/sync", {**both, "prefer": "form-surely"}))
    assert 'value="in-yaml"' in scientist.post("/campaigns/new/sync", {**both, "prefer": "yaml"}).text


def test_the_ladder_is_changed_without_any_script(scientist) -> None:
    answer = scientist.post("/campaigns/new/sync", {**FORM, "step": "add"})
    assert len(re.findall(r'name="ladder\[\d\]\.cost"', answer.text)) == 2
    two = {**FORM, "ladder[1].name": "lab", "ladder[1].oracle": "laboratory", "ladder[1].cost": "60"}
    moved = read_document(shown_yaml(scientist.post("/campaigns/new/sync", {**two, "step": "up-1"})))
    assert [rung["name"] for rung in moved["ladder"]] == ["lab", "static"]
    assert moved["initial_looks"] == {"static": 2}
    left = read_document(shown_yaml(scientist.post("/campaigns/new/sync", {**two, "step": "remove-0"})))
    assert [rung["name"] for rung in left["ladder"]] == ["lab"]


def test_the_search_space_is_counted_and_what_it_costs_is_said(scientist) -> None:
    answer = scientist.post("/campaigns/new/check", {**FORM, "yaml": "", "yaml_before": ""})
    assert "neutral compositions" in answer.text
    assert "the first asks 2 looks for 2 core-seconds" in answer.text
    empty = scientist.post("/campaigns/new/check", {**FORM, "space.elements": "Li, Na"})
    assert "all cations" in text_of(empty)
    assert "was not counted" in empty.text


def test_an_example_fills_the_form_and_one_that_is_not_there_is_said(scientist) -> None:
    answer = scientist.get("/campaigns/new?template=quickstart")
    assert shown_yaml(answer) == example_text("quickstart")
    assert 'value="Li, Mg, O, F, S, Cl"' in answer.text
    assert scientist.get("/campaigns/new?template=../../pyproject").status_code == 404


def test_every_example_can_be_run_and_is_described_before_it_is_chosen(scientist) -> None:
    page = scientist.get("/campaigns/new").text
    known = {"cluster", "conductors", "pellets", "quickstart", "rock-salts", "screening", "solid-electrolyte", "tour"}
    assert known <= set(example_names())
    for example in examples():
        assert example.spec.name == example.name
        assert f"{markupsafe.escape(example.description)}." in page
        assert f'<h2 id="example-{example.name}">' in page
        text = example_text(example.name)
        verdict = scientist.post("/campaigns/new/check", {"yaml": text, "yaml_before": ""})
        assert "It can be run" in verdict.text, verdict.text
    assert "200 EUR a look, by a laboratory." in page
    assert "400 core-seconds a look, by machines over REST." in page
    assert '<details class="card" id="examples" open>' in page
    assert '<details class="card" id="examples">' in scientist.get("/campaigns/new?template=tour").text


def test_a_file_that_is_no_text_is_refused(scientist) -> None:
    for content in (b"\xff\xfe\x00", b""):
        answer = scientist.post("/campaigns/new/file", files={"file": ("x.yaml", content)})
        assert answer.status_code == 422
    broken = scientist.post("/campaigns/new/file", files={"file": ("x.yaml", b"name: [")})
    assert broken.status_code == 200
    assert "not YAML" in text_of(broken)


def test_a_clone_has_a_free_name_and_can_be_created_at_once(scientist, drafted) -> None:
    text = shown_yaml(scientist.get(f"/campaigns/{drafted.name}/clone"))
    assert text.startswith(f"name: {drafted.name}-2\n")
    assert scientist.post("/campaigns/new", {"yaml": text, "yaml_before": text}).status_code in {303, 422}


def test_priority_archive_and_delete(scientist, store, drafted) -> None:
    page = f"/campaigns/{drafted.name}"
    assert scientist.post(f"{page}/spec", {"priority": "7"}).status_code == 303
    assert store.campaigns.get(drafted.name).priority == 7
    assert scientist.post(f"{page}/spec", {"priority": "1e9"}).status_code == 422
    assert scientist.post(f"{page}/archive").status_code == 409  # not over
    assert scientist.post(f"{page}/delete").headers["location"] == "/campaigns"
    assert scientist.get(f"{page}/spec").status_code == 404
    refused = scientist.post("/campaigns/chlorides/delete")
    assert refused.status_code == 409
    assert "Archive it instead" in refused.text


def test_schedules_are_added_and_what_cannot_be_understood_comes_back(scientist, store) -> None:
    number = store.campaigns.get("chlorides").id
    before = len(store.schedules.list(number))
    answer = scientist.post("/campaigns/chlorides/schedules", {"timing.way": "cron", "timing.expression": "every day"})
    assert answer.status_code == 422
    assert 'value="every day"' in answer.text
    added = scientist.post(
        "/campaigns/chlorides/schedules", {"timing.way": "month", "timing.day": "15", "timing.at": "18:00"}
    )
    assert added.status_code == 303
    assert len(store.schedules.list(number)) == before + 1
    assert "on day 15 of every month at 18:00" in scientist.get("/campaigns/chlorides/schedules").text


def test_dates_are_told_in_words_before_anything_is_kept(scientist) -> None:
    told = scientist.get(
        "/timings/preview?timing.way=week&timing.weekday.1=yes&timing.at=06:00&timing.zone=Europe/Berlin"
    )
    assert len(re.findall(r"Monday \d+ \w+ \d{4}, 06:00", told.text)) == 5
    assert "no day of a month" in text_of(
        scientist.get("/timings/preview?timing.way=month&timing.day=32&timing.at=06:00")
    )


def test_no_page_of_a_form_grows_without_bounds(scientist) -> None:
    assert scientist.post("/campaigns/new/sync", {"yaml": "x: " + "y" * 70_000}).status_code == 200
    assert scientist.post("/campaigns/new/sync", {"step": "remove-99999999999"}).status_code == 200
