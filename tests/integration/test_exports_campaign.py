"""What can be taken away of a campaign: complete, traceable, and harmless in a spreadsheet."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from rocrate.rocrate import ROCrate

from domain.blueprint import Realization
from domain.errors import InvalidValueError
from domain.measurement import FailureKind
from services.access.roles import Role
from services.api.service import Service
from services.api.testing import Served, serving
from services.intake import (
    Findings,
    amend_material_value,
    record_amendment,
    record_failure,
    record_measurement,
    record_unsolicited,
)
from services.intake.testing import claim, example_failure, example_measurement
from services.materials.plain_cif import read_plain_cif
from services.reports.crate import CrateOptions
from services.reports.figures import Plot
from services.spreadsheets import harmless_cell
from services.store.examples import example_pick
from services.store.uploads import RowState, UploadKind, UploadRow, UploadState
from services.uploads.artifacts import ArtifactFolder

CIF = """data_x
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_IT_number 1
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Li 0 0 0
Cl 0.5 0.5 0.5
"""
FORMULA = "=HYPERLINK(evil)"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("exports")) as running:
        store = running.store
        campaign = running.new_campaign("salts", n_picks=4)
        first, second, third, _ = (query for query in store.queries.list(campaign.id) if query.fidelity == "static")
        blueprint = store.candidates.get(first.candidate_id).blueprint
        sites = Realization(blueprint.digest, CIF, "pyxtal", 1, -3.5, "a potential", is_relaxed=True)
        measured = example_measurement(-1.5)
        origin = replace(measured.provenance, worker=FORMULA, realization_digest=sites.digest)
        measured = replace(measured, provenance=origin)
        fence = claim(store, first).fence
        record_measurement(store, first.id, fence=fence, measurement=measured, found=Findings((sites,)))
        wrong = record_measurement(
            store, second.id, fence=claim(store, second).fence, measurement=example_measurement(-9.5)
        )
        record_amendment(store, wrong.id, measurement=example_measurement(-0.5), reason="a typing error", worker="ann")
        failure = example_failure(FailureKind.PERMANENT)
        record_failure(store, third.id, fence=claim(store, third).fence, failure=failure)
        for digest, name in ((_keep(running, b"raw"), '=raw".csv'), ("0" * 64, "lost.csv")):
            file = store.artifacts.add(
                campaign.id, digest=digest, name=name, media_type="text/csv", size=3, uploaded_by="ann"
            )
            store.artifacts.link(wrong.id, file.id)
        reported = record_unsolicited(
            store,
            campaign.id,
            fidelity="lab",
            measurement=example_measurement(-1.1),
            about=example_pick(900).blueprint,
        )
        assert reported.material_value is not None
        table = store.artifacts.add(
            campaign.id, digest=_keep(running, b"table"), name="t.csv", media_type="text/csv", size=5, uploaded_by="ann"
        )
        row = UploadRow(1, RowState.ENTERED, {}, {}, (), material_measurement_id=reported.material_value.id)
        store.uploads.add(
            campaign.id,
            table.id,
            kind=UploadKind.TABLE,
            state=UploadState.ACCEPTED,
            options={},
            report={},
            rows=[row],
            uploaded_by="ann",
        )
        amend_material_value(
            store,
            reported.material_value.id,
            measurement=example_measurement(-1.2),
            reason="a typing error",
            worker="ann",
        )
        store.audit.append("ann", "campaign.start", "campaign salts", {})
        store.audit.append("ann", "campaign.start", "campaign peppers", {})
        yield running


def _keep(served: Served, content: bytes) -> str:
    service: Service = served.app.state.service
    return ArtifactFolder(service.settings.artifacts).keep([content]).digest


def take(served: Served, wanted: str, role: Role = Role.SCIENTIST, **query: str) -> httpx.Response:
    answer = served.client.get(
        "/api/v1/campaigns/salts/export", params={"format": wanted, **query}, headers=served.acting_as(role)
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="salts')
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer


def test_an_ro_crate_traces_every_number(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "crate.zip"
    path.write_bytes(
        take(served, "ro-crate", licence="https://creativecommons.org/licenses/by/4.0/", author="Ann").content
    )
    crate = ROCrate(path)
    root = crate.root_dataset
    assert root["license"].id == "https://creativecommons.org/licenses/by/4.0/"
    assert [author["name"] for author in root["author"]] == ["Ann"]
    actions = {action.id: action for action in crate.get_by_type("CreateAction")}
    assert {action.id for action in root["mentions"]} == set(actions)
    looks = [action for name, action in actions.items() if name.startswith("#look-")]
    assert len(looks) == 3
    for look in looks:
        assert look["instrument"]["softwareVersion"]
        assert look["agent"]["name"]
        assert look["result"]["unitText"] == "eV/atom"
        assert look["endTime"]
        assert crate.dereference(look["object"][0].id) is not None
    first, wrong, right = looks
    raw, lost = wrong["object"][1:]
    assert (raw["name"], raw["sha256"], raw.type) == ('=raw".csv', sha256(b"raw").hexdigest(), "File")
    assert (lost["name"], lost.type) == ("lost.csv", "CreativeWork")
    assert first["agent"]["name"] == FORMULA
    assert first["object"][1].id == "realizations/1.cif"
    assert first["result"]["value"] == -1.5
    assert wrong["result"]["description"] == "Was corrected or taken back."
    assert (right["result"]["value"], right["result"]["isBasedOn"].id) == (-0.5, wrong["result"].id)
    (failed,) = [action for name, action in actions.items() if name.startswith("#failure-")]
    assert failed["error"].startswith("permanent:")
    with zipfile.ZipFile(path) as archive:
        held = set(archive.namelist())
        assert archive.read("realizations/1.cif").decode() == CIF
        assert archive.read("handed-in/1.csv") == b"raw"
        spec = json.loads(archive.read("spec.json"))
    assert spec["name"] == "salts"
    named = {entity.id for entity in crate.get_entities() if entity.id in held or "/" in entity.id}
    assert {f"plots/{plot.value}.json" for plot in Plot} | {"events.jsonl", "measurements.csv"} <= named & held
    assert held - {"ro-crate-metadata.json"} <= {entity.id for entity in crate.get_entities()}


def test_values_of_known_materials_are_taken_away_with_where_they_came_from(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "crate.zip"
    path.write_bytes(take(served, "ro-crate").content)
    crate = ROCrate(path)
    wrong, right = [action for action in crate.get_by_type("CreateAction") if action.id.startswith("#material-look-")]
    assert (right["result"]["value"], right["result"]["isBasedOn"].id) == (-1.2, wrong["result"].id)
    assert [look["result"]["description"] for look in (wrong, right)] == ["Was corrected or taken back.", "Counts."]
    assert right["instrument"]["softwareVersion"] == "chgnet 0.4.2"
    assert [seen["name"] for seen in right["object"]] == ["LiCl"]
    assert [seen["name"] for seen in wrong["object"]] == ["LiCl", "t.csv"], "the file that it rests on"
    assert wrong["object"][1].id in {entity.id for entity in crate.data_entities}
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("campaign.json"))
        table = list(csv.DictReader(io.StringIO(archive.read("known_materials.csv").decode())))
    assert [value["measurement"]["value"] for value in document["known_materials"]] == [-1.1, -1.2]
    assert document["known_materials"][0]["material"]["source"] == "unsolicited"
    assert [(row["value"], row["counts"], row["corrects"]) for row in table] == [
        ("-1.1", "False", ""),
        ("-1.2", "True", table[0]["material_measurement"]),
    ]


def test_the_audit_log_is_for_those_who_may_read_it(served: Served) -> None:
    def audited(role: Role) -> list[str]:
        with zipfile.ZipFile(io.BytesIO(take(served, "ro-crate", role).content)) as archive:
            if "audit.jsonl" not in archive.namelist():
                return []
            return [json.loads(line)["subject"] for line in archive.read("audit.jsonl").splitlines()]

    assert audited(Role.SCIENTIST) == []
    append = served.store.audit.append
    mine = [query.id for query in served.store.queries.list(served.store.campaigns.get("salts").id)]
    wrong = served.store.measurements.list(served.store.campaigns.get("salts").id, with_evidence=True)[0]
    append("ann", "query.claim", f"query {mine[0]}", {})
    append("ann", "query.claim", f"query {max(mine) + 100}", {})
    append("ann", "query.deny", "2 queries", {"queries": [mine[1], 10_000]})
    append("ann", "query.deny", "1 queries", {"queries": [10_000]})
    append("ann", "measurement.retract", f"measurement {wrong.id}", {})
    append("ann", "schedule.add", "campaign salts, schedule 1", {})
    append("ann", "campaign.start", "campaign salts-and-more", {})
    told = audited(Role.ADMINISTRATOR)
    assert set(told) == {
        "campaign salts", "campaign salts, schedule 1", f"query {mine[0]}", "2 queries", f"measurement {wrong.id}",
    }  # fmt: skip


def test_who_takes_a_campaign_away_is_in_the_audit_log(served: Served) -> None:
    take(served, "csv")
    newest = served.store.audit.newest(1)[0]
    assert (newest.actor, newest.action, newest.subject) == ("scientist", "campaign.export", "campaign salts")
    assert newest.details == {"format": "csv"}


def test_without_a_licence_none_is_claimed(served: Served) -> None:
    with zipfile.ZipFile(io.BytesIO(take(served, "ro-crate").content)) as archive:
        graph = json.loads(archive.read("ro-crate-metadata.json"))["@graph"]
    (root,) = [entity for entity in graph if entity["@id"] == "./"]
    assert root["license"] == {"@id": "#no-licence"}


def test_a_zip_holds_what_anybody_can_read(served: Served) -> None:
    with zipfile.ZipFile(io.BytesIO(take(served, "zip").content)) as archive:
        names = archive.namelist()
        (cif,) = [name for name in names if name.endswith(".cif")]
        assert read_plain_cif(archive.read(cif).decode()) == read_plain_cif(CIF)
        document = json.loads(archive.read("salts/campaign.json"))
    assert {"salts/crystals.csv", "salts/measurements.csv", "salts/plots/coverage.json"} <= set(names)
    assert document["name"] == "salts"


def test_a_table_is_harmless_and_numbers_stay_numbers(served: Served) -> None:
    rows = list(csv.DictReader(io.StringIO(take(served, "csv").text)))
    assert [row["value"] for row in rows] == ["-1.5", "-9.5", "-0.5"]
    assert rows[0]["worker"] == f"'{FORMULA}"
    assert [row["counts"] for row in rows] == ["True", "False", "True"]
    assert rows[2]["corrects"] == "2"
    for text in ("=1+1", "+x", "-1+1", "@x", "\tx", "\rx", "\nx"):
        assert harmless_cell(text) == f"'{text}"
    assert harmless_cell("LiCl") == "LiCl"


def test_a_document_is_the_whole_campaign(served: Served) -> None:
    document = take(served, "json").json()
    assert len(document["picks"]) == 6
    assert document["balance"]["booked"] > 0


def test_who_may_not_export_is_refused(served: Served) -> None:
    def status(role: Role, *, stranger: bool = False) -> int:
        headers = served.acting_as(role, stranger=stranger)
        return served.client.get("/api/v1/campaigns/salts/export", headers=headers).status_code

    assert status(Role.SCIENTIST, stranger=True) == 404
    assert status(Role.MACHINE) == 403
    address = "/api/v1/campaigns/salts/export?licence=no-address"
    assert served.client.get(address, headers=served.acting_as(Role.SCIENTIST)).status_code == 422


NOTHING_TO_DRAW = {Plot.REGRET_BY_MONEY, Plot.REGRET_BY_TIME, Plot.VARIETY}
"""Of a campaign whose target was never looked at, and whose generator drew nothing."""


@pytest.mark.parametrize("plot", Plot)
def test_every_figure_is_served(served: Served, plot: Plot) -> None:
    address = f"/api/v1/campaigns/salts/plots/{plot.value}"
    answer = served.client.get(address, headers=served.acting_as(Role.VIEWER))
    assert answer.status_code == 200
    figure = answer.json()
    assert bool(figure["data"]) is (plot not in NOTHING_TO_DRAW)
    assert figure["layout"]["title"]["text"].startswith("salts: ")
    assert served.client.get(address, headers=served.acting_as(Role.VIEWER, stranger=True)).status_code == 404


def test_a_realization_can_be_taken_away_in_every_format(served: Served) -> None:
    def get(path: str, *, stranger: bool = False, **query: str) -> httpx.Response:
        headers = served.acting_as(Role.VIEWER, stranger=stranger)
        return served.client.get(f"/api/v1/{path}", params=query, headers=headers)

    (shown,) = get(f"candidates/{served.store.structures.realizations([1])[1].record.candidate_id}/realizations").json()
    assert get("realizations/1").json() == shown
    assert get("realizations/1/structure").text == CIF
    assert get("realizations/1/structure", format="poscar").text.splitlines()[5:7] == ["Cl Li", "1 1"]
    assert get("realizations/1/structure", format="extxyz").text.startswith("2\nLattice=")
    assert get("realizations/1/structure", format="mson").json()["@class"] == "Structure"
    assert get("realizations/1/structure", format="pickle").status_code == 422
    assert get("realizations/1/structure", stranger=True).status_code == 404
    assert get("realizations/99").status_code == 404


@pytest.mark.parametrize(
    "licence", ["https://[", "https://a]b", "https://\u023aT]", "ftp://a.example", "https://", "a b"]
)
def test_a_licence_without_a_plain_address_is_refused(served: Served, licence: str) -> None:
    answer = served.client.get(
        "/api/v1/campaigns/salts/export", params={"licence": licence}, headers=served.acting_as(Role.SCIENTIST)
    )
    assert answer.status_code == 422
    with pytest.raises(InvalidValueError, match="no address of a licence"):
        CrateOptions(licence=licence)
