"""Reference energies and known materials' values over REST and on the command line: seen, corrected, kept apart."""

import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from typer.testing import CliRunner

from domain.look import ReferenceEnergy
from domain.parsing import to_json_value
from services.access.roles import Role
from services.api.testing import Served, serving
from services.cli.material import app as material
from services.cli.reference import app as reference
from services.intake import Reading, record_measurement, report_laboratory_result
from services.intake.references import record_reference
from services.intake.testing import claim, example_measurement
from services.store import open_store
from services.store.examples import example_pick, open_example

READING = {"value": -1.3, "unit": "eV/atom", "sigma": 0.1, "temperature": "25 degC", "note": "first run"}
LITHIUM = ReferenceEnergy("Li", -9.9, "bcc", "data_Li")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("corrections")) as running:
        running.new_campaign("salts")
        yield running


def send(served: Served, method: str, path: str, role: Role, *, stranger: bool = False, **body: object):
    headers = served.acting_as(role, stranger=stranger)
    sent = {"json": body} if body else {}
    return served.client.request(method, f"/api/v1/{path}", headers=headers, **sent)


def problem(answer: httpx.Response) -> str:
    return answer.json()["detail"]


def test_a_machines_reference_energy_is_its_groups_and_is_corrected_by_scientists(served: Served) -> None:
    campaign = served.store.campaigns.get("salts")
    digest = campaign.spec.fidelities.fidelity("static").settings_digest
    origin = {"oracle": "potential", "oracle_version": "chgnet 0.4.2", "settings_digest": digest}
    body = {"reference": to_json_value(LITHIUM), "provenance": {**origin, "worker": "node"}}
    handed_in = send(served, "POST", "references", Role.MACHINE, **body, campaign="salts")
    assert handed_in.status_code == 201, handed_in.text
    asked = httpx.QueryParams(origin)
    own = send(served, "GET", f"references?{asked}", Role.MACHINE).json()["references"]
    assert [found["reference"]["energy_eV_per_atom"] for found in own] == [-9.9]
    assert send(served, "GET", f"references?{asked}", Role.MACHINE, stranger=True).json()["references"] == []
    query = next(q for q in served.store.queries.list(campaign.id) if q.fidelity == "static")
    seen = example_measurement()
    seen = replace(seen, provenance=replace(seen.provenance, settings_digest=digest))
    fence = claim(served.store, query).fence
    looked = record_measurement(served.store, query.id, fence=fence, measurement=seen)

    (listed,) = send(served, "GET", "references/history?symbol=Li", Role.VIEWER).json()["items"]
    path = f"references/{listed['id']}"
    assert send(served, "GET", path, Role.SCIENTIST, stranger=True).status_code == 404
    assert send(served, "POST", f"{path}/retract", Role.SCIENTIST, stranger=True, reason="x").status_code == 404
    assert send(served, "POST", f"{path}/retract", Role.MACHINE, reason="x").status_code == 403
    taken_back = send(served, "POST", f"{path}/retract", Role.SCIENTIST, reason="Wrong potential.")
    assert [found["measurement_id"] for found in taken_back.json()["affected"]] == [looked.id]
    again = send(served, "POST", "references", Role.MACHINE, **body, campaign="salts")
    assert again.status_code == 409
    assert "was taken back by scientist: Wrong potential." in problem(again)
    newest = taken_back.json()["reference"]["id"]
    right = {"energy_eV_per_atom": -1.9, "reason": "By hand."}
    replaced = send(served, "POST", f"references/{newest}/replace", Role.SCIENTIST, **right)
    assert replaced.json()["reference"]["said_by"] == "scientist"
    own = send(served, "GET", f"references?{asked}", Role.MACHINE).json()["references"]
    assert [found["reference"]["energy_eV_per_atom"] for found in own] == [-1.9]
    listed = send(served, "GET", "references/history", Role.VIEWER).json()["items"]
    assert [row["supersedes"] for row in listed] == [None, listed[0]["id"], newest]
    told = [
        event["event"]["kind"] for event in send(served, "GET", "campaigns/salts/events", Role.VIEWER).json()["items"]
    ]
    assert told.count("reference.corrected") == 2

    refused = send(served, "POST", f"measurements/{looked.id}/retract", Role.LABORATORY, reason="Wrong reference.")
    assert refused.status_code == 403
    taken = send(served, "POST", f"measurements/{looked.id}/retract", Role.SCIENTIST, reason="Wrong reference.")
    assert taken.status_code == 201
    assert send(served, "GET", path, Role.VIEWER).json()["affected"] == []


