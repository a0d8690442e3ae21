"""The OPTIMADE endpoint: what it answers is what the specification wants, and everybody sees their own."""

from collections.abc import Iterator

import pytest
from optimade.models import (
    EntryInfoResponse,
    ErrorResponse,
    InfoResponse,
    LinksResponse,
    StructureResponseMany,
    StructureResponseOne,
)

from domain.blueprint import Realization
from domain.structure import Occupation, Site, Structure
from services.access.roles import Role
from services.api.testing import OTHER_GROUP, OWN_GROUP, Served, serving
from services.intake import Findings, record_measurement
from services.intake.testing import claim, example_measurement
from services.materials.formats import StructureFormat, write_structure
from services.materials.symmetry import known_material

ROCK_SALT = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))


def rock_salt(cation: Occupation, length: float) -> Structure:
    cations = [Site(cation, place) for place in ROCK_SALT]
    anions = [Site(Occupation.of({"Cl": 1.0}), (x + 0.5, y, z)) for x, y, z in ROCK_SALT]
    return Structure(((length, 0.0, 0.0), (0.0, length, 0.0), (0.0, 0.0, length)), (*cations, *anions))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("optimade")) as running:
        store = running.store
        own, other = (store.people.group(name).id for name in (OWN_GROUP, OTHER_GROUP))
        ordered = rock_salt(Occupation.of({"Li": 1.0}), 5.13)
        shared = rock_salt(Occupation.of({"Li": 0.5, "Na": 0.25}), 5.4)
        for structure, name, group in ((ordered, "salt", None), (shared, "mixed", own), (ordered, "secret", other)):
            material = known_material(structure, source="collection", source_id=name)
            store.materials.add(material, group_id=group, added_by="tests")
        campaign = running.new_campaign("salts")
        query = next(query for query in store.queries.list(campaign.id) if query.fidelity == "static")
        blueprint = store.candidates.get(query.candidate_id).blueprint
        sites = rock_salt(Occupation.of({"Li": 1.0}), blueprint.lattice.a)
        realization = Realization(
            blueprint_digest=blueprint.digest,
            cif=write_structure(sites, StructureFormat.CIF, title="sites"),
            method="pyxtal",
            seed=1,
            energy_eV_per_atom=-3.5,
            ranked_by="a potential",
            is_relaxed=True,
        )
        record_measurement(
            store,
            query.id,
            fence=claim(store, query).fence,
            measurement=example_measurement(-1.25),
            found=Findings((realization,)),
        )
        yield running


def ask(served: Served, path: str, role: Role = Role.VIEWER, *, stranger: bool = False, **query: str | int):
    return served.client.get(f"/optimade/v1/{path}", params=query, headers=served.acting_as(role, stranger=stranger))


def names(served: Served, filter_: str, role: Role = Role.VIEWER) -> list[str]:
    answer = ask(served, "structures", role, filter=filter_, response_fields="nsites")
    assert answer.status_code == 200, answer.text
    return [entry["id"] for entry in answer.json()["data"]]


# The models of the optimade package read pydantic's fields in a way that pydantic is giving up.
@pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute:DeprecationWarning")
def test_every_answer_is_what_the_specification_wants(served: Served) -> None:
    InfoResponse(**ask(served, "info").json())
    EntryInfoResponse(**ask(served, "info/structures").json())
    LinksResponse(**ask(served, "links").json())
    many = StructureResponseMany(**ask(served, "structures").json())
    assert [entry.id for entry in many.data] == ["material-1", "material-2", "realization-1"]
    one = StructureResponseOne(**ask(served, "structures/material-2").json())
    assert one.data is not None
    assert one.data.attributes.structure_features[0].value == "disorder"
    assert one.data.attributes.species[0].chemical_symbols == ["Li", "Na", "vacancy"]
    assert one.data.attributes.chemical_formula_reduced == "Cl4Li2Na"
    ErrorResponse(**ask(served, "structures", filter="nonsense = 3").json())
    assert served.client.get("/optimade/versions", headers=served.acting_as(Role.VIEWER)).text == "version\n1\n"


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("", ["material-1", "material-2", "realization-1"]),
        ('elements HAS "Na"', ["material-2"]),
        ('elements HAS ALL "Li","Cl" AND nelements=2', ["material-1", "realization-1"]),
        ('elements HAS ONLY "Li","Cl","F"', ["material-1", "realization-1"]),
        ('elements HAS ANY "Na","K"', ["material-2"]),
        ('NOT elements HAS "Na"', ["material-1", "realization-1"]),
        ("elements LENGTH 3", ["material-2"]),
        ('chemical_formula_reduced="ClLi"', ["material-1", "realization-1"]),
        ('chemical_formula_reduced STARTS WITH "Cl4"', ["material-2"]),
        ('chemical_formula_reduced ENDS "Na"', ["material-2"]),
        ('chemical_formula_reduced CONTAINS "l4L"', ["material-2"]),
        ('chemical_formula_reduced CONTAINS "CLLI"', []),
        ('chemical_formula_anonymous="AB"', ["material-1", "realization-1"]),
        ("space_group_it_number = 225", ["material-1", "material-2"]),
        ("space_group_it_number IS UNKNOWN", ["realization-1"]),
        ('structure_features HAS "disorder"', ["material-2"]),
        ("structure_features LENGTH 0", ["material-1", "realization-1"]),
        ("8 <= nsites AND nsites >= nelements", ["material-1", "material-2", "realization-1"]),
        ('id="realization-1" OR id="material-2"', ["material-2", "realization-1"]),
        ("_petalite_formation_energy_static < -1", ["realization-1"]),
        ("_petalite_formation_energy_static > -1", []),
        ("NOT _petalite_formation_energy_static > -1", ["realization-1"]),
        ("_petalite_formation_energy_static IS UNKNOWN", ["material-1", "material-2"]),
        ('_petalite_kind="material"', ["material-1", "material-2"]),
        ("_others_property > 3", []),
        ("NOT _others_property > 3", []),
        ("_others_property IS UNKNOWN", ["material-1", "material-2", "realization-1"]),
        ('last_modified > "2020-01-01T00:00:00Z"', ["material-1", "material-2", "realization-1"]),
        (
            'type="structures" AND nperiodic_dimensions=3 AND dimension_types LENGTH 3',
            ["material-1", "material-2", "realization-1"],
        ),
    ],
)
def test_filters_find_what_they_say(served: Served, filter_: str, found: list[str]) -> None:
    assert names(served, filter_) == found


