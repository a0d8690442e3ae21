"""Stores on the bench, and examples to fill them with, for tests of whatever lives on a store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

from domain.blueprint import Blueprint
from domain.campaign import Budget, CampaignSpec
from domain.composition import Composition
from domain.fidelity import Fidelity
from domain.lattice import LatticeParameters
from domain.quantity import Goal, Objective
from domain.search_space import SearchSpace
from domain.space_groups import SpaceGroup
from domain.training import Decision, Pick
from services.store import Store, open_store
from services.store.records import CampaignRecord, QueryRecord, RoundRecord


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time, UTC-aware."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Bench:
    """A store on the bench."""

    url: str
    store: Store
    clock: FakeClock


@contextmanager
def bench(url: str) -> Iterator[Bench]:
    """Opens a store with a clock of its own, and closes it."""
    clock = FakeClock()
    with open_store(url, clock=clock) as store:
        yield Bench(url, store, clock)


@contextmanager
def fresh_postgres(server_url: str, *, template: str | None = None) -> Iterator[str]:
    """Makes a database on a PostgreSQL server, and drops it.

    Args:
        server_url: The server.
        template: Name of the database of which it is a copy; an empty one without.
    """
    from sqlalchemy import create_engine, make_url

    server = make_url(server_url).set(drivername="postgresql+psycopg")
    name = f"petalite_test_{uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        yield server.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        engine.dispose()


@contextmanager
def postgres_stores(server_url: str) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Makes new stores on a PostgreSQL server, all copies of one: migrating each takes longer than most tests."""
    from sqlalchemy import make_url

    with fresh_postgres(server_url) as url:
        open_store(url).close()
        yield partial(fresh_postgres, server_url, template=make_url(url).database)


def example_spec(name: str = "example", *, total: float = 1000.0) -> CampaignSpec:
    """A campaign on a ladder of three; the last fidelity is a laboratory's."""
    return CampaignSpec(
        name=name,
        objective=Objective("formation_energy", Goal.MINIMIZE),
        space=SearchSpace(elements=("Li", "Cl"), space_groups=(225,), max_atoms=8),
        ladder=(
            Fidelity("static", oracle="potential", cost=1.1),
            Fidelity("dft", oracle="ase", cost=50.3, max_attempts=3),
            Fidelity("lab", oracle="laboratory", cost=200.7),
        ),
        budget=Budget(total=total, per_round=min(total, 500.0)),
        max_rounds=5,
        initial_looks={"static": 2},
    )


def example_pick(number: int, fidelity: str = "static") -> Pick:
    """A look at rock salt of one of many lattice lengths."""
    length = 4.0 + number / 1000
    blueprint = Blueprint(
        SpaceGroup(225),
        Composition.of({"Li": 4, "Cl": 4}),
        LatticeParameters(length, length, length, 90, 90, 90),
    )
    decision = Decision("It was its turn.", score=0.5, predicted_mean=-1.0, predicted_sd=0.2, details={"rank": number})
    return Pick(blueprint, fidelity, decision, log_probability=-float(number))


def open_example(
    store: Store, picks: Sequence[Pick], *, name: str = "example", index: int = 0
) -> tuple[CampaignRecord, RoundRecord, tuple[QueryRecord, ...]]:
    """Opens a round of the example campaign."""
    campaign = store.campaigns.create(example_spec(name))
    opened = open_round(store, campaign.id, index, picks)
    return campaign, opened, store.queries.list(campaign.id, round_index=index)


def open_round(store: Store, campaign_id: int, index: int, picks: Sequence[Pick]) -> RoundRecord:
    """Opens a round with versions and notes that do not matter."""
    return store.rounds.open(
        campaign_id, index, picks=picks, generator_version="gfn 1", surrogate_version="gp 1", notes={"r2": 0.9}
    )
