"""advance: bring a campaign as far as it can go now. Safe to call at any time, from anywhere, twice."""

import os
from enum import StrEnum
from typing import Final

from domain.events import EventKind
from domain.states import CampaignState, QueryState, RoundState
from flows.campaign_round import campaign_round
from flows.closing import refresh_summary
from flows.runner import RUNNER_PREFIX, runner_lease
from flows.workplace import Workplace, open_workplace
from services.settings import load_settings
from services.store import open_store
from services.store.records import QueryRecord, RoundRecord

_STARTABLE: Final = frozenset({CampaignState.READY, CampaignState.WAITING, CampaignState.RUNNING})


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


def advance(campaign: str) -> Outcome:
    """Runs round after round until the campaign is complete, waits for a laboratory, or is stopped.

    The store and the number of oracle processes are those of the environment (`services.settings`).

    Whoever was killed while running the campaign is replaced: its claims go back to the queue and its open round
    is continued.

    Raises:
        PetaliteError: If the store, an oracle or a component refuses to work.
    """
    with (
        open_store(load_settings(os.environ).store_url) as store,
        runner_lease(store, store.campaigns.get(campaign).id) as runner,
    ):
        if runner is None:
            return Outcome.BUSY
        with open_workplace(campaign, runner) as workplace:
            return _advance(workplace)


def _advance(workplace: Workplace) -> Outcome:
    store, campaign_id = workplace.store, workplace.campaign.id
    store.queries.requeue_held_by(campaign_id, RUNNER_PREFIX)
    store.queries.requeue_lapsed(store.now())
    if not store.campaigns.set_state_from(campaign_id, _STARTABLE, CampaignState.RUNNING):
        return _ended(workplace)
    _announce_missing_oracles(workplace)
    while (index := _next_round(workplace)) is not None:
        campaign_round(workplace.campaign.name, index, workplace.runner)
        if not workplace.may_go_on():
            return _ended(workplace)
    refresh_summary(workplace)
    end = CampaignState.WAITING if _open_laboratory_queries(workplace) else CampaignState.COMPLETED
    store.campaigns.set_state_from(campaign_id, frozenset({CampaignState.RUNNING}), end)
    return _ended(workplace)


def _ended(workplace: Workplace) -> Outcome:
    """What to call the state that the campaign is in now; BUSY where another process runs it."""
    state = workplace.store.campaigns.get(workplace.campaign.name).state
    return Outcome.BUSY if state in {CampaignState.READY, CampaignState.RUNNING} else Outcome(state.value)


def _next_round(workplace: Workplace) -> int | None:
    """The round to run now: the open one, else a new one while there is something to ask, to pay with and to learn."""
    latest = workplace.store.rounds.latest(workplace.campaign.id)
    if latest is None:
        return 0
    if latest.state is RoundState.OPEN:
        return latest.index
    asked = workplace.store.queries.list(workplace.campaign.id, round_index=latest.index)
    may_go_on = (
        latest.index + 1 < workplace.spec.max_rounds
        and (bool(asked) or _laboratory_has_answered(workplace, latest))
        and workplace.store.ledger.balance(workplace.campaign.id).left >= min(workplace.ladder.costs)
        and not _waits_for_laboratory(workplace, latest)
    )
    return latest.index + 1 if may_go_on else None


def _waits_for_laboratory(workplace: Workplace, latest: RoundRecord) -> bool:
    """Whether a laboratory owes answers and none has come since the last round was opened.

    Asking on without them would spend the budget on what their answers may make worthless.
    """
    return bool(_open_laboratory_queries(workplace)) and not _laboratory_has_answered(workplace, latest)


def _laboratory_has_answered(workplace: Workplace, latest: RoundRecord) -> bool:
    measured = workplace.measured_after(latest.notes)
    return any(workplace.fidelity(record.fidelity).is_laboratory for record in measured)


def _open_laboratory_queries(workplace: Workplace) -> tuple[QueryRecord, ...]:
    states = frozenset({QueryState.QUEUED, QueryState.CLAIMED, QueryState.AWAITING_APPROVAL})
    open_queries = workplace.store.queries.list(workplace.campaign.id, states=states)
    return tuple(query for query in open_queries if workplace.fidelity(query.fidelity).is_laboratory)


def _announce_missing_oracles(workplace: Workplace) -> None:
    for fidelity, missing in workplace.missing_oracles.items():
        workplace.emit(EventKind.ORACLE_UNAVAILABLE, f"{fidelity} is left out: {missing}", fidelity=fidelity)
