"""Only energies of one kind meet on a hull, and nobody learns of phases that they may not see."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.lattice import LatticeParameters
from domain.material import KnownMaterial
from domain.measurement import Censoring, Measurement
from domain.space_groups import SpaceGroup
from domain.training import Pick
from services.intake import record_measurement, record_unsolicited
from services.intake.testing.examples import claim, example_measurement
from services.materials.stability import Stability, stability
from services.store.examples import Bench, example_pick, open_example

REFERENCES = {"references_eV_per_atom": {"Li": -1.9, "Cl": -1.8}}


def crystal(counts: dict[str, int], a: float = 5.1) -> Blueprint:
    return Blueprint(SpaceGroup(221), Composition.of(counts), LatticeParameters(a, a, a, 90, 90, 90))


def energy(value: float, **changes: object) -> Measurement:
    return replace(example_measurement(value), details=REFERENCES, **changes)


def answered(bench: Bench, name: str, *values: tuple[Blueprint, Measurement]) -> list[int]:
    """Crystals of a campaign with their formation energies; their numbers."""
    picks = [Pick(blueprint, "static", example_pick(0).decision, None) for blueprint, _ in values]
    _, _, queries = open_example(bench.store, picks, name=name)
    wanted = {blueprint.digest: measurement for blueprint, measurement in values}
    numbers = {}
    for query in queries:
        digest = bench.store.candidates.get(query.candidate_id).blueprint.digest
        fence = claim(bench.store, query).fence
        record_measurement(bench.store, query.id, fence=fence, measurement=wanted[digest])
        numbers[digest] = query.candidate_id
    return [numbers[blueprint.digest] for blueprint, _ in values]


def told(bench: Bench, candidate_id: int, *, groups: frozenset[int] | None = None) -> Stability:
    return stability(bench.store, candidate_id, bench.store.candidates.get(candidate_id).blueprint, groups=groups)


SALT, RICH, POOR = crystal({"Li": 1, "Cl": 1}), crystal({"Li": 3, "Cl": 1}), crystal({"Li": 1, "Cl": 3})


def test_a_crystal_alone_is_held_against_its_elements(store_bench: Bench) -> None:
    (number,) = answered(store_bench, "alone", (SALT, energy(-2.0)))
    (look,) = told(store_bench, number).by_look
    assert (look.above_hull_eV_per_atom, look.n_phases, look.fidelity) == (pytest.approx(-2.0), 0, "static")
    assert look.summary.startswith("2.000 ± 0.020 eV/atom below its elements. No other phase of them")
    assert {part.formula: part.share for part in look.decomposition} == {"Li": 0.5, "Cl": 0.5}


def test_a_crystal_that_nobody_measured_has_no_distance(store_bench: Bench) -> None:
    _, _, (query,) = open_example(store_bench.store, [Pick(SALT, "static", example_pick(0).decision, None)])
    found = told(store_bench, query.candidate_id)
    assert (found.by_look, found.by_collection) == ((), ())
    assert found.summary.startswith("No formation energy of this crystal was measured")


def test_a_crystal_falls_apart_into_others_of_its_kind(store_bench: Bench) -> None:
    salt, rich, _ = answered(
        store_bench, "three", (SALT, energy(-2.0)), (RICH, energy(-0.8)), (POOR, energy(-1.1, sigma=0.04))
    )
    (stable,) = told(store_bench, salt).by_look
    assert stable.above_hull_eV_per_atom == pytest.approx(-2.0 + 0.95)
    assert (
        stable.summary == "On the hull of 2 phases: 1.050 ± 0.030 eV/atom below Li3Cl (50% of its atoms) and "
        "LiCl3 (50% of its atoms)."
    )
    (unstable,) = told(store_bench, rich).by_look
    assert unstable.above_hull_eV_per_atom == pytest.approx(-0.8 + 1.0)
    assert [(part.formula, part.candidate_id) for part in unstable.decomposition] == [("LiCl", salt), ("Li", None)]
    assert unstable.summary.startswith("0.200 ± 0.022 eV/atom above the hull of 2 phases: it would fall apart into")


def test_energies_of_other_kinds_are_never_compared(store_bench: Bench) -> None:
    origin = example_measurement().provenance
    other_version = replace(origin, oracle_version="chgnet 0.5")
    other_settings = replace(origin, settings_digest="0" * 64)
    other_zero = {"references_eV_per_atom": {"Li": -2.0, "Cl": -1.8}}
    (number, *_) = answered(
        store_bench,
        "kinds",
        (SALT, energy(-1.0)),
        (crystal({"Li": 1, "Cl": 1}, 5.2), energy(-1.1, provenance=other_version)),
        (crystal({"Li": 1, "Cl": 1}, 5.3), energy(-1.2, provenance=other_settings)),
        (crystal({"Li": 1, "Cl": 1}, 5.4), replace(energy(-1.3), details=other_zero)),
        (crystal({"Li": 1, "Cl": 1}, 5.5), energy(-1.4, censoring=Censoring.BELOW)),
    )
    (look,) = told(store_bench, number).by_look
    assert (look.above_hull_eV_per_atom, look.n_phases, look.n_left_out) == (pytest.approx(-1.0), 0, 2)


def test_known_materials_measured_the_same_way_are_phases(store_bench: Bench) -> None:
    (number,) = answered(store_bench, "known", (RICH, energy(-0.8)))
    material = KnownMaterial.of_blueprint(SALT, source="handbook", source_id="1")
    known = store_bench.store.materials.add(material, group_id=None, added_by="ann")
    campaign = store_bench.store.campaigns.get("known")
    record_unsolicited(store_bench.store, campaign.id, fidelity="static", measurement=energy(-2.0), about=known.id)
    (look,) = told(store_bench, number).by_look
    assert look.above_hull_eV_per_atom == pytest.approx(-0.8 + 1.0)
    assert look.decomposition[0].material_id == known.id


def test_the_same_crystal_in_two_campaigns_is_no_rival_of_itself(store_bench: Bench) -> None:
    (number,) = answered(store_bench, "one", (SALT, energy(-2.0)))
    answered(store_bench, "two", (SALT, energy(-2.1)), (POOR, energy(-1.1)))
    (look,) = told(store_bench, number).by_look
    assert (look.n_phases, look.above_hull_eV_per_atom) == (1, pytest.approx(-2.0 + 1.1 * 2 / 3))


def test_a_collection_has_a_hull_of_its_own(store_bench: Bench) -> None:
    (number,) = answered(store_bench, "own", (SALT, energy(-2.0)))
    materials = [
        replace(KnownMaterial.of_blueprint(blueprint, source="oqmd", source_id=f"{n}"), properties=properties)
        for n, (blueprint, properties) in enumerate(
            [
                (POOR, {"_oqmd_delta_e": -1.5}),
                (crystal({"Li": 1, "Cl": 1}, 5.6), {"_oqmd_delta_e": -0.9}),
                (RICH, {}),
                (crystal({"Na": 1, "Cl": 1}), {"_oqmd_delta_e": -3.0}),
            ]
        )
    ]
    store_bench.store.materials.add_many(materials, group_id=None, added_by="ann")
    found = told(store_bench, number)
    assert found.by_look[0].n_phases == 0
    (hull,) = found.by_collection
    assert (hull.source, hull.n_phases, hull.hull_eV_per_atom) == ("oqmd", 2, pytest.approx(-1.0))
    assert [(one.is_same_space_group, one.above_hull_eV_per_atom) for one in hull.resembling] == [
        (True, pytest.approx(0.1))
    ]


def test_phases_of_others_are_not_told(store_bench: Bench) -> None:
    (number,) = answered(store_bench, "ours", (RICH, energy(-0.8)))
    answered(store_bench, "theirs", (SALT, energy(-2.0)))
    assert told(store_bench, number).by_look[0].n_phases == 1
    assert told(store_bench, number, groups=frozenset()).by_look == ()  # not even its own, to whoever is in no group


def test_of_a_formula_only_the_lowest_is_read_and_all_are_counted(store_bench: Bench) -> None:
    cells = [crystal({"Li": 1, "Cl": 1}, 5.2 + n / 10) for n in range(4)]
    number, *_ = answered(
        store_bench,
        "many",
        (RICH, energy(-0.8)),
        *((cell, energy(-2.0 + n / 10)) for n, cell in enumerate(cells[:3])),
        (cells[3], energy(-3.0, censoring=Censoring.BELOW)),
    )
    (look,) = told(store_bench, number).by_look
    assert (look.n_phases, look.n_left_out) == (3, 1)
    assert look.above_hull_eV_per_atom == pytest.approx(-0.8 + 1.0)
    (own,) = store_bench.store.phases.of_candidate(number, groups=None)
    found = store_bench.store.phases.lowest(("Li", "Cl"), groups=None, origin=own.origin, but=own.digest)
    assert [(one.phase.value, one.n_crystals, one.n_looks) for one in found] == [(-3.0, 1, 1), (-2.0, 3, 3)]


def test_where_no_campaign_learns_formation_energies_no_measurement_is_read(store_bench: Bench) -> None:
    (number,) = answered(store_bench, "ours", (SALT, energy(-2.0)))
    (own,) = store_bench.store.phases.of_candidate(number, groups=None)
    statements: list[str] = []

    def keep(_: object, __: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        assert store_bench.store.phases.lowest(("Li", "Cl"), groups=frozenset(), origin=own.origin) == ()
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    assert not [one for one in statements if "measurements" in one]
