"""One thread each, reproducible examples, and example values that every part may use."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from hypothesis import HealthCheck, settings
from support.schema import Migrate, migrated_once

import services.store.opening
from domain.blueprint import Blueprint
from domain.campaign import Budget, CampaignSpec
from domain.composition import Composition
from domain.fidelity import Fidelity, Ladder
from domain.lattice import LatticeParameters
from domain.quantity import Goal, Objective
from domain.search_space import SearchSpace
from domain.space_groups import SpaceGroup
from services.store.examples import postgres_stores

# Read once, when torch or numpy is first imported; none of the imports above does that.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

# Machines in continuous integration stall now and then; neither deadline nor data generation may judge the code.
_PATIENT = [HealthCheck.too_slow]
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50, suppress_health_check=_PATIENT)
settings.register_profile("thorough", deadline=None, max_examples=1000, suppress_health_check=_PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session", autouse=True)
def migrated_stores() -> Iterator[Migrate]:
    """Most tests want a store, not its migrations; those that do want them use `real_migrations`."""
    with migrated_once() as really_migrate:
        yield really_migrate


@pytest.fixture
def real_migrations(migrated_stores: Migrate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.store.opening, "_migrate", migrated_stores)


@pytest.fixture(scope="session")
def on_postgres() -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Makes new stores on the PostgreSQL server of the tests; gives their addresses."""
    server = os.environ.get("PETALITE_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("PETALITE_TEST_POSTGRES_URL is not set")
    with postgres_stores(server) as new_store:
        yield new_store


@pytest.fixture
def rock_salt_licl() -> Blueprint:
    """Lithium chloride, Fm-3m, with its measured cell."""
    return Blueprint(
        space_group=SpaceGroup(225),
        composition=Composition.of({"Li": 4, "Cl": 4}),
        lattice=LatticeParameters(5.13, 5.13, 5.13, 90, 90, 90),
    )


@pytest.fixture
def antifluorite_li2o() -> Blueprint:
    """Lithium oxide, Fm-3m, with its measured cell."""
    return Blueprint(
        space_group=SpaceGroup(225),
        composition=Composition.of({"Li": 8, "O": 4}),
        lattice=LatticeParameters(4.62, 4.62, 4.62, 90, 90, 90),
    )


@pytest.fixture
def small_space() -> SearchSpace:
    """Light lithium salts with at most twelve atoms in the cell, both example crystals among them."""
    return SearchSpace(
        elements=("Li", "O", "F", "Cl"),
        space_groups=(123, 166, 194, 221, 225),
        min_elements=2,
        max_elements=3,
        max_atoms=12,
        max_atoms_per_element=8,
    )


@pytest.fixture
def small_ladder() -> Ladder:
    """Three fidelities whose declared costs differ by orders of magnitude."""
    return Ladder(
        (
            Fidelity("static", oracle="potential", cost=1.0),
            Fidelity("relaxed", oracle="potential", cost=10.0, settings={"relax": True}),
            Fidelity("dft", oracle="ase", cost=200.0, settings={"calculator": "gpaw"}),
        )
    )


@pytest.fixture
def small_spec(small_space: SearchSpace, small_ladder: Ladder) -> CampaignSpec:
    """A campaign that any store can hold; its oracles need not be installed to read it."""
    return CampaignSpec(
        name="small",
        objective=Objective("formation_energy", Goal.MINIMIZE),
        space=small_space,
        ladder=small_ladder.fidelities,
        budget=Budget(total=1000.0, per_round=300.0),
        max_rounds=4,
        initial_looks={"static": 8, "relaxed": 2},
        seed=7,
    )
