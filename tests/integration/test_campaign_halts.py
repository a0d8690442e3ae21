"""What would only cost money pauses a campaign before it is spent, and says why."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from domain.cost import Cost
from domain.errors import UnknownOracleError
from domain.events import EventKind
from domain.fidelity import AnsweredBy, Fidelity
from domain.measurement import Failure, FailureKind
from domain.states import CampaignState
from flows.advancing import advance_campaign
from flows.prudence import is_worthwhile
from flows.validation import require_runnable
from flows.workplace import Workplace
from services.intake import record_failure
from services.settings import load_settings
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_round

ELSEWHERE = Fidelity("far", oracle="somebody-elses", cost=2.0, answered_by=AnsweredBy.MACHINES)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("PETALITE_HOME", str(tmp_path))
    with open_store(load_settings(os.environ).store_url) as opened:
        yield opened


def _halts(store: Store) -> list[str]:
    return [r.event.message for r in store.events.list(1) if r.event.kind is EventKind.CAMPAIGN_HALTED]


def test_a_spec_that_cannot_be_run_is_paused_before_anything_is_asked(store: Store) -> None:
    wrong = (Fidelity("quick", oracle="density", cost=1.0),)
    campaign = store.campaigns.create(replace(example_spec(), ladder=wrong, initial_looks={"quick": 2}))
    store.campaigns.wake(campaign.id)
    assert advance_campaign.fn("example") == "paused"
    (told,) = _halts(store)
    assert "measures density, but the objective is formation_energy" in told
    assert store.rounds.list(campaign.id) == ()
    assert store.campaigns.waking(store.now()) == (), "nobody tries again before it is resumed"
    store.campaigns.resume(campaign.id)
    assert advance_campaign.fn("example") == "paused"
    assert len(_halts(store)) == 2


def test_a_space_without_crystals_is_paused_too(store: Store) -> None:
    spec = example_spec()
    store.campaigns.create(replace(spec, space=replace(spec.space, space_groups=(1,), max_atoms=1)))
    assert advance_campaign.fn("example") == "paused"
    assert len(_halts(store)) == 1


def _round_of(store: Store, reasons: Mapping[str, FailureKind], fidelity: str = "static") -> Workplace:
    """A workplace at whose campaign a round has closed in which every look failed."""
    campaign = store.campaigns.create(example_spec())
    opened = open_round(store, campaign.id, 0, [example_pick(n, fidelity) for n in range(len(reasons))])
    store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    for query, (reason, kind) in zip(store.queries.list(campaign.id), reasons.items(), strict=True):
        claimed = store.queries.claim(query.id, worker="w", lease_s=60)
        assert claimed is not None
        failure = Failure(kind, reason.rstrip("0123456789"), "w", Cost(1.0), store.now())
        record_failure(store, query.id, fence=claimed.fence, failure=failure)
    store.rounds.close(opened.id, riding_along=frozenset(), notes={})
    return Workplace(load_settings(os.environ), store, campaign, "runner:me")


def test_a_round_without_a_number_pauses_the_campaign_once(store: Store) -> None:
    workplace = _round_of(store, {f"It is too wet.{n}": FailureKind.PERMANENT for n in range(3)})
    assert not is_worthwhile(workplace)
    assert store.campaigns.get("example").state is CampaignState.PAUSED
    (told,) = _halts(store)
    assert "none of the 3 looks of round 1 that were paid for gave a number" in told
    assert "3 failed from this: It is too wet." in told
    store.campaigns.resume(1)
    assert is_worthwhile(workplace), "whoever resumed it knows"


def test_bad_luck_refusals_unseen_and_findings_pause_nothing(store: Store) -> None:
    two = {"a": FailureKind.PERMANENT, "b": FailureKind.PERMANENT, "c": FailureKind.REJECTED}
    assert is_worthwhile(_round_of(store, two))


def test_what_a_laboratory_cannot_make_pauses_nothing(store: Store) -> None:
    assert is_worthwhile(_round_of(store, dict.fromkeys("abc", FailureKind.PERMANENT), "lab"))


def test_an_oracle_that_machines_have_is_not_needed_here(store: Store) -> None:
    spec = replace(example_spec(), ladder=(example_spec().ladder[0], ELSEWHERE))
    require_runnable(spec)
    workplace = Workplace(load_settings(os.environ), store, store.campaigns.create(spec), "runner:me")
    assert "far" not in workplace.oracles
    assert "far" in workplace.ladder.names
    with pytest.raises(UnknownOracleError, match="no oracle 'somebody-elses'"):
        require_runnable(replace(spec, ladder=(*spec.ladder[:-1], replace(ELSEWHERE, answered_by=AnsweredBy.RUNNER))))
