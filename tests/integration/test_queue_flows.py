"""What a campaign does with looks that are not its runner's to make: approval, machines, pauses, limits."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import flows.outage
from domain.campaign import CampaignSpec
from domain.cost import Cost
from domain.errors import StoreError
from domain.fidelity import AnsweredBy, Capability, Fidelity
from domain.measurement import Measurement, Provenance
from domain.quantity import Goal, Objective
from domain.states import CampaignState, QueryState, RoundState
from flows.advance import _advance, _next_round, _waits_for_others
from flows.asking import ask_fidelity
from flows.closing import refresh_summary
from flows.learning import fit_belief
from flows.opening import open_with_picks
from flows.standing import is_asked, open_queries, waits_for_approval
from flows.workplace import Workplace
from services.intake import (
    UnsolicitedOutcome,
    record_amendment,
    record_measurement,
    record_unsolicited,
    retract_material_value,
)
from services.settings import load_settings
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_round
from services.store.queries import Queries
from services.store.records import QueryRecord, RoundRecord

GLANCE = Fidelity("glance", oracle="density", cost=1.0)
GAZE = Fidelity("gaze", oracle="density", cost=10.0)
FOR_MACHINES = replace(GAZE, answered_by=AnsweredBy.MACHINES)
LAB = Fidelity("lab", oracle="laboratory", cost=20.0, settings={"quantity": "density"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        yield opened


def spec_of(*ladder: Fidelity, approval_above: float | None = None) -> CampaignSpec:
    spec = example_spec()
    return replace(
        spec,
        objective=Objective("density", Goal.MAXIMIZE),
        ladder=ladder,
        budget=replace(spec.budget, approval_above=approval_above),
        initial_looks={ladder[0].name: 1},
    )


def opened(store: Store, home: Path, spec: CampaignSpec, *fidelities: str) -> tuple[Workplace, RoundRecord]:
    campaign = store.campaigns.create(spec)
    first = open_round(store, campaign.id, 0, [example_pick(n, name) for n, name in enumerate(fidelities)])
    store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    store.campaigns.acquire_runner(campaign.id, "runner:here", 600)
    return Workplace(load_settings({"PETALITE_HOME": str(home)}), store, campaign, "runner:here"), first


def ask_all(workplace: Workplace, asked: RoundRecord) -> None:
    for name in workplace.spec.fidelities.names:
        ask_fidelity(workplace, asked, name)


def states(workplace: Workplace) -> list[QueryState]:
    return [query.state for query in workplace.store.queries.list(workplace.campaign.id)]


def close(workplace: Workplace, asked: RoundRecord) -> None:
    notes = {"n_values": workplace.n_values()}
    workplace.store.rounds.close(asked.id, riding_along=workplace.waiting_fidelities, notes=notes)


def measurement_at(fidelity: Fidelity, store: Store) -> Measurement:
    provenance = Provenance(fidelity.oracle, "1", fidelity.settings_digest, "m")
    return Measurement(2.0, "g/cm^3", None, provenance, Cost(1.0), store.now())


def answer_one(workplace: Workplace, fidelity: Fidelity) -> None:
    store = workplace.store
    query = store.queries.list(workplace.campaign.id, states=[QueryState.QUEUED], fidelity=fidelity.name)[0]
    claimed = store.queries.claim(query.id, worker="m", lease_s=60)
    record_measurement(store, query.id, fence=claimed.fence, measurement=measurement_at(fidelity, store))


def report(workplace: Workplace, fidelity: Fidelity, number: int):
    measurement, blueprint = measurement_at(fidelity, workplace.store), example_pick(number).blueprint
    return record_unsolicited(
        workplace.store, workplace.campaign.id, fidelity=fidelity.name, measurement=measurement, about=blueprint
    )


def test_looks_that_wait_for_approval_hold_their_round_open(store: Store, tmp_path: Path) -> None:
    spec = spec_of(GLANCE, GAZE, approval_above=5.0)
    workplace, first = opened(store, tmp_path, spec, "glance", "gaze", "gaze")
    assert not waits_for_approval(workplace, first)
    ask_all(workplace, first)
    assert states(workplace) == [QueryState.DONE, QueryState.AWAITING_APPROVAL, QueryState.AWAITING_APPROVAL]
    assert waits_for_approval(workplace, first)
    assert not is_asked(workplace, first)
    assert _next_round(workplace) is None
    refresh_summary(workplace)
    assert store.rounds.get(first.id).state is RoundState.OPEN

    _, costly, dear = store.queries.list(workplace.campaign.id)
    store.approval.approve(costly.id, "ada")
    assert _next_round(workplace) == 0
    ask_all(workplace, first)
    assert _next_round(workplace) is None
    store.approval.deny(dear.id, "ada", "enough")
    assert states(workplace) == [QueryState.DONE, QueryState.DONE, QueryState.CANCELLED]
    assert is_asked(workplace, first)
    assert _next_round(workplace) == 0, "to be closed"
    close(workplace, first)
    assert _next_round(workplace) == 1


def test_looks_for_machines_ride_along_and_the_campaign_waits_for_all(store: Store, tmp_path: Path) -> None:
    workplace, first = opened(store, tmp_path, spec_of(GLANCE, FOR_MACHINES), "glance", "gaze", "gaze")
    ask_all(workplace, first)
    assert states(workplace) == [QueryState.DONE, QueryState.QUEUED, QueryState.QUEUED]
    assert is_asked(workplace, first)
    close(workplace, first)
    for _ in range(2):
        assert _next_round(workplace) is None
        assert open_queries(workplace)
        answer_one(workplace, FOR_MACHINES)
    assert _next_round(workplace) == 1
    assert not open_queries(workplace)


def test_the_first_answer_of_a_laboratory_leads_on_unless_machines_are_at_work(store: Store, tmp_path: Path) -> None:
    spec = spec_of(GLANCE, FOR_MACHINES, LAB)
    workplace, first = opened(store, tmp_path, spec, "glance", "gaze", "lab", "lab")
    ask_all(workplace, first)
    close(workplace, first)
    answer_one(workplace, LAB)
    assert _waits_for_others(workplace, first)
    answer_one(workplace, FOR_MACHINES)
    assert not _waits_for_others(workplace, first)
    assert _next_round(workplace) == 1


def test_a_mended_answer_asks_for_nothing_more(store: Store, tmp_path: Path) -> None:
    workplace, first = opened(store, tmp_path, spec_of(GLANCE, LAB), "glance", "lab", "lab")
    ask_all(workplace, first)
    answer_one(workplace, LAB)
    close(workplace, first)
    campaign_id = workplace.campaign.id
    second = store.rounds.open(
        campaign_id,
        1,
        picks=[example_pick(9, "lab")],
        generator_version="",
        surrogate_version="",
        notes=workplace.known(),
    )
    store.rounds.close(second.id, riding_along=workplace.waiting_fidelities, notes={})
    answered = store.measurements.list(campaign_id)[-1]
    mended = replace(measurement_at(LAB, store), value=2.1)
    record_amendment(store, answered.id, measurement=mended, reason="Decimal point.", worker="ada")
    assert workplace.news_since(second.notes) == {"lab"}
    assert _next_round(workplace) is None
    answer_one(workplace, LAB)
    assert _next_round(workplace) == 2


def test_a_value_that_nobody_asked_for_leads_on_and_is_summed_up(store: Store, tmp_path: Path) -> None:
    workplace, first = opened(store, tmp_path, spec_of(GLANCE, LAB), "glance", "lab")
    ask_all(workplace, first)
    close(workplace, first)
    assert _waits_for_others(workplace, first)
    found = report(workplace, LAB, 900)
    assert found.outcome is UnsolicitedOutcome.MATERIAL
    assert not _waits_for_others(workplace, first)
    assert _next_round(workplace) == 1
    refresh_summary(workplace)
    summed_up = store.rounds.get(first.id).closing_notes
    assert summed_up["n_values"] == {"glance": 1, "lab": 1}
    refresh_summary(workplace)
    assert store.rounds.get(first.id).closing_notes == summed_up

    retract_material_value(store, found.material_value.id, reason="Wrong sample.", worker="ada")
    refresh_summary(workplace)
    assert store.rounds.get(first.id).closing_notes["n_values"] == {"glance": 1, "lab": 2}


def test_what_is_corrected_after_the_end_is_summed_up(store: Store, tmp_path: Path) -> None:
    workplace, first = opened(store, tmp_path, replace(spec_of(GLANCE), max_rounds=2), "glance")
    ask_all(workplace, first)
    close(workplace, first)
    store.campaigns.set_state(workplace.campaign.id, CampaignState.COMPLETED)
    report(workplace, GLANCE, 900)
    (record,) = store.campaigns.waking(store.now())
    assert _advance(Workplace(workplace.settings, store, record, "runner:here")) == "completed"
    assert store.rounds.get(first.id).closing_notes["n_values"] == {"glance": 2}
    assert store.campaigns.waking(store.now()) == ()
    assert store.rounds.latest(record.id).index == 0


def test_a_look_that_was_answered_since_it_was_chosen_is_left_out(store: Store, tmp_path: Path) -> None:
    workplace, first = opened(store, tmp_path, spec_of(GLANCE, GAZE), "glance", "glance")
    ask_all(workplace, first)
    close(workplace, first)
    known, belief = workplace.known(), fit_belief(workplace)
    picks = (example_pick(0, "gaze"), example_pick(1, "gaze"))
    assert report(workplace, GAZE, 0).outcome is UnsolicitedOutcome.ADDED
    second = open_with_picks(workplace, belief, picks, index=1, known=known)
    (asked,) = store.queries.list(workplace.campaign.id, round_index=1)
    digests = {candidate.id: candidate.digest for candidate in store.candidates.list(workplace.campaign.id)}
    assert digests[asked.candidate_id] == picks[1].blueprint.digest
    assert workplace.news_since(second.notes) == {"gaze"}, "the answer came after the belief"


def test_oracles_of_machines_need_no_software_here(store: Store, tmp_path: Path) -> None:
    far = Fidelity("far", oracle="ase", cost=5.0, answered_by=AnsweredBy.MACHINES, settings={"calculator": "gpaw"})
    workplace, _ = opened(store, tmp_path, spec_of(GLANCE, far), "glance")
    assert "far" not in workplace.missing_oracles
    assert workplace.ladder.names == ("glance", "far")


def test_a_paused_campaign_asks_nothing_and_goes_on_where_it_stood(store: Store, tmp_path: Path) -> None:
    workplace, first = opened(store, tmp_path, spec_of(GLANCE, GAZE), "glance", "gaze")
    store.campaigns.set_state(workplace.campaign.id, CampaignState.PAUSED)
    assert not workplace.may_go_on()
    ask_all(workplace, first)
    assert states(workplace) == [QueryState.QUEUED] * 2
    store.campaigns.resume(workplace.campaign.id)
    assert workplace.may_go_on()
    ask_all(workplace, first)
    assert states(workplace) == [QueryState.DONE] * 2


class LostReplies:
    """The store's queries, whose reply to the first claim never comes."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self.missed: QueryRecord | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._queries, name)

    def claim(self, query_id: int, *, worker: str, lease_s: float) -> QueryRecord | None:
        claimed = self._queries.claim(query_id, worker=worker, lease_s=lease_s)
        if self.missed is None:
            self.missed = claimed
            raise StoreError("The line was cut.", remedy="Wait.")
        return claimed


