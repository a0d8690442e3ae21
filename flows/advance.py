"""advance: bring a campaign as far as it can go now. Safe to call at any time, from anywhere, twice."""

from enum import StrEnum

from domain.events import EventKind
from domain.states import CampaignState, QueryState, RoundState
from flows.campaign_round import campaign_round
from flows.closing import refresh_summary
from flows.runner import RUNNER_PREFIX, runner_lease
from flows.workplace import Workplace, open_workplace
from services.settings import Settings
from services.store.records import QueryRecord, RoundRecord


class Outcome(StrEnum):
    """Where `advance` left a campaign."""

    COMPLETED = "completed"
    """Nothing is left to ask, or to pay with."""
    WAITING = "waiting"
    """A laboratory has queries in its hands."""
    STOPPED = "stopped"
    """Somebody stopped it."""
    BUSY = "busy"
    """Another process is advancing it right now."""


def advance(settings: Settings, campaign: str) -> Outcome:
    """Runs round after round until the campaign is complete, waits for a laboratory, or is stopped.

    Whoever was killed while running the campaign is replaced: its claims go back to the queue and its open round
    is continued.

    Raises:
        PetaliteError: If the store, an oracle or a component refuses to work.
    """
    with open_workplace(settings, campaign) as workplace:
        state = workplace.campaign.state
        if state in {CampaignState.COMPLETED, CampaignState.STOPPED}:
            return Outcome(state.value)
        with runner_lease(workplace.store, workplace.campaign.id) as is_ours:
            return _advance(workplace) if is_ours else Outcome.BUSY


def _advance(workplace: Workplace) -> Outcome:
    store, campaign_id = workplace.store, workplace.campaign.id
    store.queries.requeue_held_by(campaign_id, RUNNER_PREFIX)
    _announce_missing_oracles(workplace)
    if _state(workplace) is not CampaignState.RUNNING:
        store.campaigns.set_state(campaign_id, CampaignState.RUNNING)
    while (index := _next_round(workplace)) is not None:
        campaign_round(workplace.campaign.name, index, workplace.settings)
        if not workplace.may_go_on():
            return Outcome.STOPPED if _state(workplace) is CampaignState.STOPPED else Outcome.BUSY
    refresh_summary(workplace)
    end = CampaignState.WAITING if _open_laboratory_queries(workplace) else CampaignState.COMPLETED
    store.campaigns.set_state(campaign_id, end)
    return Outcome(end.value)


def _next_round(workplace: Workplace) -> int | None:
    """The round to run now: the open one, else a new one while there is something to ask, to pay with and to learn."""
    latest = workplace.store.rounds.latest(workplace.campaign.id)
    if latest is None:
        return 0
    if latest.state is RoundState.OPEN:
        return latest.index
    may_go_on = (
        latest.index + 1 < workplace.spec.max_rounds
        and bool(workplace.store.queries.list(workplace.campaign.id, round_index=latest.index))
        and workplace.store.ledger.balance(workplace.campaign.id).left >= min(workplace.ladder.costs)
        and not _waits_for_laboratory(workplace, latest)
    )
    return latest.index + 1 if may_go_on else None


def _waits_for_laboratory(workplace: Workplace, latest: RoundRecord) -> bool:
    """Whether a laboratory owes answers and none has come since the last round closed.

    Asking on without them would spend the budget on what their answers may make worthless.
    """
    answered = any(
        measured.fidelity in workplace.laboratory_fidelities
        and latest.closed_at is not None
        and measured.recorded_at > latest.closed_at
        for measured in workplace.store.measurements.list(workplace.campaign.id)
    )
    return not answered and bool(_open_laboratory_queries(workplace))


def _open_laboratory_queries(workplace: Workplace) -> tuple[QueryRecord, ...]:
    states = frozenset({QueryState.QUEUED, QueryState.CLAIMED, QueryState.AWAITING_APPROVAL})
    open_queries = workplace.store.queries.list(workplace.campaign.id, states=states)
    return tuple(query for query in open_queries if query.fidelity in workplace.laboratory_fidelities)


def _state(workplace: Workplace) -> CampaignState:
    return workplace.store.campaigns.get(workplace.campaign.name).state


def _announce_missing_oracles(workplace: Workplace) -> None:
    for fidelity, missing in workplace.missing_oracles.items():
        workplace.emit(EventKind.ORACLE_UNAVAILABLE, f"{fidelity} is left out: {missing}", fidelity=fidelity)