def test_what_was_measured_of_a_known_material_is_read_back_and_corrected(served: Served) -> None:
    body = {"fidelity": "lab", "measurement": READING, "blueprint": to_json_value(example_pick(900).blueprint)}
    value = send(served, "POST", "campaigns/salts/measurements", Role.LABORATORY, **body).json()["material_value"]
    number, known = value["id"], value["material_id"]
    of_material = f"materials/{known}/measurements"
    for path in (of_material, "campaigns/salts/material-measurements"):
        (shown,) = send(served, "GET", path, Role.VIEWER).json()["items"]
        assert shown == value
    assert send(served, "GET", of_material, Role.VIEWER, stranger=True).status_code == 404
    assert send(served, "GET", f"material-measurements/{number}", Role.VIEWER, stranger=True).status_code == 404
    change = {"measurement": {"temperature": "60 degC"}, "reason": "The oven was warmer."}
    amended = send(served, "POST", f"material-measurements/{number}/amend", Role.LABORATORY, **change).json()
    measured = amended["measurement"]
    assert (measured["value"], measured["sigma"], measured["temperature_K"]) == (-1.3, 0.1, 333.15)
    assert measured["details"]["note"] == "first run"
    gone = f"material-measurements/{amended['id']}/retract"
    assert send(served, "POST", gone, Role.LABORATORY, reason="Another sample.").json()["is_retracted"]
    assert len(send(served, "GET", of_material, Role.VIEWER).json()["items"]) == 3


def test_the_command_line_corrects_references_and_shows_materials(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    monkeypatch.delenv("PETALITE_STORE_URL", raising=False)
    with open_store(f"sqlite:///{tmp_path}/petalite.sqlite3") as store:
        campaign, _, (query,) = open_example(store, [example_pick(1)])
        seen = example_measurement()
        digest = campaign.spec.fidelities.fidelity("static").settings_digest
        seen = replace(seen, provenance=replace(seen.provenance, settings_digest=digest))
        record_reference(store, LITHIUM, provenance=seen.provenance, group_id=None)
        record_measurement(store, query.id, fence=claim(store, query).fence, measurement=seen)
    said = _run(reference, "retract", "1", "--reason", "Wrong potential.", "--as", "Ada")
    assert "1: LiCl at static of example, -1.25 eV/atom" in said
    replaced = _run(reference, "replace", "2", "--reason", "By hand.", "--as", "Ada", "--", "-1.9")
    assert "Reference energy 3, -1.9 eV/atom, replaces 2." in replaced
    listed = json.loads(_run(reference, "list", "--element", "Li", "--json"))
    assert [(row["is_retracted"], row["said_by"]) for row in listed] == [(False, ""), (True, "Ada"), (False, "Ada")]
    with open_store(f"sqlite:///{tmp_path}/petalite.sqlite3") as store:
        actions = [row.action for row in store.audit.list()]
        assert actions == ["reference.retract", "reference.replace"]


def test_a_materials_values_are_shown_on_the_command_line(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    monkeypatch.delenv("PETALITE_STORE_URL", raising=False)
    with open_store(f"sqlite:///{tmp_path}/petalite.sqlite3") as store:
        open_example(store, [example_pick(1)])
        report_laboratory_result(
            store,
            "example",
            example_pick(900).blueprint,
            fidelity="lab",
            worker="Ada",
            reading=Reading(-1.0, "eV/atom"),
        )
    (value,) = json.loads(_run(material, "show", "1"))["measurements"]
    assert (value["campaign"], value["measurement"]["value"]) == ("example", -1.0)


def _run(app, *arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