def test_a_claim_whose_reply_was_lost_is_had_again_at_once(
    fresh_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.outage, "TRIES_EVERY_S", 0.01)
    limited = replace(GLANCE, max_concurrent=1)
    with open_store(fresh_url) as store:
        workplace, first = opened(store, tmp_path, spec_of(limited, GAZE), "glance", "glance")
        replies = LostReplies(store.queries)
        monkeypatch.setattr(store, "queries", replies)
        ask_fidelity(workplace, first, "glance")
        assert states(workplace) == [QueryState.DONE] * 2
        done = store.queries.get(replies.missed.id)
        assert (done.attempts, done.fence) == (1, replies.missed.fence)
        assert store.ledger.balance(workplace.campaign.id).booked == 2.0


def test_the_runner_waits_while_another_campaign_keeps_the_oracle_busy(store: Store, tmp_path: Path) -> None:
    limited = replace(GLANCE, max_concurrent=1)
    workplace, first = opened(store, tmp_path, spec_of(limited, GAZE), "glance", "glance")
    other = store.campaigns.create(replace(spec_of(FOR_MACHINES), name="other"))
    open_round(store, other.id, 0, [example_pick(1, "gaze")])
    busy = store.queries.claim_next(worker="m", lease_s=600, oracles=[Capability("density")])
    runner = threading.Thread(target=ask_all, args=(workplace, first))
    runner.start()
    runner.join(timeout=1.0)
    assert runner.is_alive()
    assert states(workplace) == [QueryState.QUEUED] * 2
    store.queries.release(busy.id, busy.fence)
    runner.join()
    assert states(workplace) == [QueryState.DONE] * 2
