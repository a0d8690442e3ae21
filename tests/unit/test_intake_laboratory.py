"""A laboratory answers what it was asked, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import ConflictError
from domain.states import QueryState
from services.intake import Reading, record_laboratory_result
from services.intake.laboratory import LEASE_DAYS, claim_laboratory_query, release_laboratory_query
from services.store.examples import Bench, bench, example_pick, open_example
from services.store.records import QueryRecord


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        yield opened


def ask(desk: Bench, fidelity: str) -> QueryRecord:
    _, _, (query,) = open_example(desk.store, [example_pick(1, fidelity)])
    return query


def test_a_person_cannot_answer_for_a_computer(desk: Bench) -> None:
    query = ask(desk, "dft")
    with pytest.raises(ConflictError, match="is computed at 'dft'"):
        claim_laboratory_query(desk.store, query.id, worker="Ada")
    with pytest.raises(ConflictError, match="is computed at 'dft'"):
        record_laboratory_result(desk.store, query.id, worker="Ada", reading=Reading(-1.0, "eV/atom"))
    assert desk.store.queries.get(query.id).state is QueryState.QUEUED


def test_a_claim_is_kept_from_others_until_it_is_given_back(desk: Bench) -> None:
    query = ask(desk, "lab")
    claim_laboratory_query(desk.store, query.id, worker="Ada")
    with pytest.raises(ConflictError, match="held by Ada"):
        claim_laboratory_query(desk.store, query.id, worker="Bob")
    with pytest.raises(ConflictError, match="held by Ada"):
        release_laboratory_query(desk.store, query.id, worker="Bob")
    release_laboratory_query(desk.store, query.id, worker="Ada")
    assert claim_laboratory_query(desk.store, query.id, worker="Bob").worker == "Bob"


def test_a_claim_lapses(desk: Bench) -> None:
    query = ask(desk, "lab")
    claim_laboratory_query(desk.store, query.id, worker="Ada")
    desk.clock.advance((LEASE_DAYS + 1) * 86_400)
    assert claim_laboratory_query(desk.store, query.id, worker="Bob").worker == "Bob"
