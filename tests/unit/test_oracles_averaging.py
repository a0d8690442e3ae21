"""Looks at ordered choices for a disordered crystal take their mean or the likeliest, and say which."""

from dataclasses import replace

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from domain.blueprint import Blueprint, Realization
from domain.composition import Composition
from domain.disorder import Arrangement, disorder_told
from domain.errors import InvalidValueError
from domain.lattice import LatticeParameters
from domain.look import LookRequest, LookResult
from domain.ports import ComputedOracle
from domain.space_groups import SpaceGroup
from oracles.averaging import mean_energy_eV_per_atom
from oracles.registry import build_oracle
from oracles.sites import lowest_relaxed
from oracles.structures import to_cif

A = 3.75
ALLOY = Blueprint(SpaceGroup(123), Composition.of({"Cu": 2, "Au": 2}), LatticeParameters(A, A, A, 90, 90, 90))


def choice(*gold: int, weight: float, n_kept: int = 2, n_cells: int = 1) -> Realization:
    """Gold on some of the corners of face-centred cells, copper on the others."""
    atoms = bulk("Cu", "fcc", a=A, cubic=True).repeat((1, 1, n_cells))
    atoms.symbols[list(gold)] = "Au"
    arrangement = Arrangement(weight, n_kept, "6", "Boltzmann's factor at 1000 K")
    return Realization(ALLOY.digest, to_cif(atoms), "ordered", 0, None, None, is_relaxed=False, arrangement=arrangement)


LAYERED = choice(0, 1, weight=0.25)
MIXED = choice(0, 1, 2, 4, weight=0.75, n_cells=2)
RANDOM = replace(choice(0, 1, weight=1.0), method="pyxtal", arrangement=None)


def energy(realization: Realization) -> float:
    from oracles.structures import from_cif

    atoms = from_cif(realization.cif)
    atoms.calc = EMT()
    return float(atoms.get_potential_energy()) / len(atoms)


def look(*realizations: Realization, **settings: object) -> LookResult:
    oracle = build_oracle("potential", {"potential": "emt", **settings})
    assert isinstance(oracle, ComputedOracle)
    return oracle.look(LookRequest(ALLOY, 1, realizations, {"Cu": 0.0, "Au": 0.0}))


def test_the_mean_is_by_weight_and_every_choice_is_told() -> None:
    result = look(LAYERED, MIXED, RANDOM)
    assert energy(LAYERED) != pytest.approx(energy(MIXED), abs=1e-3)
    assert result.value == pytest.approx(0.25 * energy(LAYERED) + 0.75 * energy(MIXED))
    assert result.realization_digest == MIXED.digest
    told = result.details["disorder"]
    assert told["taken"] == "average"
    assert [part["weight"] for part in told["arrangements"]] == [0.25, 0.75]
    assert disorder_told(result.details) == (
        "ordered from a disordered structure (2 of 6 arrangements), their mean by Boltzmann's factor at 1000 K"
    )


def test_the_likeliest_is_taken_where_that_is_wanted_however_low_others_are() -> None:
    result = look(LAYERED, MIXED, disorder="likeliest")
    assert result.value == pytest.approx(energy(MIXED))
    assert energy(LAYERED) < energy(MIXED)
    assert disorder_told(result.details) == (
        "ordered from a disordered structure (2 of 6 arrangements), the likeliest, with 75% of their weight"
    )


def test_every_choice_is_relaxed_for_the_mean() -> None:
    result = look(LAYERED, MIXED, relax="cell", fmax_eV_A=0.1)
    relaxed = [one for one in result.realizations if one.is_relaxed]
    assert sorted(one.arrangement.weight for one in relaxed if one.arrangement) == [0.25, 0.75]
    assert len(result.details["relaxations"]) == 2
    weights = {one.digest: one.arrangement.weight for one in relaxed if one.arrangement}
    assert result.value == pytest.approx(sum(weights[one.digest] * one.energy_eV_per_atom for one in relaxed))
    request = LookRequest(ALLOY, 1, tuple(relaxed))
    known = lowest_relaxed(request)
    assert known is not None
    assert known.realization.arrangement.weight == 0.75


def test_sites_that_stand_for_themselves_say_nothing_of_disorder() -> None:
    assert disorder_told(look(RANDOM).details) is None
    assert disorder_told({"disorder": "text"}) is None
    assert not RANDOM.is_of_disordered


def test_weights_of_what_is_left_are_scaled_up_and_told() -> None:
    ranked = replace(LAYERED, energy_eV_per_atom=-1.0, ranked_by="emt")
    mean, details = mean_energy_eV_per_atom([ranked])
    assert mean == pytest.approx(-1.0)
    assert str(disorder_told(details)).endswith("; 1 of them broke")
    with pytest.raises(InvalidValueError, match="no weight or no energy"):
        mean_energy_eV_per_atom([LAYERED])


def test_a_weight_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"A weight of 1\.5 among 2"):
        Arrangement(1.5, 2, "6", "chance")
