"""The laboratory's pages and those of uploads, as a browser without scripts uses them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.access.people import add_group, add_user, give_campaign
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.rate import Rate, Rates
from services.api.testing import running
from services.dashboard.app import create_service
from services.dashboard.written_result import units_of
from services.intake.units import convert
from services.settings import load_settings
from services.store import Store
from services.uploads.testing import conductor_campaign

DATA = Path(__file__).parents[1] / "data" / "uploads"
UNLIMITED = Rate(per_s=1e9, burst=1e9)
GOOD = {"value": "1,2e-4", "unit": "S/cm", "sigma": "1e-5", "temperature": "25", "temperature_unit": "°C"}
PICTURE = ("pellet.jpg", b"\xff\xd8\xff\xe0 a pellet", "image/jpeg")


@dataclass(frozen=True)
class Pages:
    """The pages as several people see them."""

    client: httpx.Client
    store: Store
    tokens: dict[str, str]

    def get(self, path: str, who: str = "laboratory") -> httpx.Response:
        return self.client.get(path, headers={"Authorization": f"Bearer {self.tokens[who]}"})

    def post(self, path: str, who: str = "laboratory", **more: object) -> httpx.Response:
        return self.client.post(path, headers={"Authorization": f"Bearer {self.tokens[who]}"}, **more)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Iterator[Pages]:
    home = tmp_path_factory.mktemp("laboratory")
    settings = load_settings({"PETALITE_HOME": str(home), "PETALITE_PUBLIC_URL": "https://petalite.example"})
    app = create_service(settings, rates=Rates(UNLIMITED, UNLIMITED))
    with running(app) as client:
        store = app.state.service.open_store
        tokens = {}
        for group, people in {"own": [*Role], "other": ["stranger"]}.items():
            add_group(store, group, by=local_operator())
            for person in people:
                role = person if isinstance(person, Role) else Role.LABORATORY
                groups = () if role is Role.ADMINISTRATOR else (group,)
                user = add_user(store, str(person), role=role, by=local_operator(), groups=groups)
                tokens[str(person)] = create_token(
                    store, user.name, label="pages", scopes=PERMISSIONS_OF_ROLE[role], by=local_operator()
                ).secret
        conductor_campaign(store, n_asked=12)
        give_campaign(store, "conductors", "own", by=local_operator())
        yield Pages(client, store, tokens)


@pytest.fixture(scope="module")
def queries(pages) -> Iterator[int]:
    """Numbers of samples, each for one test."""
    return iter([query.id for query in pages.store.queries.list(1)])


def hand_in(pages: Pages, name: str, content: bytes | None = None, **said: str) -> str:
    content = (DATA / name).read_bytes() if content is None else content
    answer = pages.post("/campaigns/conductors/uploads", files={"file": (name, content)}, data=said)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_the_queue_says_what_is_known_of_each_sample(pages):
    page = pages.get("/laboratory").text
    assert "Li<sub>4</sub>Cl<sub>4</sub>" in page
    assert "lithium 4 chlorine 4" in page
    assert "expected" in page
    assert "It was its turn." in page
    assert "4.000 × 4.000 × 4.000 Å" in page
    assert "never looked at" in page
    assert "Take on" not in pages.get("/laboratory", "viewer").text
    assert "Nothing here" in pages.get("/laboratory?show=mine").text
    assert "lithium" not in pages.get("/laboratory", "stranger").text


def test_the_most_urgent_campaign_comes_first_and_pages_go_on_from_there(pages):
    store = pages.store
    urgent = conductor_campaign(store, "urgent", n_asked=2)
    give_campaign(store, "urgent", "own", by=local_operator())
    store.campaigns.set_priority(urgent.id, 5)
    listed = pages.get("/api/v1/laboratory/queries?limit=3").json()
    assert [item["campaign"] for item in listed["items"]] == ["urgent", "urgent", "conductors"]
    rest = pages.get(f"/api/v1/laboratory/queries?limit=500&after={listed['next']}").json()["items"]
    assert {item["campaign"] for item in rest} == {"conductors"}
    assert not {item["query_id"] for item in rest} & {item["query_id"] for item in listed["items"]}


def test_a_sample_is_taken_on_and_given_back(pages, queries):
    number = next(queries)
    assert pages.post(f"/laboratory/queries/{number}/claim").headers["location"] == f"/laboratory/queries/{number}"
    assert "Give back" in pages.get(f"/laboratory/queries/{number}").text
    assert f"/laboratory/queries/{number}" in pages.get("/laboratory/mine").text
    others = pages.get(f"/laboratory/queries/{number}", "scientist").text
    assert "Give back" not in others
    assert "While laboratory holds it, nobody else can hand its result in" in others
    assert pages.post(f"/laboratory/queries/{number}/result", "scientist", data=GOOD).status_code == 409
    assert pages.post(f"/laboratory/queries/{number}/claim", "scientist").status_code == 409
    assert pages.post(f"/laboratory/queries/{number}/release", data={"back": "queue"}).headers["location"] == (
        "/laboratory"
    )
    narrowed = {"back": "queue", "campaign": "conductors"}
    again = pages.post(f"/laboratory/queries/{number}/claim", data=narrowed)
    assert again.headers["location"] == "/laboratory?campaign=conductors"
    assert 'name="campaign" value="conductors"' in pages.get("/laboratory?campaign=conductors").text
    pages.post(f"/laboratory/queries/{number}/release")


def test_a_result_is_handed_in_with_a_picture_and_the_page_says_what_comes_next(pages, queries):
    number = next(queries)
    form = {**GOOD, "measured_at": "2025-12-01T12:00", "zone": "+02:00", "note": "white"}
    answer = pages.post(f"/laboratory/queries/{number}/result", data=form, files=[("files", PICTURE)])
    assert answer.status_code == 303, answer.text
    (record,) = pages.store.measurements.of_query(number)
    assert record.measurement.value == pytest.approx(1.2e-4)
    assert record.measurement.temperature_K == pytest.approx(298.15)
    assert record.measurement.measured_at.isoformat() == "2025-12-01T10:00:00+00:00"
    page = pages.get(f"/laboratory/queries/{number}").text
    assert "What happens next" in page
    assert "pellet.jpg" in page
    assert "Hand in the result" not in page
    assert f"/measurements/{record.id}" in pages.get("/laboratory/history").text
    assert f"/measurements/{record.id}" not in pages.get("/laboratory/history", "stranger").text


def test_a_doubtful_result_comes_back_with_what_was_typed_until_it_is_confirmed(pages, queries):
    number = next(queries)
    form = {**GOOD, "value": "<5", "sigma": "", "note": "as typed"}
    refused = pages.post(f"/laboratory/queries/{number}/result", data=form)
    assert refused.status_code == 422
    assert "unusually high" in refused.text
    assert "as typed" in refused.text
    assert re.search(r'name="value"[^>]*value="5"', refused.text)
    assert '<option value="&lt;" selected>' in refused.text or '<option value="<" selected>' in refused.text
    assert "tick “I have checked it” below" in refused.text
    assert pages.store.measurements.of_query(number) == ()
    assert pages.post(f"/laboratory/queries/{number}/result", data={**form, "confirmed": "true"}).status_code == 303
    (record,) = pages.store.measurements.of_query(number)
    assert record.measurement.censoring.value == "<"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"value": "many"}, "cannot be read as one number"),
        ({"value": "1,234"}, "may be 1.234 or 1234"),
        ({"value": "1.2e-4 kg"}, "does not measure ionic_conductivity"),
        ({"value": "1.2e-4 kS/m"}, "none of the units of the form"),
        ({"value": "1.2e-4 S/cm", "unit": "S/m"}, "The unit is given twice"),
        ({"value": "1.2e-4 ± 2e-5"}, "The standard deviation is given twice"),
        ({"sigma": "1e-5 mS/cm"}, "The standard deviation is in mS/cm, the value in"),
        ({"unit": "blorp"}, "not a known unit"),
        ({"temperature": "cold"}, "no temperature"),
        ({"measured_at": "yesterday"}, "is no time"),
    ],
)
def test_what_cannot_be_read_is_said_beside_the_form(pages, wrong, said):
    number = pages.store.queries.list(1)[-1].id
    refused = pages.post(f"/laboratory/queries/{number}/result", data={**GOOD, **wrong})
    assert refused.status_code == 422
    assert said in refused.text
    assert "Hand in the result" in refused.text


def test_what_is_pasted_with_its_unit_and_uncertainty_goes_to_its_fields(pages, queries):
    number = next(queries)
    form = {**GOOD, "value": "(1,2 ± 0,3) × 10⁻² mS·cm⁻¹", "sigma": "", "temperature": "298,15 K"}
    answer = pages.post(f"/laboratory/queries/{number}/result", data=form)
    assert answer.status_code == 303, answer.text
    (record,) = pages.store.measurements.of_query(number)
    assert record.measurement.value == pytest.approx(1.2e-5)
    assert record.measurement.sigma == pytest.approx(3e-6)
    assert record.measurement.temperature_K == pytest.approx(298.15)
    change = {"value": "1.4e-5 ± 2e-6 S/cm", "unit": "S/cm", "sigma": "3e-06", "reason": "Misread."}
    change |= {"temperature": "298.15", "temperature_unit": "K"}
    corrected = pages.post(f"/measurements/{record.id}/amend", data=change)
    assert corrected.status_code == 303, corrected.text
    assert pages.store.measurements.of_query(number)[-1].measurement.sigma == pytest.approx(2e-6)


def test_what_is_no_picture_is_named_and_the_result_stands(pages, queries):
    number = next(queries)
    answer = pages.post(
        f"/laboratory/queries/{number}/result", data=GOOD, files=[("files", ("notes.txt", b"it was white"))]
    )
    assert answer.status_code == 200
    assert "notes.txt" in answer.text
    assert "neither a picture nor a PDF" in answer.text
    assert len(pages.store.measurements.of_query(number)) == 1


def test_a_failure_needs_a_reason(pages, queries):
    number = next(queries)
    assert "not said what happened" in pages.post(f"/laboratory/queries/{number}/failure", data={"reason": " "}).text
    given = {"kind": "rejected", "reason": "It would be toxic."}
    assert pages.post(f"/laboratory/queries/{number}/failure", data=given).status_code == 303
    assert "It would be toxic." in pages.get(f"/laboratory/queries/{number}").text
    assert "It would be toxic." in pages.get("/laboratory/mine").text


def test_a_measurement_is_corrected_and_taken_back(pages, queries):
    number = next(queries)
    pages.post(f"/laboratory/queries/{number}/result", data=GOOD)
    (first,) = pages.store.measurements.of_query(number)
    shown = pages.get(f"/measurements/{first.id}").text
    form = {
        name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', shown)[1] for name in ("value", "sigma", "measured_at")
    }
    form |= {"unit": "S/cm", "temperature": "298.15", "temperature_unit": "K"}
    assert "not said what was wrong" in pages.post(f"/measurements/{first.id}/amend", data=form).text
    form |= {"value": "0.13", "unit": "mS/cm", "sigma": "0.01", "reason": "The area was wrong."}
    corrected = pages.post(f"/measurements/{first.id}/amend", data=form)
    assert corrected.status_code == 303, corrected.text
    _, second = pages.store.measurements.of_query(number)
    assert corrected.headers["location"] == f"/measurements/{second.id}"
    assert second.measurement.value == pytest.approx(1.3e-4)
    assert second.measurement.measured_at == first.measurement.measured_at
    assert "It no longer counts" in pages.get(f"/measurements/{first.id}").text
    assert pages.post(f"/measurements/{second.id}/retract", data={"reason": "Wrong pellet."}).status_code == 303
    assert "took it back" in pages.get(f"/measurements/{second.id}").text
    assert "takes its place" in pages.get(f"/laboratory/queries/{number}").text
    assert pages.post(f"/laboratory/queries/{number}/result", data={**GOOD, "value": "3e-4"}).status_code == 303
    assert pages.store.measurements.of_query(number)[-1].measurement.value == pytest.approx(3e-4)


def test_the_sheet_has_a_code_that_opens_the_sample(pages, queries):
    number = next(queries)
    page = pages.get(f"/laboratory/queries/{number}/traveller").text
    assert f"https://petalite.example/laboratory/queries/{number}" in page
    assert " style=" not in page
    code = pages.get(f"/laboratory/queries/{number}/code.svg")
    assert code.headers["content-type"].startswith("image/svg+xml")
    assert b"<svg" in code.content


def test_a_table_is_reported_corrected_and_accepted(pages, queries):
    first, second = next(queries), next(queries)
    table = f"query,value,unit,temperature,temperature unit\n{first},1.5e-4,S/cm,25,degC\n{second},much,S/cm,25,degC\n"
    place = hand_in(pages, "results.csv", table.encode())
    report = pages.get(place).text
    assert "is no number" in report
    assert f"answers sample № {first}" in report
    held_back = pages.post(f"{place}/accept")
    assert "1 row entered, 1 held back" in held_back.text
    form = pages.get(f"{place}/rows/2").text
    assert 'name="cell:value"' in form
    assert pages.post(f"{place}/rows/2", data={"cell:value": "2e-4"}).headers["location"] == f"{place}/rows/2"
    assert pages.post(f"{place}/accept").headers["location"] == place
    assert "Everything has entered" in pages.get(place).text
    assert pages.store.measurements.of_query(second)[0].measurement.value == pytest.approx(2e-4)
    assert "results.csv" in pages.get("/campaigns/conductors/uploads").text
    assert "results.csv" in pages.get("/laboratory/mine").text


def test_a_wrong_column_is_said_beside_the_row(pages):
    place = hand_in(pages, "results.csv", b"query,value,unit\n,much,S/cm\n")
    answer = pages.post(f"{place}/rows/1", data={"cell:colour": "red"})
    assert answer.status_code == 422
    assert "no column &#39;colour&#39;" in answer.text


def test_rejecting_ends_an_upload(pages):
    place = hand_in(pages, "results.csv", b"query,value,unit\n,much,S/cm\n")
    assert pages.post(f"{place}/reject").headers["location"] == place
    assert "rejected" in pages.get(place).text
    assert "Accept" not in pages.get(place).text


def test_a_spectrum_is_drawn_and_fitted_again_as_it_is_told_to(pages):
    place = hand_in(pages, "spectrum.csv", sample="A-18", query=str(pages.store.queries.list(1)[-1].id))
    page = pages.get(place).text
    assert "Adjust the fit" in page
    assert "Kramers–Kronig" in page
    nyquist = pages.get(f"/api/v1{place}/plots/nyquist").json()
    assert [trace["name"] for trace in nyquist["data"][:2]] == ["measured", "fitted"]
    assert len(nyquist["data"][0]["x"]) == 40
    residuals = pages.get(f"/api/v1{place}/plots/residuals").json()
    assert max(abs(y) for y in residuals["data"][0]["y"]) < 10
    adjusted = {"cell:lowest frequency": "100 Hz", "cell:highest frequency": "1 MHz", "cell:use": "bulk"}
    assert pages.post(f"{place}/rows/1", data=adjusted).status_code == 303
    again = pages.get(f"/api/v1{place}/plots/nyquist").json()
    assert len(again["data"][0]["x"]) < 40
    assert again["data"][2]["name"] == "not fitted"
    refused = pages.post(f"{place}/rows/1", data={"cell:circuit": "a coil"})
    assert (refused.status_code, "no circuit" in refused.text) == (422, True)
    assert pages.get(f"/api/v1{place}/plots/nyquist").json() == again
    assert pages.get(f"/api/v1{place}/plots/nyquist?row=9").status_code == 404


def test_a_series_is_drawn_over_temperature_with_its_interval(pages):
    place = hand_in(pages, "series.csv", sample="A-19", query=str(pages.store.queries.list(1)[-2].id))
    assert "Activation energy" in pages.get(place).text
    names = [trace["name"] for trace in pages.get(f"/api/v1{place}/plots/arrhenius").json()["data"]]
    assert names == ["measured", "line", "at 298.15 K, 95 %", "95 % interval", "95 % interval"]


def test_a_series_is_fitted_again_as_a_whole(pages):
    place = hand_in(pages, "series.csv", sample="A-20", query=str(pages.store.queries.list(1)[-3].id))
    upload_id = int(place.rpartition("/")[2])
    before = pages.store.uploads.get(upload_id).report
    said = {"use": "total", "lowest": "0.01 Hz", "highest": "", "left_out": ["1"]}
    answer = pages.post(f"{place}/series", data=said)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{place}#series")
    first, second, *_, series = pages.store.uploads.rows(upload_id)
    assert (first.cells["left out"], second.cells["use"]) == ("yes", "")
    assert {row.cells["lowest frequency"] for row in (first, second)} == {"0.01 Hz"}
    assert "Left out on purpose: 1 (" in " ".join(series.remarks)
    after = pages.store.uploads.get(upload_id).report
    assert len(after["arrhenius"]["points"]) == len(before["arrhenius"]["points"]) - 1
    drawn = pages.get(f"/api/v1{place}/plots/arrhenius").json()["data"]
    assert [trace["name"] for trace in drawn][:3] == ["measured", "left out", "line"]
    page = pages.get(place).text
    assert re.search(r'name="lowest"[^>]* value="0.01 Hz"', page)
    assert re.search(r'name="left_out" value="1" checked', page)
    refused = pages.post(f"{place}/series", data={**said, "lowest": "much"})
    assert refused.status_code == 422
    assert "is no frequency" in refused.text
    assert re.search(r'name="lowest"[^>]* value="much"', refused.text)
    pages.post(f"{place}/series", data={"use": "total", "lowest": "0.01 Hz"})
    assert len(pages.store.uploads.get(upload_id).report["arrhenius"]["points"]) == len(before["arrhenius"]["points"])


def test_no_file_and_two_files_are_refused(pages):
    empty = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--\r\n'  # as browsers send it
    )
    token = {"Authorization": f"Bearer {pages.tokens['laboratory']}", "Content-Type": "multipart/form-data; boundary=x"}
    none = pages.client.post("/campaigns/conductors/uploads", content=empty, headers=token)
    assert "No file was chosen" in none.text
    two = pages.post("/campaigns/conductors/uploads", files=[("file", ("a.csv", b"a")), ("file", ("b.csv", b"b"))])
    assert "Several files" in two.text


def test_pages_take_files_of_more_than_a_mebibyte(pages):
    place = hand_in(pages, "large.pdf", b"%PDF-1.7 " + b"x" * 2**21)
    assert "large.pdf" in pages.get(place).text


READ = [
    "/laboratory",
    "/laboratory/mine",
    "/laboratory/history",
    "/laboratory/queries/1",
    "/laboratory/queries/1/traveller",
    "/laboratory/queries/1/code.svg",
    "/campaigns/conductors/uploads",
]
WRITE = [
    "/laboratory/queries/1/claim",
    "/laboratory/queries/1/release",
    "/laboratory/queries/1/result",
    "/laboratory/queries/1/failure",
    "/measurements/1/amend",
    "/measurements/1/retract",
    "/campaigns/conductors/uploads",
    "/uploads/1/rows/1",
    "/uploads/1/series",
    "/uploads/1/recheck",
    "/uploads/1/accept",
    "/uploads/1/reject",
]


@pytest.mark.parametrize("path", READ)
def test_everybody_of_the_group_may_look_and_nobody_else(pages, path):
    for role in Role:
        assert pages.get(path, role.value).status_code == 200
    if path.count("/") > 2 or "campaigns" in path:
        assert pages.get(path, "stranger").status_code == 404


@pytest.mark.parametrize("path", WRITE)
def test_only_the_laboratory_may_change_and_only_its_own(pages, path):
    for role in (Role.VIEWER, Role.MACHINE):
        assert pages.post(path, role.value, data={"value": "1", "reason": "x"}).status_code == 403
    files = {"file": ("a.csv", b"a")} if path.endswith("uploads") else None
    assert pages.post(path, "stranger", data={"value": "1", "reason": "x"}, files=files).status_code == 404


def test_every_unit_of_the_form_is_one_of_the_quantity():
    from domain.cost import Cost
    from domain.measurement import Measurement, Provenance
    from domain.quantity import QUANTITIES
    from services.store.examples import FakeClock

    origin = Provenance("laboratory", "1", "x", "eve")
    for quantity in QUANTITIES.values():
        units = units_of(quantity)
        assert units[0] == quantity.unit
        for unit in units:
            convert(Measurement(1.0, unit, None, origin, Cost(0.0), FakeClock()()), quantity)
