"""Known materials over the API and on the command line."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from services.access.roles import Role
from services.api.testing import OWN_GROUP, Served, serving
from services.cli.main import app
from services.cli.output import ExitCode
from services.materials.formats import StructureFormat, write_structure
from services.materials.optimade_entry import material_from_optimade
from services.materials.provider import Provider

ENTRY = {
    "id": "salt",
    "type": "structures",
    "attributes": {
        "lattice_vectors": [[4, 0, 0], [0, 4, 0], [0, 0, 4]],
        "cartesian_site_positions": [[0, 0, 0], [2, 2, 2]],
        "species": [
            {"name": "Cs", "chemical_symbols": ["Cs"], "concentration": [1.0]},
            {"name": "Cl", "chemical_symbols": ["Cl"], "concentration": [1.0]},
        ],
        "species_at_sites": ["Cs", "Cl"],
    },
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("materials")) as running:
        yield running


def test_a_material_is_handed_in_listed_and_taken_away(served: Served) -> None:
    def call(method: str, path: str, role: Role = Role.SCIENTIST, *, stranger: bool = False, **more: object):
        headers = served.acting_as(role, stranger=stranger)
        return served.client.request(method, f"/api/v1/materials{path}", headers=headers, **more)

    body = {"structure": ENTRY, "source": "handbook"}
    added = call("POST", "", json=body)
    assert added.status_code == 201, added.text
    material = added.json()["material"]
    assert (material["formula"], material["space_group"], material["group_id"]) == (
        "CsCl",
        221,
        served.store.people.group(OWN_GROUP).id,
    )
    assert call("POST", "", json=body).json() == added.json()
    number = material["id"]
    assert call("GET", f"/{number}", Role.VIEWER).json() == added.json()
    assert call("GET", "", Role.VIEWER, params={"element": ["Cs", "Cl"]}).json()["items"] == [material]
    assert call("GET", "", Role.VIEWER, params={"formula": "LiCl"}).json()["items"] == []
    assert call("GET", f"/{number}/structure", params={"format": "poscar"}).text.splitlines()[5] == "Cl Cs"
    assert call("GET", "", Role.VIEWER, stranger=True).json()["items"] == []
    assert call("GET", f"/{number}", Role.VIEWER, stranger=True).status_code == 404
    assert call("GET", f"/{number}/structure", Role.VIEWER, stranger=True).status_code == 404
    assert call("POST", "", Role.VIEWER, json=body).status_code == 403
    assert call("POST", "", json={**body, "group": "metallurgy"}).status_code == 403
    bad = {**ENTRY, "attributes": {**ENTRY["attributes"], "lattice_vectors": [[0, 0, 0]] * 3}}
    assert call("POST", "", json={**body, "structure": bad}).status_code == 422
    shared = call("POST", "", Role.ADMINISTRATOR, json=body).json()["material"]
    assert shared["group_id"] is None
    assert call("GET", f"/{shared['id']}", Role.VIEWER, stranger=True).status_code == 200
    assert "material.add" in {row.action for row in served.store.audit.newest(10)}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:1/v1", "not encrypted"),
        ("https://127.0.0.1/v1", "inside this network"),
        ("https://[::1]/v1", "inside this network"),
        ("gopher://x", "no address"),
    ],
)
def test_the_service_asks_nobody_inside_its_network(served: Served, url: str, told: str) -> None:
    headers = served.acting_as(Role.SCIENTIST)
    answer = served.client.post("/api/v1/materials/imports", json={"url": url}, headers=headers)
    assert 400 <= answer.status_code < 500
    assert told in answer.json()["detail"]


def test_the_command_line_imports_lists_and_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path / "home"))
    structure = material_from_optimade(ENTRY, source="x").structure
    assert structure is not None
    cif = write_structure(structure, StructureFormat.CIF, title="x")
    (tmp_path / "salt.cif").write_text(cif)
    (tmp_path / "bad.cif").write_text("nothing")
    (tmp_path / "answer.json").write_text(json.dumps({"data": [ENTRY]}))

    def petalite(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["material", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    first = json.loads(petalite("import", str(tmp_path / "salt.cif"), "--json"))
    assert (first["new"], first["known"]) == (1, 0)
    assert json.loads(petalite("import", str(tmp_path / "salt.cif"), "--json"))["known"] == 1
    refused = CliRunner().invoke(app, ["material", "import", str(tmp_path / "bad.cif")])
    assert (refused.exit_code, "1 refused" in refused.stdout) == (ExitCode.FAILED, True)
    assert "1 new" in petalite("import", str(tmp_path / "answer.json"), "--source", "provider")
    listed = json.loads(petalite("list", "--json", "--formula", "CsCl"))
    assert [(one["source"], one["source_id"]) for one in listed] == [("salt", "salt"), ("provider", "salt")]
    assert json.loads(petalite("show", "2"))["structure"]["sites"]
    assert petalite("export", "1") == cif
    assert petalite("export", "2", "--format", "extxyz").startswith("2\nLattice=")


def test_a_page_of_a_provider_is_kept_and_audited(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 0))
        following = "https://provider.example/v1/structures?page=1" if number == 0 else None
        data = [{**ENTRY, "id": f"page-{number}"}, {"id": "bad"}]
        return httpx.Response(200, json={"data": data, "links": {"next": following}, "meta": {"data_returned": 4}})

    reachable = partial(Provider, resolve=lambda host, port: ("93.184.216.34",), transport=httpx.MockTransport(answer))
    monkeypatch.setattr("services.api.routers.materials.Provider", reachable)
    headers = served.acting_as(Role.SCIENTIST)
    body = {"url": "https://provider.example/v1"}
    first = served.client.post("/api/v1/materials/imports", json=body, headers=headers).json()
    assert (first["n_read"], first["n_new"], first["n_refused"], first["n_found"]) == (2, 1, 1, 4)
    last = served.client.post("/api/v1/materials/imports", json={**body, "next": first["next"]}, headers=headers).json()
    assert (last["n_new"], last["next"]) == (1, None)
    again = served.client.post("/api/v1/materials/imports", json=body, headers=headers).json()
    assert again["n_new"] == 0
    stranger = served.client.post(
        "/api/v1/materials/imports", json={**body, "next": "https://elsewhere.example/"}, headers=headers
    )
    assert 400 <= stranger.status_code < 500
    assert [row.action for row in served.store.audit.newest(3)] == ["material.import"] * 3
