"""How ions move: on a crystal's page and as figures, and who may see them."""

import json
import re
from dataclasses import replace

import pytest
from support.runs import conductor_details, run_details

from domain.errors import InvalidValueError
from domain.look import FileNote
from domain.measurement import Censoring
from domain.quantity import Goal, Objective
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.testing import OWN_GROUP, example_campaign, serving
from services.dashboard.app import create_service
from services.intake import Findings, record_measurement
from services.intake.testing import claim, example_measurement
from services.reports.densities import MEDIA_TYPE, Along
from services.store.examples import example_pick, open_round
from services.uploads.artifacts import ArtifactFolder

WHY = "An activation energy needs ions that diffuse at 2 of them (0 so far)."
BOUND = {"runs": [run_details(600.0, conductivity=5e-3, censoring="<")], "why_a_bound": WHY}
ANSWERS = (
    (1.2e-8, Censoring.NONE, conductor_details()),
    (1e-2, Censoring.BELOW, BOUND),
    (1e-4, Censoring.NONE, {"runs": 3, "arrhenius": {"points": "few"}}),
    (1e-3, Censoring.NONE, {"runs": [run_details(1000 / 3)]}),
    (1e-3, Censoring.NONE, {}),
)
DENSITIES_K = {1: (1000.0, 800.0), 4: (1000 / 3,), 5: (700.0,)}
"""Temperatures of the densities that crystals keep."""


def kept_density(running, campaign_id, temperatures_K):
    """A file with the density of some runs, as a look leaves it."""
    rows = [[0.0, 0.1, 0.0], [0.0, 0.4, 0.1]]
    density = {
        "mobile": "Li",
        "cell_A": [[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]],
        "sites": [{"symbol": "Cl", "at": [0.5, 0.0, z]} for z in (0.0, 0.5)],
        "runs": [
            {"temperature_K": kelvin, "is_used": True, "along": dict.fromkeys("abc", rows)} for kelvin in temperatures_K
        ],
    }
    content = json.dumps(density).encode()
    blob = ArtifactFolder(running.app.state.service.settings.artifacts).keep([content])
    note = FileNote("ion-density.json", MEDIA_TYPE, "Where ions were.")
    return running.store.artifacts.keep_produced(
        campaign_id, note, digest=blob.digest, size=blob.size, uploaded_by="host/1"
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("transport"), create=create_service) as running:
        spec = example_campaign("conductors")
        static, laboratory, costly = spec.ladder
        laboratory = replace(laboratory, settings={"quantity": "ionic_conductivity"})
        objective = Objective("ionic_conductivity", Goal.MAXIMIZE)
        record = running.store.campaigns.create(replace(spec, objective=objective, ladder=(static, laboratory, costly)))
        give_campaign(running.store, record.name, OWN_GROUP, by=local_operator())
        open_round(running.store, record.id, 0, [example_pick(n) for n in range(len(ANSWERS))])
        for query, (value, censoring, details) in zip(running.store.queries.list(record.id), ANSWERS, strict=True):
            measured = replace(
                example_measurement(value, "S/cm"),
                sigma=value / 10 if censoring is Censoring.NONE else None,
                censoring=censoring,
                temperature_K=300.0,
                details=details,
                measured_at=running.store.now(),
            )
            temperatures_K = DENSITIES_K.get(query.candidate_id)
            files = (kept_density(running, record.id, temperatures_K).id,) if temperatures_K else ()
            fence = claim(running.store, query).fence
            record_measurement(running.store, query.id, fence=fence, measurement=measured, found=Findings(files=files))
        yield running


@pytest.fixture
def visit(served):
    def visited(path, *, stranger=False):
        return served.client.get(path, headers=served.acting_as(Role.VIEWER, stranger=stranger))

    return visited


@pytest.fixture
def crystals(served):
    campaign = served.store.campaigns.get("conductors")
    return [candidate.id for candidate in served.store.candidates.list(campaign.id)]


@pytest.fixture
def values(visit, crystals):
    return [visit(f"/api/v1/candidates/{one}").json()["measurements"][0]["id"] for one in crystals]


def test_a_crystals_page_shows_the_runs_behind_a_conductivity(visit, crystals, values) -> None:
    page = visit(f"/crystals/{crystals[0]}").text
    for said in (
        f"/api/v1/measurements/{values[0]}/plots/msd",
        f"/api/v1/measurements/{values[0]}/plots/arrhenius",
        "0.630 eV (0.500 to 0.800)",
        "5, of which 3 used",
        "Extrapolated: no run was at 300 K",
        "a Haven ratio of 1",
        "ran for its whole time",
        "ended early",
        "An energy is no number.",
        "He-Zhu-Epstein-Mo 2018",
        "&lt; 0.0050 S/cm",
        "0.0200 S/cm",
        "<strong>not diffusive</strong>",
        "Seen at 800 K.",
    ):
        assert said in page, said
    assert "No transport data" not in page


