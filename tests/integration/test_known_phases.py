"""Known materials are looked at with a campaign's own oracle, so that its hulls hold energies of one kind."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.fidelity import Fidelity
from domain.lattice import LatticeParameters
from domain.material import KnownMaterial
from domain.quantity import Scale
from domain.search_space import SearchSpace
from domain.space_groups import SpaceGroup
from domain.structure import Occupation, Site, Structure, vectors_of_cell
from domain.training import Pick
from services.cli.main import app
from services.materials.symmetry import known_material
from services.reports.tables import material_rows
from services.store import Store, open_store
from services.store.crystals import CrystalFilter, CrystalOrder, CrystalSort
from services.store.examples import example_pick, example_spec, open_round
from services.store.phases import PhaseOrigin

STATIC = Fidelity("static", "ase", 1.0, {"calculator": "emt"})
DENSE = Fidelity("dense", "laboratory", 9.0, {"quantity": "formation_energy"})


def alloy(name: str, *corners: str | dict[str, float], share: float = 1.0, a: float = 3.75) -> KnownMaterial:
    """Copper and gold on the four sites of the face-centred cell."""
    places = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))
    cell = vectors_of_cell((a, a, a), (90.0, 90.0, 90.0))
    shares = [{corner: share} if isinstance(corner, str) else corner for corner in corners]
    sites = tuple(Site(Occupation.of(each), place) for each, place in zip(shares, places, strict=True))
    return known_material(Structure(cell, sites), source="handbook", source_id=name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    monkeypatch.setenv("PETALITE_STORE_URL", f"sqlite:///{tmp_path}/store.sqlite3")
    space = SearchSpace(elements=("Cu", "Au"), space_groups=(221, 225), max_atoms=8)
    spec = replace(example_spec("alloys"), space=space, ladder=(STATIC, DENSE), initial_looks={"static": 1})
    crystal = Blueprint(
        SpaceGroup(221), Composition.of({"Cu": 1, "Au": 3}), LatticeParameters(3.9, 3.9, 3.9, 90, 90, 90)
    )
    with open_store(f"sqlite:///{tmp_path}/store.sqlite3") as store:
        campaign = store.campaigns.create(spec)
        open_round(store, campaign.id, 0, [Pick(crystal, "static", example_pick(0).decision, None)])
        known = [
            alloy("Cu3Au", "Au", "Cu", "Cu", "Cu"),
            alloy("CuAu3", "Cu", "Au", "Au", "Au"),
            alloy("vacant", "Cu", "Au", "Au", "Au", share=0.5),
            alloy("silver", "Cu", "Ag", "Ag", "Ag"),
        ]
        store.materials.add_many(known, group_id=None, added_by="ann")
    return tmp_path


def formulas_on_hull(store: Store) -> list[str]:
    """Of which formulas known materials have an energy of the campaign's kind."""
    (campaign,) = store.campaigns.list()
    provenance = next(iter(store.material_values.every(campaign.id))).measurement.provenance
    origin = PhaseOrigin(provenance.oracle, provenance.oracle_version, provenance.settings_digest)
    found = store.phases.lowest(("Cu", "Au"), groups=None, origin=origin)
    return [one.phase.formula for one in found if one.phase.material_id is not None]


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_known_materials_get_energies_of_the_campaigns_kind(home: Path) -> None:
    told = run("material", "look", "alloys", "static")
    assert "Cu3Au (handbook Cu3Au): -0.0" in told
    assert "CuAu3 (handbook CuAu3): 0.2" in told
    assert "vacant" not in told
    assert "silver" not in told
    again = run("material", "look", "alloys", "static")
    assert "No known material of its elements is without a value" in again
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        (campaign,) = store.campaigns.list()
        values = tuple(store.material_values.every(campaign.id))
        assert {value.fidelity for value in values} == {"static"}
        assert store.ledger.balance(campaign.id).booked == 0
        assert formulas_on_hull(store) == ["Cu3Au", "CuAu3"]
    assert json.loads(run("campaign", "hull", "alloys", "--json")) == []


def test_a_known_material_that_the_campaign_asks_about_is_left_to_it(home: Path) -> None:
    near = Blueprint(
        SpaceGroup(221), Composition.of({"Cu": 3, "Au": 1}), LatticeParameters(3.76, 3.76, 3.76, 90, 90, 90)
    )
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        campaign = store.campaigns.get("alloys")
        open_round(store, campaign.id, 1, [Pick(near, "static", example_pick(0).decision, None)])
        reserved = store.ledger.balance(campaign.id).reserved
    told = run("material", "look", "alloys", "static")
    assert "Cu3Au" not in told
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        balance = store.ledger.balance(campaign.id)
        assert (balance.booked, balance.reserved) == (0, reserved)


def test_a_crystal_that_nobody_asked_about_there_gets_what_was_computed(home: Path) -> None:
    near = Blueprint(
        SpaceGroup(221), Composition.of({"Cu": 3, "Au": 1}), LatticeParameters(3.76, 3.76, 3.76, 90, 90, 90)
    )
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        campaign = store.campaigns.get("alloys")
        open_round(store, campaign.id, 1, [Pick(near, "dense", example_pick(0).decision, None)])
        candidate = next(one for one in store.candidates.list(campaign.id) if one.blueprint == near)
    assert "Cu3Au (handbook Cu3Au): -0.0" in run("material", "look", "alloys", "static")
    assert "Cu3Au" not in run("material", "look", "alloys", "static"), "it is looked at once"
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        (query,) = [
            one
            for one in store.queries.list(campaign.id)
            if one.fidelity == "static" and one.candidate_id == candidate.id
        ]
        (record,) = store.measurements.of_query(query.id)
        sites = {one.realization.digest for one in store.realizations.list(candidate.id)}
        assert record.measurement.provenance.realization_digest in sites
        assert store.ledger.balance(campaign.id).booked == 0


