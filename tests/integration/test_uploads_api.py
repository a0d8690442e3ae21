"""Uploads by REST: handed in, corrected, accepted, fetched again in parts; nobody sees others' files."""

import json
from pathlib import Path

import pytest

from services.access.people import give_campaign
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.testing import OWN_GROUP, Served, serving
from services.uploads.testing import conductor_campaign

DATA = Path(__file__).parents[1] / "data" / "uploads"
ROOT = "/api/v1"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("uploads")) as found:
        conductor_campaign(found.store)
        give_campaign(found.store, "conductors", OWN_GROUP, by=local_operator())
        yield found


def post(served: Served, path: str, role: Role = Role.LABORATORY, **keywords):
    return served.client.post(f"{ROOT}/{path}", headers=served.acting_as(role), **keywords)


def get(served: Served, path: str, role: Role = Role.VIEWER, *, stranger: bool = False, headers=None):
    return served.client.get(f"{ROOT}/{path}", headers={**served.acting_as(role, stranger=stranger), **(headers or {})})


def hand_in(served: Served, name: str, role: Role = Role.LABORATORY, **form):
    files = {"file": (name, (DATA / name).read_bytes(), "application/octet-stream")}
    return post(served, "campaigns/conductors/uploads", role, files=files, data=form)


@pytest.fixture(scope="module")
def table(served):
    answer = hand_in(served, "template.csv")
    assert answer.status_code == 201, answer.text
    return answer.json()["upload"]


def test_a_table_goes_all_the_way(served, table):
    number = table["id"]
    assert table["rows"] == {"accepted": 0, "converted": 3, "suspicious": 0, "refused": 1, "entered": 0}
    rows = get(served, f"uploads/{number}/rows?limit=3").json()
    assert (len(rows["items"]), rows["next"]) == (3, 3)
    assert get(served, f"uploads/{number}/rows?after=3").json()["items"][0]["state"] == "refused"
    fixed = served.client.patch(
        f"{ROOT}/uploads/{number}/rows/4",
        json={"cells": {"value": "2e-6"}},
        headers=served.acting_as(Role.LABORATORY),
    )
    assert fixed.json()["state"] == "converted"
    assert post(served, f"uploads/{number}/accept", json={}).json()["entered"] == [1, 2, 3, 4]
    again = post(served, f"uploads/{number}/accept", json={}).json()
    assert (again["entered"], again["upload"]["state"]) == ([], "accepted")
    assert post(served, f"uploads/{number}/reject").status_code == 409
    kept = "measurements/1/artifacts"
    assert len(get(served, kept).json()) == 1
    assert get(served, kept, stranger=True).status_code == 404
    assert served.client.get(f"{ROOT}/{kept}").status_code == 401
    actions = [record.action for record in served.store.audit.list(limit=500)]
    assert {"upload.hand_in", "upload.fix", "upload.accept"} <= set(actions)


def test_files_come_back_whole_or_in_parts_and_are_never_shown(served, table):
    content = (DATA / "template.csv").read_bytes()
    path = f"artifacts/{table['artifact_id']}/content"
    whole = get(served, path)
    assert whole.content == content
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-disposition"].startswith("attachment")
    part = get(served, path, headers={"Range": "bytes=6-11"})
    assert (part.status_code, part.content) == (206, content[6:12])
    assert get(served, path, headers={"Range": "bytes=999999-"}).status_code == 416
    assert get(served, f"artifacts/{table['artifact_id']}").json()["size"] == len(content)


def test_templates_and_reports_can_be_fetched(served, table):
    assert get(served, "campaigns/conductors/upload-template").text.startswith("query,sample,formula")
    assert get(served, "campaigns/conductors/upload-template?format=xlsx").content.startswith(b"PK")
    assert "state" in get(served, f"uploads/{table['id']}/report").text
    bundle = get(served, "campaigns/conductors/obelix?doi=10.1000/182", Role.SCIENTIST)
    assert bundle.content.startswith(b"PK")
    assert get(served, "campaigns/conductors/uploads").json()["items"][0]["id"] == table["id"]
    assert get(served, "campaigns/conductors/artifacts").json()["items"][0]["id"] == table["artifact_id"]


def test_only_laboratories_hand_in_and_strangers_see_nothing(served, table):
    assert hand_in(served, "template.csv", Role.VIEWER).status_code == 403
    for path in (
        f"uploads/{table['id']}",
        f"uploads/{table['id']}/rows",
        f"uploads/{table['id']}/report",
        f"artifacts/{table['artifact_id']}",
        f"artifacts/{table['artifact_id']}/content",
        "campaigns/conductors/uploads",
        "campaigns/conductors/artifacts",
        "campaigns/conductors/upload-template",
    ):
        assert get(served, path).status_code == 200, path
        assert get(served, path, stranger=True).status_code == 404, path
        assert served.client.get(f"{ROOT}/{path}").status_code == 401, path


@pytest.mark.parametrize("options", ["{", "[]", '{"area": 1}', '{"colour": "red"}', "[" * 9000])
def test_options_that_are_none_are_refused(served, options):
    answer = hand_in(served, "spectrum.csv", options=options)
    assert answer.status_code == 422
    assert "remedy" in answer.json()


def test_a_form_without_a_file_is_refused_in_plain_words(served):
    answer = post(served, "campaigns/conductors/uploads", data={"file": "hello"}, files={"other": b""})
    assert answer.json()["errors"] == [{"field": "body.file", "message": "Input should be a file"}]


def test_files_that_cannot_be_read_are_kept_and_said_to_be(served):
    answer = post(served, "campaigns/conductors/uploads", files={"file": ("a.cif", b"\x80\x04 pickle")})
    assert answer.status_code == 201
    found = answer.json()
    assert found["upload"]["state"] == "unreadable"
    assert "pickle" in found["report"]["problem"]
    assert get(served, f"artifacts/{found['upload']['artifact_id']}/content").content == b"\x80\x04 pickle"
    assert post(served, f"uploads/{found['upload']['id']}/accept", json={}).status_code == 409


def test_spectra_carry_what_a_figure_needs(served):
    answer = hand_in(served, "spectrum.csv", kind="impedance", options=json.dumps({"query": "3", "use": "bulk"}))
    fit = answer.json()["report"]["fits"]["1"]
    assert {"frequency_Hz", "measured_ohm", "fitted_ohm", "bulk_sigma_ohm", "kramers_kronig"} <= set(fit)
    assert answer.json()["options"] == {"query": "3", "use": "bulk"}