def test_a_bound_says_why_it_is_one(visit, crystals, values) -> None:
    page = visit(f"/crystals/{crystals[1]}").text
    assert WHY in page
    assert "Activation energy" not in page
    assert f"/api/v1/measurements/{values[1]}/plots/arrhenius" in page


def test_a_crystal_without_runs_says_what_would_show_them(visit, crystals, values) -> None:
    answer = visit(f"/crystals/{crystals[2]}")
    assert answer.status_code == 200
    assert "No transport data" in answer.text
    refused = visit(f"/api/v1/measurements/{values[2]}/plots/msd")
    assert refused.status_code == 404
    assert "molecular dynamics" in refused.json()["remedy"]


def test_figures_of_runs_are_for_those_who_see_the_campaign(visit, values) -> None:
    for plot in ("msd", "arrhenius", "density"):
        path = f"/api/v1/measurements/{values[0]}/plots/{plot}"
        answer = visit(path)
        assert answer.json()["description"]
        assert visit(path, stranger=True).status_code == 404


def test_pictures_of_where_ions_are_files_and_series_stand_on_the_page(visit, crystals, values) -> None:
    page = visit(f"/crystals/{crystals[0]}").text
    for said in (
        f"/api/v1/measurements/{values[0]}/plots/density?temperature_K=800",
        f"/api/v1/measurements/{values[0]}/plots/density?temperature_K=1000",
        "Where ions were.",
        "/api/v1/artifacts/1/content",
        "Series beside value",
        '<td class="number">0.0040</td>',
    ):
        assert said in page, said
    other = visit(f"/crystals/{crystals[1]}").text
    assert "plots/density" not in other
    assert "<h2>Files</h2>" not in other


def test_every_density_that_is_kept_has_a_picture_on_the_page(visit, crystals, values) -> None:
    for crystal, value, kelvin in ((crystals[3], values[3], 1000 / 3), (crystals[4], values[4], 700.0)):
        page = visit(f"/crystals/{crystal}").text
        path = re.search(rf"/api/v1/measurements/{value}/plots/density[^\"]*", page)[0]
        assert visit(path).json()["layout"]["meta"]["temperature_K"] == kelvin
    assert visit(f"/api/v1/measurements/{values[3]}/plots/density?temperature_K=333.333").status_code == 200


def test_a_density_is_seen_along_each_vector_with_the_framework_over_it(visit, values) -> None:
    path = f"/api/v1/measurements/{values[0]}/plots/density"
    figure = visit(f"{path}?temperature_K=1000").json()
    *maps, scale = [trace for trace in figure["data"] if trace["type"] == "heatmap"]
    sites = [trace for trace in figure["data"] if trace["type"] == "scatter"]
    assert [trace["name"] for trace in maps] == ["along a", "along b", "along c"]
    assert {trace["zmax"] for trace in maps} == {0.4}
    assert (scale["y"][0], scale["y"][-1], scale["yaxis"]) == (0.0, 0.4, "y4")
    assert figure["layout"]["yaxis4"]["title"]["text"] == "Å⁻³"
    assert [(trace["xaxis"], trace["yaxis"]) for trace in maps] == [("x", "y"), ("x2", "y2"), ("x3", "y3")]
    assert figure["layout"]["xaxis2"]["title"]["text"] == "along a"
    assert figure["layout"]["yaxis2"]["title"]["text"] == "along c"
    assert [len(trace["x"]) for trace in sites] == [2, 2, 1], "along c both lie behind each other"
    assert figure["description"] == (
        "Where Li is at 1,000 K, along each vector of the cell: at most 0.4 Å⁻³; over it the sites of Cl."
    )
    assert visit(path).json()["layout"]["meta"]["temperature_K"] == 800.0
    refused = visit(f"{path}?temperature_K=900")
    assert refused.status_code == 404
    assert refused.json()["remedy"] == "There are runs at 800, 1000 K."


@pytest.mark.parametrize("rows", [[], [[0.1], [0.1, 0.2]], [[-0.1]], [[float("nan")]], [[0.0] * 201]])
def test_what_is_no_density_is_not_drawn(rows) -> None:
    with pytest.raises(InvalidValueError, match=r"has no picture|negative or no number"):
        Along(rows, [[0.1]], [[0.1]])
