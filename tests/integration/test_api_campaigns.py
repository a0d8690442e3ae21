"""Campaigns over the API: written, checked, read page by page, changed by those who saw the newest, and followed."""

import socket
import subprocess
import sys
import threading

import httpx
import pytest
import uvicorn

from domain.campaign import CampaignSpec
from domain.errors import SpecError
from domain.parsing import parse, to_json_object, to_json_value
from flows.validation import require_runnable
from services.access.people import add_user
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.app import stop_streams
from services.api.testing import example_campaign, serving
from services.specs import dump_spec, load_spec
from services.store.examples import example_pick, open_round

PASSWORD = "a sentence that nobody guesses"
CLAIM = {"worker": "node", "lease_s": 60, "oracles": [{"oracle": "potential"}]}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("campaigns")) as application:
        yield application


@pytest.fixture
def scientist(served):
    return served.acting_as(Role.SCIENTIST)


def _all_pages(served, path, headers, **query):
    items, after = [], 0
    while after is not None:
        answer = served.client.get(path, params={**query, "after": after}, headers=headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= query.get("limit", 100)
        items += page["items"]
        after = page["next"]
    return items


def test_a_campaign_from_spec_to_stop(served, scientist):
    client, spec = served.client, to_json_value(example_campaign("whole-way"))
    created = client.post("/api/v1/campaigns", json={"spec": spec}, headers=scientist)
    assert (created.status_code, created.json()["state"]) == (201, "ready")
    again = client.post("/api/v1/campaigns", json={"spec": spec}, headers=scientist)
    assert again.json()["id"] == created.json()["id"]
    other = client.post("/api/v1/campaigns", json={"spec": {**spec, "max_rounds": 9}}, headers=scientist)
    assert other.status_code == 409
    started = client.post("/api/v1/campaigns/whole-way/start", headers=scientist)
    assert started.json()["wake_at"] is not None
    states = [
        client.post(f"/api/v1/campaigns/whole-way/{verb}", headers=scientist).json()["state"]
        for verb in ("pause", "resume", "stop", "resume")
    ]
    assert states == ["paused", "running", "stopped", "running"]
    refused = client.post("/api/v1/campaigns/whole-way/stop", headers=scientist)
    assert refused.status_code == 200
    assert client.post("/api/v1/campaigns/whole-way/start", headers=scientist).status_code == 409


def test_a_name_that_others_use_is_taken_and_not_shown(served, scientist):
    spec = to_json_value(example_campaign("theirs"))
    stranger = served.acting_as(Role.SCIENTIST, stranger=True)
    assert served.client.post("/api/v1/campaigns", json={"spec": spec}, headers=stranger).status_code == 201
    refused = served.client.post("/api/v1/campaigns", json={"spec": spec}, headers=scientist)
    assert refused.status_code == 409
    assert "spec_digest" not in refused.text
    other = served.client.post("/api/v1/campaigns", json={"spec": {**spec, "max_rounds": 9}}, headers=scientist)
    assert other.json() == refused.json()
    foreign = served.client.post("/api/v1/campaigns", json={"spec": spec, "group": "metallurgy"}, headers=scientist)
    assert foreign.status_code == 403


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_spec_is_checked_without_being_kept(served, scientist, form):
    spec = example_campaign("only-looked-at")
    sent = {"json": to_json_value(spec)} if form == "json" else {"content": dump_spec(spec).encode()}
    answer = served.client.post("/api/v1/campaigns/validate", headers=scientist, **sent)
    summary = answer.json()
    assert answer.status_code == 200, answer.text
    assert [rung["answered_by"] for rung in summary["ladder"]] == ["machines", "laboratory", "machines"]
    assert [rung["needs_approval"] for rung in summary["ladder"]] == [False, False, True]
    assert summary["first_round_cost"] == pytest.approx(2 * 1.1)
    assert served.client.get("/api/v1/campaigns/only-looked-at", headers=scientist).status_code == 404


def test_every_problem_of_a_spec_has_its_line(served, scientist):
    text = dump_spec(example_campaign("wrong")).replace("max_rounds: 5", "max_rounds: many\nmax_round: 5")
    answer = served.client.post("/api/v1/campaigns/validate", content=text.encode(), headers=scientist)
    assert answer.status_code == 422
    line = text.splitlines().index("max_rounds: many") + 1
    assert f"spec:{line}: max_rounds" in answer.json()["detail"]
    assert "did you mean 'max_rounds'" in answer.json()["detail"]
    bomb = b"a: &a [x, x]\nb: [*a, *a]\n"
    assert served.client.post("/api/v1/campaigns/validate", content=bomb, headers=scientist).status_code == 422
    huge = b"name: " + b"x" * 2**17
    assert served.client.post("/api/v1/campaigns/validate", content=huge, headers=scientist).status_code == 422


def test_pages_hold_each_item_once(served, scientist):
    campaign = served.new_campaign("paged", n_picks=23)
    for path in ("queries", "candidates", "events"):
        whole = _all_pages(served, f"/api/v1/campaigns/paged/{path}", scientist, limit=500)
        for limit in (1, 5, len(whole)):
            assert _all_pages(served, f"/api/v1/campaigns/paged/{path}", scientist, limit=limit) == whole
    assert len(served.store.queries.list(campaign.id)) == 25
    waiting = _all_pages(served, "/api/v1/campaigns/paged/queries", scientist, limit=3, state=["queued", "claimed"])
    assert len(waiting) == 24
    assert len(_all_pages(served, "/api/v1/campaigns/paged/queries", scientist, fidelity="lab")) == 1
    assert _all_pages(served, "/api/v1/campaigns/paged/queries", scientist, round_index=1) == []


def test_rounds_and_samples_are_pages_too(served, scientist):
    campaign = served.new_campaign("many-rounds")
    for index, fidelity in enumerate(("lab", "static", "lab"), start=1):
        open_round(served.store, campaign.id, index, [example_pick(100 + index, fidelity)])
    rounds = "/api/v1/campaigns/many-rounds/rounds"
    assert [found["index"] for found in _all_pages(served, rounds, scientist, limit=3)] == [0, 1, 2, 3]
    assert served.client.get(f"{rounds}/3", headers=scientist).json()["index"] == 3
    assert [found for found in _all_pages(served, rounds, scientist) if "closing_notes" in found] == []
    assert served.client.get(f"{rounds}/3", headers=scientist).json()["closing_notes"] == {}
    assert served.client.get(f"{rounds}/4", headers=scientist).status_code == 404
    samples = "/api/v1/laboratory/queries"
    whole = [found["query_id"] for found in _all_pages(served, samples, scientist, campaign="many-rounds")]
    assert len(whole) == 3
    for limit in (1, 2):
        found = _all_pages(served, samples, scientist, campaign="many-rounds", limit=limit)
        assert [sample["query_id"] for sample in found] == whole
    everybodys = [found["query_id"] for found in _all_pages(served, samples, scientist, limit=2)]
    assert everybodys == sorted(everybodys)
    assert set(whole) <= set(everybodys)


def test_campaigns_that_are_put_away_are_listed_apart(served, scientist):
    served.new_campaign("put-away")
    path = "/api/v1/campaigns"
    assert served.client.post(f"{path}/put-away/archive", headers=scientist).status_code == 409
    assert served.client.delete(f"{path}/put-away", headers=scientist).status_code == 409
    served.client.post(f"{path}/put-away/stop", headers=scientist)
    assert served.client.post(f"{path}/put-away/archive", headers=scientist).json()["archived_at"] is not None
    assert "put-away" not in {found["name"] for found in _all_pages(served, path, scientist)}
    assert [found["name"] for found in _all_pages(served, path, scientist, archived=True)] == ["put-away"]
    assert served.client.get(f"{path}/put-away", headers=scientist).status_code == 200
    assert served.client.post(f"{path}/put-away/resume", headers=scientist).status_code == 409
    assert served.client.post(f"{path}/put-away/unarchive", headers=scientist).json()["archived_at"] is None
    assert "put-away" in {found["name"] for found in _all_pages(served, path, scientist)}


def test_crystals_are_found_by_formula_and_group(served, scientist):
    campaign = served.new_campaign("sought")
    path = "/api/v1/campaigns/sought/candidates"
    assert len(_all_pages(served, path, scientist, formula="Cl4Li4", space_group=225, round_index=0)) == 5
    assert len(_all_pages(served, path, scientist, formula="LiCl", limit=2)) == 5
    assert _all_pages(served, path, scientist, formula="Li2Cl") == []
    assert _all_pages(served, path, scientist, space_group=62) == []
    answer = served.client.get(path, params={"formula": "lithium"}, headers=scientist)
    assert answer.status_code == 422
    candidate = served.store.candidates.list(campaign.id)[0]
    shown = served.client.get(f"/api/v1/candidates/{candidate.id}", headers=scientist).json()
    assert [query["fidelity"] for query in shown["queries"]] == ["lab"]


def test_what_is_unchanged_is_not_sent_again(served, scientist):
    served.new_campaign("tagged")
    path = "/api/v1/campaigns/tagged"
    tag = served.client.get(path, headers=scientist).headers["etag"]
    known = served.client.get(path, headers={**scientist, "If-None-Match": f'"other", W/{tag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    changed = served.client.patch(path, json={"priority": 5}, headers={**scientist, "If-Match": tag})
    assert (changed.status_code, changed.json()["campaign"]["priority"]) == (200, 5)
    assert served.client.get(path, headers={**scientist, "If-None-Match": tag}).status_code == 200
    refused = served.client.patch(path, json={"priority": 7}, headers={**scientist, "If-Match": tag})
    assert refused.status_code == 412
    seen = served.client.get(path, headers=scientist).headers["etag"]
    claimed = served.client.post(
        "/api/v1/queries/claim", json={**CLAIM, "campaign": "tagged"}, headers=served.acting_as(Role.MACHINE)
    )
    assert claimed.status_code == 200
    assert served.client.get(path, headers={**scientist, "If-None-Match": seen}).status_code == 200
    again = served.client.patch(path, json={"priority": 5}, headers={**scientist, "If-Match": seen})
    assert again.status_code == 200  # progress made meanwhile is in nobody's way
    assert served.client.get(path, headers=scientist).json()["campaign"]["priority"] == 5


def test_a_key_is_good_for_one_request(served):
    served.new_campaign("keyed")
    headers = {**served.acting_as(Role.MACHINE), "Idempotency-Key": "first"}
    body = {**CLAIM, "campaign": "keyed"}
    first = served.client.post("/api/v1/queries/claim", json=body, headers=headers)
    assert first.status_code == 200
    again = served.client.post("/api/v1/queries/claim", json=dict(reversed(body.items())), headers=headers)
    assert again.json() == first.json()
    other = served.client.post("/api/v1/queries/claim", json={**body, "worker": "other"}, headers=headers)
    assert other.status_code == 409
    elsewhere = served.client.post("/api/v1/queries/1/release", json={"fence": 1}, headers=headers)
    assert elsewhere.status_code == 409
    stranger = {**served.acting_as(Role.MACHINE, stranger=True), "Idempotency-Key": "first"}
    assert served.client.post("/api/v1/queries/claim", json=CLAIM, headers=stranger).status_code == 204
    assert (
        served.client.post(
            "/api/v1/queries/claim", json=body, headers={**headers, "Idempotency-Key": "a b"}
        ).status_code
        == 422
    )


def test_a_machine_says_neither_who_it_is_nor_what_it_costs(served, scientist):
    campaign = served.new_campaign("honest")
    machine = served.acting_as(Role.MACHINE)
    claim = served.client.post("/api/v1/queries/claim", json={**CLAIM, "campaign": "honest"}, headers=machine).json()
    number, fence = claim["query"]["id"], claim["query"]["fence"]
    measurement = {
        "value": -1.2,
        "unit": "eV/atom",
        "sigma": None,
        "provenance": {
            "oracle": claim["fidelity"]["oracle"],
            "oracle_version": "1",
            "settings_digest": claim["query"]["settings_digest"],
            "worker": "king",
        },
        "cost": {"amount": 0.0, "core_seconds": 3.0},
        "measured_at": served.store.now().isoformat(),
    }
    body = {"fence": fence, "measurement": measurement}
    # Another user's machine of the same group holds no claim here.
    assert served.client.post(f"/api/v1/queries/{number}/measurement", json=body, headers=scientist).status_code == 409
    beat = {"fence": fence, "lease_s": 60}
    assert served.client.post(f"/api/v1/queries/{number}/heartbeat", json=beat, headers=scientist).status_code == 409
    assert served.client.post(f"/api/v1/queries/{number}/heartbeat", json=beat, headers=machine).status_code == 200
    answer = served.client.post(f"/api/v1/queries/{number}/measurement", json=body, headers=machine)
    kept = answer.json()["measurement"]
    assert answer.status_code == 201
    assert kept["provenance"]["worker"] == "machine/king"
    assert (kept["cost"]["amount"], kept["cost"]["core_seconds"]) == (1.1, 3.0)
    assert served.store.ledger.balance(campaign.id).booked == pytest.approx(1.1)
    assert served.client.post(f"/api/v1/queries/{number}/heartbeat", json=beat, headers=machine).status_code == 409
    for forbidden in ({"state": "done"}, {"fidelity": "lab"}, {"owner": "me"}):
        refused = served.client.post(
            f"/api/v1/queries/{number}/measurement", json={**body, **forbidden}, headers=machine
        )
        assert refused.status_code == 422
    (laboratory,) = [query for query in served.store.queries.list(campaign.id) if query.fidelity == "lab"]
    refused = served.client.post(f"/api/v1/queries/{laboratory.id}/measurement", json=body, headers=machine)
    assert refused.status_code == 409


def test_a_remarkable_reading_is_confirmed_first(served):
    campaign = served.new_campaign("remarkable")
    laboratory = served.acting_as(Role.LABORATORY)
    (query,) = [query for query in served.store.queries.list(campaign.id) if query.fidelity == "lab"]
    path = f"/api/v1/laboratory/queries/{query.id}/result"
    reading = {"value": -1.2, "unit": "eV/atom", "temperature": "25 K"}
    refused = served.client.post(path, json={"measurement": reading}, headers=laboratory)
    assert refused.status_code == 422
    assert "°C" in refused.json()["detail"]
    bare = served.client.post(path, json={"measurement": {**reading, "temperature": "25"}}, headers=laboratory)
    assert bare.status_code == 422
    kept = served.client.post(path, json={"measurement": reading, "is_confirmed": True}, headers=laboratory)
    assert kept.json()["measurement"]["temperature_K"] == pytest.approx(25.0)


def test_events_go_on_where_the_caller_left_off(served, scientist):
    served.new_campaign("followed")
    numbers = [item["id"] for item in _all_pages(served, "/api/v1/campaigns/followed/events", scientist)]
    stop_streams(served.app)  # a stream then tells what there is and ends
    try:
        path = "/api/v1/campaigns/followed/events/stream"
        whole = served.client.get(path, headers=scientist)
        assert whole.headers["content-type"].startswith("text/event-stream")
        assert _event_ids(whole.text) == numbers
        rest = served.client.get(path, headers={**scientist, "Last-Event-ID": str(numbers[0])})
        assert _event_ids(rest.text) == numbers[1:]
        assert served.client.get(path, headers={**scientist, "Last-Event-ID": "x"}).status_code == 422
    finally:
        served.app.state.service.stopping.clear()


def _event_ids(text):
    return [int(line.removeprefix("id: ")) for line in text.splitlines() if line.startswith("id: ")]


def test_events_arrive_as_they_happen_and_streams_end_with_the_service(tmp_path):
    with serving(tmp_path) as application:
        campaign = application.new_campaign("live")
        headers = application.acting_as(Role.SCIENTIST)
        with socket.create_server(("127.0.0.1", 0)) as listening:  # listens already, so that early clients wait
            server = uvicorn.Server(uvicorn.Config(application.app, lifespan="off", log_config=None))
            thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1/campaigns/live/events/stream"
            n_known = len(application.store.events.list(campaign.id))
            with httpx.stream("GET", url, headers=headers, timeout=30) as stream:
                lines = stream.iter_lines()
                ids = (line for line in lines if line.startswith("id: "))
                for _ in range(n_known):
                    next(ids)
                open_round(application.store, campaign.id, 1, [example_pick(50)])
                assert int(next(ids).removeprefix("id: ")) > n_known
                stop_streams(application.app)
                assert list(ids) is not None  # comes to its end
            server.should_exit = True
            thread.join(timeout=30)
            assert not thread.is_alive()


def test_people_sign_in_with_a_cookie_that_other_sites_cannot_use(served):
    add_user(served.store, "ada", role=Role.SCIENTIST, by=local_operator(), password=PASSWORD, groups=["petrology"])
    served.new_campaign("clicked")
    refused = served.client.post("/api/v1/login", json={"name": "ada", "password": "wrong"})
    assert refused.status_code == 401
    foreign = {"Origin": "https://evil.example"}
    assert (
        served.client.post("/api/v1/login", json={"name": "ada", "password": PASSWORD}, headers=foreign).status_code
        == 403
    )
    answer = served.client.post("/api/v1/login", json={"name": "ada", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert PASSWORD not in answer.text
    session = {"Cookie": cookie.partition(";")[0]}
    served.client.cookies.clear()
    assert served.client.get("/api/v1/me", headers=session).json()["name"] == "ada"
    path = "/api/v1/campaigns/clicked/start"
    for origin in ({}, foreign, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):
        assert served.client.post(path, headers={**session, **origin}).status_code == 403
    for origin in ({"Origin": "http://petalite.test"}, {"Sec-Fetch-Site": "same-origin"}):
        assert served.client.post(path, headers={**session, **origin}).status_code == 200
    assert (
        served.client.post("/api/v1/logout", headers={**session, "Origin": "http://petalite.test"}).status_code == 204
    )
    assert served.client.get("/api/v1/me", headers=session).status_code == 401


def test_the_log_names_who_came_and_no_secret(served, scientist):
    served.client.get("/api/v1/campaigns?state=ready", headers={**scientist, "X-Request-ID": "find-me-again"})
    served.client.post("/api/v1/login", json={"name": "ada", "password": PASSWORD})
    served.client.cookies.clear()
    (line,) = [line for line in served.logged if line.get("request_id") == "find-me-again"]
    assert (line["actor"], line["path"], line["status"]) == ("scientist", "/api/v1/campaigns", 200)
    assert PASSWORD not in str(served.logged)
    assert scientist["Authorization"].removeprefix("Bearer ") not in str(served.logged)


def test_an_invitation_makes_one_user(served):
    link = served.client.post(
        "/api/v1/invitations",
        json={"role": "viewer", "group": "petrology"},
        headers=served.acting_as(Role.ADMINISTRATOR),
    ).json()["link"]
    body = {"invitation": link.partition("#")[2], "name": "grace", "password": PASSWORD}
    accepted = served.client.post("/api/v1/invitations/accept", json=body)
    served.client.cookies.clear()
    assert (accepted.status_code, accepted.json()["role"]) == (201, "viewer")
    assert served.client.post("/api/v1/invitations/accept", json={**body, "name": "eve"}).status_code == 401


def test_a_change_of_a_user_is_made_whole_or_not_at_all(served):
    headers = served.acting_as(Role.ADMINISTRATOR)
    user = {"name": "half-way", "role": "scientist"}
    assert served.client.post("/api/v1/users", json=user, headers=headers).status_code == 201
    change = {"role": "viewer", "password": "short"}
    assert served.client.patch("/api/v1/users/half-way", json=change, headers=headers).status_code == 422
    assert served.store.people.get("half-way").role is Role.SCIENTIST


def test_nobody_learns_which_groups_there_are(served, scientist):
    refused = [
        served.client.get(f"/api/v1/groups/{name}/members", headers=scientist).text.replace(name, "NAME")
        for name in ("metallurgy", "nowhere")
    ]
    assert refused[0] == refused[1]


def test_what_cannot_be_run_is_refused_everywhere_with_every_problem_and_its_place(served, scientist, tmp_path):
    spec = to_json_object(example_campaign("cannot-run"))
    spec["ladder"][0] |= {"oracle": "potentail", "answered_by": "runner"}
    spec["ladder"][1]["settings"] = {"quantity": "formation_energy", "colour": "red"}
    spec["surrogate"] = {"name": "crystal-ball"}
    places = ["ladder[0].oracle", "ladder[1].settings.colour", "surrogate.name"]
    details = []
    for path, body, prefix in (("", {"spec": spec}, "body.spec."), ("/validate", spec, "")):
        refused = served.client.post(f"/api/v1/campaigns{path}", json=body, headers=scientist)
        assert refused.status_code == 422, refused.text
        assert [found["field"] for found in refused.json()["errors"]] == [f"{prefix}{place}" for place in places]
        assert "Did you mean 'potential'?" in refused.json()["errors"][0]["message"]
        details.append(refused.json()["detail"])
    assert served.client.get("/api/v1/campaigns/cannot-run", headers=scientist).status_code == 404
    path = tmp_path / "spec.yaml"
    path.write_text(dump_spec(parse(CampaignSpec, spec, what="spec")), encoding="utf-8")
    with pytest.raises(SpecError, match=r"ladder\[0\]\.oracle") as same:
        require_runnable(load_spec(path))
    assert str(same.value.problem) == details[0]
    assert all(message in details[1] for message in ("potentail", "unknown key 'colour'", "crystal-ball"))


def test_a_misspelt_filter_is_refused_with_the_one_that_was_meant(served, scientist):
    served.new_campaign("misspelt")
    path = "/api/v1/campaigns/misspelt/queries"
    assert served.client.get(f"{path}?fidelity=lab&state=queued&limit=5", headers=scientist).status_code == 200
    refused = served.client.get(f"{path}?fidelty=lab&colour=red", headers=scientist)
    assert refused.status_code == 422
    assert [(found["field"], found["message"]) for found in refused.json()["errors"]] == [
        ("query.fidelty", "unknown parameter; did you mean 'fidelity'?"),
        ("query.colour", "unknown parameter"),
    ]
    assert refused.json()["remedy"].startswith("This route knows after, ")
    assert served.client.get("/api/v1/health/live?v=1").status_code == 422
    assert served.client.get(f"{path}?fidelty=lab").status_code == 401


def test_one_problem_of_the_whole_spec_has_its_place_too(served, scientist):
    text = dump_spec(example_campaign("too-small")).replace("per_round: 500.0", "per_round: 0.5")
    answer = served.client.post("/api/v1/campaigns/validate", content=text.encode(), headers=scientist)
    assert answer.status_code == 422
    assert [found["field"] for found in answer.json()["errors"]] == ["budget.per_round"]
    elements = text.replace("per_round: 0.5", "per_round: 500.0").replace("[Li, Cl]", "[Li, Na]")
    answer = served.client.post("/api/v1/campaigns/validate", content=elements.encode(), headers=scientist)
    assert [found["field"] for found in answer.json()["errors"]] == ["space.elements"]
    assert "neutral" in answer.json()["detail"]


def test_requests_with_a_password_take_no_key(served):
    user = {"name": "keyless", "role": "viewer", "password": "a long sentence that only I know"}
    headers = {**served.acting_as(Role.ADMINISTRATOR), "Idempotency-Key": "the same"}
    assert served.client.post("/api/v1/users", json=user, headers=headers).status_code == 201
    assert served.client.post("/api/v1/users", json=user, headers=headers).status_code == 409


def test_numbers_for_prometheus(served):
    served.new_campaign("counted")
    assert served.client.get("/api/v1/health/live").status_code == 200
    text = served.client.get("/api/v1/metrics", headers=served.acting_as(Role.MACHINE)).text
    assert "petalite_requests_total{" in text
    assert 'petalite_campaigns{state="ready"}' in text


def test_the_process_of_the_api_stays_light(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from services.api.testing import serving\n"
        "from services.access.roles import Role\n"
        "with serving(Path(sys.argv[1])) as application:\n"
        "    application.new_campaign('light')\n"
        "    for path in ('campaigns', 'campaigns/light', 'oracles', 'openapi.json'):\n"
        "        found = application.client.get(f'/api/v1/{path}', headers=application.acting_as(Role.SCIENTIST))\n"
        "        assert found.status_code == 200, found.text\n"
        "heavy = {'torch', 'botorch', 'gpytorch', 'prefect', 'mace', 'chgnet', 'pymatgen', 'ase', 'pandas',"
        " 'generators', 'surrogates', 'oracles', 'flows'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
