"""A laboratory answers what it was asked, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import ConflictError, InvalidValueError
from domain.states import CampaignState, QueryState
from services.intake import (
    Changes,
    Reading,
    amend_laboratory_result,
    record_laboratory_result,
    record_measurement,
    report_laboratory_result,
)
from services.intake.laboratory import LEASE_DAYS, claim_laboratory_query, release_laboratory_query
from services.intake.testing import claim, example_measurement
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


def test_a_persons_number_never_stands_under_a_computers_name(desk: Bench) -> None:
    query = ask(desk, "dft")
    reading = Reading(-1.0, "eV/atom")
    with pytest.raises(InvalidValueError, match="'dft' of campaign 'example' is computed"):
        report_laboratory_result(
            desk.store, "example", example_pick(1).blueprint, fidelity="dft", worker="Ada", reading=reading
        )
    claimed = claim(desk.store, query)
    computed = record_measurement(desk.store, query.id, fence=claimed.fence, measurement=example_measurement())
    with pytest.raises(ConflictError, match="is computed at 'dft'"):
        amend_laboratory_result(
            desk.store, computed.id, worker="Ada", changes=Changes(note="x"), reason="I know better."
        )
    assert desk.store.queries.get(query.id).state is QueryState.DONE


def test_what_was_measured_is_taken_while_its_campaign_is_paused(desk: Bench) -> None:
    query = ask(desk, "lab")
    desk.store.campaigns.set_state(query.campaign_id, CampaignState.PAUSED)
    with pytest.raises(ConflictError, match="campaign is paused or stopped"):
        claim_laboratory_query(desk.store, query.id, worker="Ada")
    claimed = claim_laboratory_query(desk.store, query.id, worker="Ada", is_answered=True)
    assert claimed.worker == "Ada"


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
