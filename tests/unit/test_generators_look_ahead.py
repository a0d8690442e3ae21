from itertools import product

import numpy as np
import pytest
import torch

from domain.composition import Composition
from domain.elements import Element
from domain.errors import SpecError
from domain.search_space import SearchSpace
from domain.space_groups import SpaceGroup
from generators.charges import ChargeRange
from generators.look_ahead import Constraint, LookAhead, count_compositions
from generators.moves import log_choice
from generators.policy import UniformPolicy
from generators.testing import push_mass
from generators.tree import CrystalTree

SPACES = (
    SearchSpace(elements=("Li", "O", "Cl"), space_groups=(2, 225, 62), max_atoms=8),
    SearchSpace(
        elements=("Li", "Mg", "O", "S"), space_groups=(1, 166, 194), max_atoms=6, min_elements=2, max_elements=3
    ),
    SearchSpace(elements=("Fe", "O", "Li"), space_groups=(2, 47), max_atoms=6, required_elements=("Fe",)),
    SearchSpace(elements=("C", "Si", "N", "H"), space_groups=(16, 221), max_atoms=6, max_atoms_per_element=3),
    SearchSpace(elements=("Li", "Ar", "F"), space_groups=(221, 229, 136), max_atoms=8),
    SearchSpace(
        elements=("Fe", "Al"), space_groups=(221, 229), oxidation_states={"Fe": (0,), "Al": (0, 3)}, max_atoms=8
    ),
)


def sites_suffice(number: int, counts: tuple[int, ...]) -> bool:
    """Tries every way to fill the positions, one element after the other."""
    positions = SpaceGroup(number).wyckoff_positions

    def fill(element: int, missing: int, index: int, fixed_left: frozenset[int]) -> bool:
        if missing == 0:
            return element + 1 == len(counts) or fill(element + 1, counts[element + 1], 0, fixed_left)
        if index == len(positions):
            return False
        position = positions[index]
        uses = missing >= position.multiplicity and (position.n_free > 0 or index in fixed_left)
        if uses and fill(element, missing - position.multiplicity, index, fixed_left - {index}):
            return True
        return fill(element, missing, index + 1, fixed_left)

    return fill(0, counts[0], 0, frozenset(i for i, p in enumerate(positions) if p.n_free == 0))


def enumerated(space: SearchSpace) -> set[tuple[int, ...]]:
    """Every (group, counts...) of a space, by trying them all."""
    largest = min(space.max_atoms, space.max_atoms_per_element)
    numbers, found = space.atomic_numbers, set()
    for counts in product(range(largest + 1), repeat=len(numbers)):
        present = {Element(z).symbol: n for z, n in zip(numbers, counts, strict=True) if n}
        if not (
            present
            and sum(counts) <= space.max_atoms
            and space.min_elements <= len(present) <= space.max_elements
            and set(space.required_elements) <= set(present)
            and any(Composition.of(present).neutral_assignments(space.allowed_oxidation_states))
        ):
            continue
        found |= {(g, *counts) for g in space.space_groups if sites_suffice(g, tuple(present.values()))}
    return found


@pytest.mark.parametrize("space", SPACES, ids=lambda space: "".join(space.elements))
def test_leaves_are_exactly_the_compositions_of_the_space(space: SearchSpace):
    tree = CrystalTree(space, n_components=0)
    states, log_mass = push_mass(tree, UniformPolicy())
    leaves = [(tree.groups[g], *n) for g, n in zip(states.group.tolist(), states.counts.tolist(), strict=True)]

    assert len(set(leaves)) == len(leaves)
    assert set(leaves) == enumerated(space)
    assert log_mass.exp().sum().item() == pytest.approx(1.0, abs=1e-12)
    assert count_compositions(LookAhead.of(space), most_rows=10**6) == len(leaves)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: "".join(space.elements))
def test_no_dead_ends_and_forced_moves_are_certain(space: SearchSpace):
    tree = CrystalTree(space, n_components=0)
    states, _ = push_mass(tree, UniformPolicy())
    rng = torch.Generator().manual_seed(0)
    allowed = tree.composition.allowed(states)

    assert allowed.any(dim=2).all()
    for element in range(len(tree.elements)):
        logits = torch.randn(allowed[:, element].shape, generator=rng) * 10
        log_moves = log_choice(logits, allowed[:, element])
        assert torch.allclose(log_moves.exp().sum(dim=1), torch.ones(len(states), dtype=torch.float64), atol=1e-14)
        forced = allowed[:, element].sum(dim=1) == 1
        assert (log_moves[forced].max(dim=1).values == 0).all()


def test_charge_sets_shift_as_sets_of_numbers_do():
    charges = ChargeRange(100)
    kept = {-100, -64, -63, -1, 0, 1, 37, 62, 63, 100}
    words = np.zeros(charges.n_words, dtype=np.int64)
    for charge in kept:
        words |= charges.shifted(charges.zero, charge)
    for amount in [-200, -127, -126, -64, -63, -62, -1, 0, 1, 5, 62, 63, 64, 125, 126, 200]:
        shifted = charges.shifted(words, amount)
        found = {q for q in range(-100, 101) if (shifted & charges.shifted(charges.zero, q)).any()}
        assert found == {q + amount for q in kept if abs(q + amount) <= 100}


def test_a_lifted_constraint_admits_more():
    space = SearchSpace(elements=("Li", "Mg"), space_groups=(225,), max_atoms=8)

    assert not LookAhead.of(space).groups
    assert LookAhead.of(space, without=frozenset({Constraint.CHARGE})).groups == (225,)


def test_too_large_a_space_is_refused_at_once():
    space = SearchSpace(
        elements=("H", "Li", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Mn", "Fe", "Re", "Os"),
        space_groups=tuple(range(1, 231)),
        max_atoms=400,
        max_atoms_per_element=200,
    )
    with pytest.raises(SpecError, match="too large for an exact look-ahead"):
        LookAhead.of(space)


def test_counting_gives_up_rather_than_hang():
    space = SearchSpace(elements=("Li", "Mg", "O", "S", "Cl"), space_groups=(1, 2), max_atoms=16)

    assert count_compositions(LookAhead.of(space), most_rows=50) is None
