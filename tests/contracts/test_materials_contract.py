"""Known materials and the index of structures, on both databases."""

from dataclasses import replace

import pytest

from domain.blueprint import Blueprint, Realization
from domain.composition import Composition
from domain.errors import NotFoundError
from domain.lattice import LatticeParameters
from domain.material import KnownMaterial
from domain.measurement import Censoring
from domain.space_groups import SpaceGroup
from domain.structure import Occupation, Site, Structure
from services.intake import Findings, record_measurement
from services.intake.testing import claim, example_measurement
from services.materials.symmetry import known_material
from services.optimade.filters import condition_of
from services.optimade.measured import measured_properties
from services.optimade.properties import search_properties
from services.store.examples import Bench, example_pick, open_example
from services.store.materials import MaterialFilter

LICL = Blueprint(SpaceGroup(225), Composition.of({"Li": 4, "Cl": 4}), LatticeParameters(5.13, 5.13, 5.13, 90, 90, 90))


def of_blueprint(name: str) -> KnownMaterial:
    return KnownMaterial.of_blueprint(LICL, source="handbook", source_id=name)


def shared_sites() -> KnownMaterial:
    cell = ((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 4.0))
    sites = (
        Site(Occupation.of({"Li": 0.5, "Na": 0.25}), (0.0, 0.0, 0.0)),
        Site(Occupation.of({"Cl": 1.0}), (0.5, 0.5, 0.5)),
    )
    return known_material(Structure(cell, sites), source="handbook", source_id="shared", properties={"doi": "10.1/x"})


def groups(bench: Bench) -> tuple[int, int]:
    first, second = (bench.store.people.create_group(name).id for name in ("first", "second"))
    return first, second


def names(bench: Bench, filter_: str, visible: frozenset[int] | None = None) -> list[str]:
    bench.store.structures.enter_realizations()
    measured = measured_properties(bench.store.campaigns.list())
    condition = condition_of(filter_, search_properties(measured))
    return [row.name for row in bench.store.structures.search(condition, groups=visible, after=0, limit=100).rows]


def test_a_material_is_kept_once_in_the_same_hands(store_bench: Bench) -> None:
    store = store_bench.store
    kept = store.materials.add(shared_sites(), group_id=None, added_by="ann")
    assert store.materials.get(kept.id) == kept
    assert kept.material == shared_sites()
    again = replace(shared_sites(), properties={"doi": "another"})
    assert store.materials.add(again, group_id=None, added_by="ben") == kept
    twins = [of_blueprint("twin"), replace(shared_sites(), source_id="twin")]
    assert store.materials.add_many(twins, group_id=None, added_by="ben") == 1
    twin = store.materials.list(groups=None, after=kept.id)[0]
    assert twin.material == of_blueprint("twin")
    assert names(store_bench, "nelements=2") == [f"material-{twin.id}"]
    with pytest.raises(NotFoundError, match="number 99"):
        store.materials.get(99)


def test_two_groups_may_know_the_same_material_without_knowing_it(store_bench: Bench) -> None:
    store = store_bench.store
    first, second = groups(store_bench)
    mine = store.materials.add(of_blueprint("salt"), group_id=first, added_by="ann")
    theirs = store.materials.add(of_blueprint("salt"), group_id=second, added_by="ben")
    for_all = store.materials.add(of_blueprint("pepper"), group_id=None, added_by="root")
    assert mine.id != theirs.id
    assert [record.id for record in store.materials.list(groups={first})] == [mine.id, for_all.id]
    assert [record.id for record in store.materials.list(groups=())] == [for_all.id]
    assert len(store.materials.list(groups=None)) == 3
    assert [record.id for record in store.materials.resembling(LICL, groups={second})] == [theirs.id, for_all.id]
    assert names(store_bench, "", frozenset({first})) == [f"material-{mine.id}", f"material-{for_all.id}"]


def test_lists_are_narrowed_and_read_page_by_page(store_bench: Bench) -> None:
    store = store_bench.store
    n_new = store.materials.add_many(
        [*(of_blueprint(str(number)) for number in range(450)), shared_sites()], group_id=None, added_by="ann"
    )
    assert n_new == 451
    assert store.materials.add_many([of_blueprint("3"), of_blueprint("new")], group_id=None, added_by="ann") == 1
    page = store.materials.list(groups=None, after=100, limit=3)
    assert [record.id for record in page] == [101, 102, 103]

    def found(wanted: MaterialFilter) -> int:
        return len(store.materials.list(groups=None, wanted=wanted, limit=1000))

    assert found(MaterialFilter(formula="LiCl")) == 451
    assert found(MaterialFilter(elements=frozenset({"Na", "Li"}))) == 1
    assert found(MaterialFilter(elements=frozenset({"N"}))) == 0
    assert found(MaterialFilter(space_group=225, digest=LICL.digest)) == 451
    assert found(MaterialFilter(source="elsewhere")) == 0
    assert len(names(store_bench, 'elements HAS "Na"')) == 1


def test_realizations_are_found_by_what_was_measured_and_counts(store_bench: Bench) -> None:
    store = store_bench.store
    _, _, (exact, bound) = open_example(store, [example_pick(1), example_pick(2)])
    for query, value, censoring in ((exact, -1.5, Censoring.NONE), (bound, -2.5, Censoring.BELOW)):
        blueprint = store.candidates.get(query.candidate_id).blueprint
        sites = Realization(blueprint.digest, "data_x", "pyxtal", 1, None, None, is_relaxed=False)
        measured = replace(example_measurement(value), censoring=censoring)
        fence = claim(store, query).fence
        record_measurement(store, query.id, fence=fence, measurement=measured, found=Findings((sites,)))
    assert names(store_bench, "") == ["realization-1", "realization-2"]
    assert names(store_bench, "_petalite_formation_energy_static < -1") == ["realization-1"]
    assert names(store_bench, "_petalite_formation_energy_static = -1.5") == ["realization-1"]
    assert names(store_bench, "_petalite_formation_energy_static IS UNKNOWN") == ["realization-2"]
    assert names(store_bench, "_petalite_formation_energy_lab IS KNOWN") == []
    assert names(store_bench, "", frozenset()) == []
    assert store.structures.enter_realizations()
    assert not store.structures.enter_realizations(most=0)


@pytest.mark.parametrize(
    "filter_",
    [
        'chemical_formula_descriptive CONTAINS "iC" AND chemical_formula_reduced STARTS "Cl"',
        'chemical_formula_anonymous ENDS WITH "B" AND elements HAS ONLY "Cl","Li"',
        'last_modified >= "2026-01-01T00:00:00Z" AND type = "structures" AND nperiodic_dimensions = 3',
        "NOT (nelements > 2 OR space_group_it_number < 5) AND structure_features LENGTH 0",
        'immutable_id IS UNKNOWN AND (_others_x > 1 OR nsites = 8) AND _petalite_kind = "material"',
        "nsites < 99999999999999999999 AND nsites > 0.5",
    ],
)
def test_filters_mean_the_same_on_both_databases(store_bench: Bench, filter_: str) -> None:
    store_bench.store.materials.add(of_blueprint("salt"), group_id=None, added_by="ann")
    assert names(store_bench, filter_) == ["material-1"]