def test_a_fidelity_that_people_answer_is_not_computed(home: Path) -> None:
    result = CliRunner().invoke(app, ["material", "look", "alloys", "dense"])
    assert result.exception is not None
    assert "is not computed here" in str(result.exception)


def test_disordered_materials_are_ordered_looked_at_and_flagged(home: Path) -> None:
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        shared = alloy("mixed", *[{"Cu": 0.5, "Au": 0.5}] * 4)
        number = store.materials.add(shared, group_id=None, added_by="ann").id
    printed = json.loads(run("material", "order", str(number), "--json", "--out", str(home / "choices")))
    (choice,) = printed["choices"]
    assert (printed["method"], printed["arrangements"]) == ("enumeration", 6)
    assert choice["sites"]["arrangement"] == {
        "weight": 1.0,
        "n_kept": 1,
        "n_all": "6",
        "weighed_by": "the number of equivalent arrangements",
    }
    assert (home / "choices" / f"material-{number}-1.cif").read_text() == choice["sites"]["cif"]
    assert "quasi-random of 6 arrangements" in run("material", "order", str(number), "--method", "quasi-random")

    told = run("material", "look", "alloys", "static", "--disordered", "2", "--source", "mixed", "--limit", "5")
    assert "No known material" in told  # its source is the handbook
    told = run("material", "look", "alloys", "static", "--disordered", "2")
    assert f"{number} CuAu (handbook mixed): 0.0" in told
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        (value,) = store.material_values.of_material(number, groups=None)
        header, *rows = material_rows(store, store.campaigns.get("alloys"))
        assert formulas_on_hull(store) == ["Cu3Au", "CuAu", "CuAu3"]
    flags = {row[header.index("material")]: row[header.index("disorder")] for row in rows}
    assert [bool(flags[each]) for each in (1, number)] == [False, True]
    assert value.measurement.details["disorder"]["told"].startswith(
        "ordered from a disordered structure (1 of 6 arrangements)"
    )


def test_choices_become_sites_of_a_crystal_of_the_same_formula(home: Path) -> None:
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        shared = alloy("third", *[{"Cu": 0.25, "Au": 0.75}] * 4, a=3.85)
        number = store.materials.add(shared, group_id=None, added_by="ann").id
        (candidate,) = store.candidates.list(store.campaigns.get("alloys").id)
    run("material", "order", str(number), "--candidate", str(candidate.id))
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        (kept,) = store.realizations.list(candidate.id)
        assert kept.realization.arrangement is not None
        (row,) = store.crystals.page(
            candidate.campaign_id,
            CrystalSort(CrystalOrder.ROUND, 1, "static", Scale.IDENTITY),
            wanted=CrystalFilter(),
        ).items
    assert row.disorder == "ordered from a disordered structure (1 of 4 arrangements)"
    other = alloy("half", *[{"Cu": 0.5, "Au": 0.5}] * 4)
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        number = store.materials.add(other, group_id=None, added_by="ann").id
    refused = CliRunner().invoke(app, ["material", "order", str(number), "--candidate", str(candidate.id)])
    assert "the ordered choices are CuAu" in str(refused.exception)


@pytest.mark.parametrize(
    ("group", "a", "problem"),
    [(215, 3.9, "It is another polymorph"), (221, 4.2, "has another cell"), (225, 7.8, None)],
)
def test_choices_are_sites_of_no_other_polymorph(home: Path, group: int, a: float, problem: str | None) -> None:
    n = 8 if group == 225 else 1
    crystal = Blueprint(
        SpaceGroup(group), Composition.of({"Cu": n, "Au": 3 * n}), LatticeParameters(a, a, a, 90, 90, 90)
    )
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        shared = alloy("third", *[{"Cu": 0.25, "Au": 0.75}] * 4, a=3.85)
        number = store.materials.add(shared, group_id=None, added_by="ann").id
        campaign = store.campaigns.get("alloys")
        open_round(store, campaign.id, 1, [Pick(crystal, "static", example_pick(0).decision, None)])
        candidate = next(one for one in store.candidates.list(campaign.id) if one.blueprint == crystal)
    result = CliRunner().invoke(app, ["material", "order", str(number), "--candidate", str(candidate.id)])
    with open_store(f"sqlite:///{home}/store.sqlite3") as store:
        kept, entries = store.realizations.list(candidate.id), store.audit.list()
    assert (len(kept) > 0, any(one.action == "candidate.order" for one in entries)) == ((problem is None,) * 2)
    assert problem is None or problem in str(result.exception)


@pytest.mark.parametrize(
    ("words", "problem"),
    [(["1"], "have one element each already"), (["3", "--method", "guess"], "is no way to order a crystal")],
)
def test_what_cannot_be_ordered_is_refused(home: Path, words: list[str], problem: str) -> None:
    refused = CliRunner().invoke(app, ["material", "order", *words])
    assert problem in str(refused.exception)