@pytest.mark.parametrize(
    "filter_",
    [
        "nelements = 1e400",
        "nelements = ",
        'elements = "Li"',
        'nelements = "2"',
        "_petalite_nothing = 3",
        "nelements=1 nelements=2",
        "((((((((((((((((((((((((((((((((nelements=1))))))))))))))))))))))))))))))))",
        'elements HAS < "Li"',
        "3 = 3",
        'last_modified < "yesterday"',
        'references.id HAS "x"',
        'species_at_sites HAS "Li"',
        'elements:elements_ratios HAS "Li":0.5',
    ],
)
def test_filters_that_cannot_be_used_are_refused_in_the_specifications_frame(served: Served, filter_: str) -> None:
    answer = ask(served, "structures", filter=filter_)
    assert answer.status_code == 400, answer.text
    assert "The filter cannot be used" in ErrorResponse(**answer.json()).errors[0].detail


def test_pages_follow_one_another_to_the_end(served: Served) -> None:
    seen, address = [], "/optimade/v1/structures?page_limit=1&filter=nelements%3E1"
    for _ in range(3):
        answer = served.client.get(address, headers=served.acting_as(Role.VIEWER)).json()
        seen += [entry["id"] for entry in answer["data"]]
        assert answer["meta"]["data_returned"] == 3
        address = answer["links"]["next"]
    assert address is None
    assert seen == ["material-1", "material-2", "realization-1"]


def test_everybody_sees_their_own(served: Served) -> None:
    theirs = ask(served, "structures", stranger=True).json()
    assert [entry["id"] for entry in theirs["data"]] == ["material-1", "material-3"]
    assert theirs["meta"]["data_available"] == 2
    assert ask(served, "structures/material-2", stranger=True).json()["data"] is None
    assert ask(served, "structures/realization-1", stranger=True).json()["data"] is None
    everything = ask(served, "structures", Role.ADMINISTRATOR).json()
    assert everything["meta"]["data_available"] == 4
    assert "_petalite_formation_energy_static" not in ask(served, "info/structures", stranger=True).text
    assert served.client.get("/optimade/v1/structures").status_code == 401


def test_only_the_fields_asked_for_come_back(served: Served) -> None:
    answer = ask(served, "structures/realization-1", response_fields="nsites,_petalite_formation_energy_static,_x_y")
    assert answer.json()["data"]["attributes"] == {
        "nsites": 8,
        "_petalite_formation_energy_static": -1.25,
        "_x_y": None,
    }


@pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute:DeprecationWarning")
@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("structures", {"sort": "nelements"}, 400),
        ("structures", {"response_format": "xml"}, 400),
        ("structures", {"page_limit": 0}, 400),
        ("structures", {"page_limit": -1}, 400),
        ("structures", {"page_limit": "many"}, 400),
        ("structures", {"page_limit": 100_000}, 403),
        ("structures", {"page_after": "x"}, 400),
        ("structures", {"filter": "x" * 3000}, 400),
        ("structures/" + "x" * 64, {}, 400),
        ("references", {}, 404),
    ],
)
def test_what_cannot_be_served_is_refused_in_the_specifications_frame(
    served: Served, path: str, query: dict[str, str | int], status: int
) -> None:
    answer = ask(served, path, **query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    refused = ErrorResponse(**answer.json())
    assert [error.status for error in refused.errors] == [str(status)]
    assert refused.meta.query.representation.startswith(f"/{path}")


@pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute:DeprecationWarning")
def test_strangers_and_wrong_methods_are_refused_in_the_specifications_frame(served: Served) -> None:
    stranger = served.client.get("/optimade/v1/structures")
    posted = served.client.post("/optimade/v1/structures", headers=served.acting_as(Role.VIEWER))
    for answer, status in ((stranger, 401), (posted, 405)):
        assert answer.status_code == status
        assert ErrorResponse(**answer.json()).errors[0].status == str(status)
    assert stranger.headers["www-authenticate"].startswith("Bearer")
    assert served.client.get("/api/v1/campaigns").headers["content-type"] == "application/problem+json"


def test_links_lead_where_the_service_is_reached_whatever_the_caller_calls_it(served: Served) -> None:
    public = served.app.state.service.settings.public_url
    headers = {**served.acting_as(Role.VIEWER), "Host": "evil.example"}
    for path in ("structures?page_limit=1", "info", "links"):
        text = served.client.get(f"/optimade/v1/{path}", headers=headers).text
        assert f"{public}/optimade" in text
        assert "evil.example" not in text
