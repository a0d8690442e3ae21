"""advance: bring a campaign as far as it can go now. Safe to call at any time, from anywhere, twice."""

import os
import socket
from collections.abc import Collection
from enum import StrEnum
from typing import Final

from domain.events import EventKind
from domain.states import CampaignState, RoundState
from flows.campaign_round import campaign_round
from flows.closing import refresh_summary
from flows.prudence import is_runnable, is_worthwhile
from flows.runner import RUNNER_PREFIX, is_alive, runner_lease
from flows.standing import open_queries, waits_for_approval
from flows.workplace import Workplace, open_workplace
from services.settings import load_settings
from services.store import open_store
from services.store.records import RoundRecord

_STARTED: Final = frozenset({CampaignState.WAITING, CampaignState.RUNNING})
_STARTABLE: Final = _STARTED | {CampaignState.READY}


class Outcome(StrEnum):
    """Where `advance` left a campaign."""

    COMPLETED = "completed"
    """Nothing is left to ask, or to pay with."""
    WAITING = "waiting"
    """People or machines owe answers, or somebody must approve what is to be spent."""
    PAUSED = "paused"
    """Somebody paused it, or it was paused because going on would only cost money."""
    STOPPED = "stopped"
    """Somebody stopped it."""
    BUSY = "busy"
    """Another process is advancing it right now."""


def advance(campaign: str, *, by_worker: bool = False) -> Outcome:
    """Runs round after round until the campaign is complete, waits for others, or is paused or stopped.

    The store and the number of oracle processes are those of the environment (`services.settings`).

    Whoever was killed while running the campaign is replaced: its claims go back to the queue and its open round
    is continued.

    Args:
        campaign: Its name.
        by_worker: Whether a worker does it, which nobody sees: everybody who watches the campaign is told.

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
            if by_worker:
                _announce_worker(workplace)
            return _advance(workplace)


def _advance(workplace: Workplace) -> Outcome:
    store, campaign_id = workplace.store, workplace.campaign.id
    store.queries.requeue_held_by(campaign_id, RUNNER_PREFIX, is_alive=is_alive)
    store.queries.requeue_lapsed(store.now())
    if workplace.campaign.state in _STARTABLE and not is_runnable(workplace):
        return _ended(workplace)
    index = _next_round(workplace)
    if index is not None:
        _announce_missing_oracles(workplace)
    while index is not None and is_worthwhile(workplace) and _move_on(workplace, _STARTABLE, CampaignState.RUNNING):
        campaign_round(workplace.campaign.name, index, workplace.runner)
        if not workplace.may_go_on():
            return _ended(workplace)
        index = _next_round(workplace)
    refresh_summary(workplace)
    end = CampaignState.WAITING if open_queries(workplace) else CampaignState.COMPLETED
    _move_on(workplace, _STARTED, end)
    return _ended(workplace)


def _move_on(workplace: Workplace, before: Collection[CampaignState], state: CampaignState) -> bool:
    """Sets the campaign's state, and with it takes the wish off the list that this process answers.

    In one transaction, so that a process that dies leaves either the wish or a running campaign without a driver:
    both are found. Wishes that came after this process began are another's. A complete campaign stays where it is, and
    its wish is answered all the same: what was corrected is in its last summary.
    """
    campaigns, seen = workplace.store.campaigns, workplace.campaign
    with workplace.store.writing():
        has_moved = campaigns.set_state_from(seen.id, before, state)
        is_answered = has_moved or campaigns.by_id(seen.id).state is CampaignState.COMPLETED
        if is_answered and seen.wake_at is not None:
            campaigns.take_wake(seen.id, seen.wake_at)
    return has_moved


def _ended(workplace: Workplace) -> Outcome:
    """What to call the state that the campaign is in now; BUSY where another process runs it."""
    state = workplace.store.campaigns.get(workplace.campaign.name).state
    return Outcome.BUSY if state in {CampaignState.READY, CampaignState.RUNNING} else Outcome(state.value)


def _next_round(workplace: Workplace) -> int | None:
    """The round to run now: the open one, else a new one while there is something to ask, to pay with and to learn.

    None while the open one waits for approval.
    """
    latest = workplace.store.rounds.latest(workplace.campaign.id)
    if latest is None:
        return 0
    if latest.state is RoundState.OPEN:
        return None if waits_for_approval(workplace, latest) else latest.index
    asked = workplace.store.queries.list(workplace.campaign.id, round_index=latest.index)
    may_go_on = (
        latest.index + 1 < workplace.spec.max_rounds
        and (bool(asked) or bool(workplace.news_since(latest.notes)))
        and workplace.store.ledger.balance(workplace.campaign.id).left >= min(workplace.ladder.costs)
        and not _waits_for_others(workplace, latest)
    )
    return latest.index + 1 if may_go_on else None


def _waits_for_others(workplace: Workplace, latest: RoundRecord) -> bool:
    """Whether machines owe any answer, or a laboratory does and none has come since the last round learned.

    Asking on without them would spend the budget on what their answers may make worthless. Machines answer all they
    are asked within hours; a laboratory's first answer is worth going on with, a mended one is not.
    """
    asked = {query.fidelity for query in open_queries(workplace)} & workplace.waiting_fidelities
    if any(not workplace.fidelity(name).is_laboratory for name in asked):
        return True
    return bool(asked) and not _laboratory_has_answered(workplace, latest)


def _laboratory_has_answered(workplace: Workplace, latest: RoundRecord) -> bool:
    return any(workplace.fidelity(name).is_laboratory for name in workplace.answered_since(latest.notes))


def _announce_worker(workplace: Workplace) -> None:
    wish, host = workplace.campaign.wake_at, socket.gethostname()
    waited_s = 0.0 if wish is None else max(0.0, (workplace.store.now() - wish).total_seconds())
    after = "" if wish is None else f", {waited_s:.1f} s after it was asked for"
    message = f"a worker on {host} takes {workplace.campaign.name} up{after}"
    workplace.emit(EventKind.STAGE_NOTE, message, host=host, waited_s=round(waited_s, 3))


def _announce_missing_oracles(workplace: Workplace) -> None:
    for fidelity, missing in workplace.missing_oracles.items():
        workplace.emit(EventKind.ORACLE_UNAVAILABLE, f"{fidelity} is left out: {missing}", fidelity=fidelity)
