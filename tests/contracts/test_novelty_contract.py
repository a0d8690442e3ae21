"""How new a crystal is among known materials, and that finding it out reads few of them."""

import random

import pytest
from sqlalchemy import Engine, event

from domain.blueprint import Blueprint
from domain.composition import Composition
from domain.lattice import LatticeParameters
from domain.material import KnownMaterial
from domain.space_groups import SpaceGroup
from services.materials.novelty import MOST_OF_SAME_FORMULA, MOST_OTHER_FORMULAS, Novelty, novelty
from services.store.examples import Bench


def cubic(counts: dict[str, int], group: int = 225, a: float = 5.13) -> Blueprint:
    return Blueprint(SpaceGroup(group), Composition.of(counts), LatticeParameters(a, a, a, 90, 90, 90))


SALT = cubic({"Li": 4, "Cl": 4})


def keep(bench: Bench, *known: Blueprint, group_id: int | None = None) -> None:
    first = len(bench.store.materials.list(groups=None, limit=1000))
    made = [
        KnownMaterial.of_blueprint(blueprint, source="handbook", source_id=f"{first + number}")
        for number, blueprint in enumerate(known)
    ]
    bench.store.materials.add_many(made, group_id=group_id, added_by="ann")


def found(bench: Bench, blueprint: Blueprint = SALT) -> Novelty:
    return novelty(bench.store, blueprint, groups=None)


def test_each_step_of_likeness_is_told_in_a_sentence(store_bench: Bench) -> None:
    assert found(store_bench).summary == "No known material here has these elements, nor all but one of them."
    keep(store_bench, cubic({"Mg": 4, "O": 4}))
    assert found(store_bench).nearest == ()
    keep(store_bench, cubic({"Li": 4, "F": 4}), cubic({"Na": 4, "Cl": 4}, group=221))
    told = found(store_bench)
    assert told.summary == (
        "No known material here has exactly these elements. Nearest: LiF, distance 0.5, the same space group."
    )
    assert [one.formula for one in told.nearest] == ["LiF", "NaCl"]
    keep(store_bench, cubic({"Li": 4, "Cl": 8}))
    assert found(store_bench).summary.startswith("No known material here has the composition LiCl. Nearest: LiCl2,")
    keep(store_bench, cubic({"Li": 1, "Cl": 1}, group=221, a=3.2))
    assert found(store_bench).summary == "The composition LiCl is known, but not in Fm-3m: it is known in Pm-3m."
    keep(store_bench, cubic({"Li": 4, "Cl": 4}, a=6.0))
    assert found(store_bench).summary.endswith("differs by 60.0 %, so it may be another structure.")
    keep(store_bench, cubic({"Li": 4, "Cl": 4}, a=5.16))
    assert found(store_bench).summary == (
        "LiCl is known in Fm-3m: its volume for an atom differs by 1.8 %, so it may be this very crystal."
    )
    keep(store_bench, SALT)
    told = found(store_bench)
    assert told.summary == "This very blueprint is known: LiCl from handbook."
    first, second, third, *_ = told.nearest
    assert (first.is_same_blueprint, first.distance, first.volume_change) == (True, 0.0, 0.0)
    assert (second.volume_change, third.volume_change) == (
        pytest.approx((5.16 / 5.13) ** 3 - 1),
        pytest.approx((6.0 / 5.13) ** 3 - 1),
    )


def test_what_others_hide_is_not_told(store_bench: Bench) -> None:
    first, second = (store_bench.store.people.create_group(name).id for name in ("first", "second"))
    keep(store_bench, SALT, group_id=first)
    assert novelty(store_bench.store, SALT, groups={second}).nearest == ()
    assert novelty(store_bench.store, SALT, groups=()).nearest == ()
    (seen,) = novelty(store_bench.store, SALT, groups={first}).nearest
    assert seen.is_same_blueprint


def test_formulas_that_are_written_with_fractions_are_compared_too(store_bench: Bench) -> None:
    shared = KnownMaterial("handbook", "shared", {"Li": 0.70711, "Cl": 1.0}, 2, space_group=225)
    store_bench.store.materials.add(shared, group_id=None, added_by="ann")
    (near,) = found(store_bench).nearest
    assert near.has_same_elements
    assert near.formula == "Cl1Li0.7071"
    assert near.distance == pytest.approx((0.5 - 0.7071 / 1.7071) * 89, rel=1e-3)
    assert near.volume_change is None


def test_among_many_materials_few_are_read(store_bench: Bench) -> None:
    draw = random.Random(1)
    symbols = ("Li", "Na", "K", "Cl", "Br", "O", "S")
    many = [
        cubic({symbol: draw.randint(1, 4) for symbol in draw.sample(symbols, 3)}, a=4 + draw.random())
        for _ in range(400)
    ]
    keep(store_bench, *many, *(cubic({"Li": 4, "Cl": 4}, a=5 + number / 100) for number in range(60)))
    asked: list[str] = []

    def listen(_connection, _cursor, text, *_):
        asked.append(text)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        near = found(store_bench).nearest
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert len([text for text in asked if "FROM" in text]) <= 2 + MOST_OTHER_FORMULAS
    assert MOST_OF_SAME_FORMULA < len(near) <= MOST_OF_SAME_FORMULA + 2 * MOST_OTHER_FORMULAS
