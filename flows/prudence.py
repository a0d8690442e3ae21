"""Whether a campaign may pay for another round, or must be paused because that would only cost money."""

from collections import Counter
from datetime import datetime
from typing import Final

from domain.errors import SpecError
from domain.events import EventKind
from domain.measurement import FailureKind
from domain.rounds import round_number
from domain.states import QueryState
from flows.validation import require_runnable
from flows.workplace import Workplace
from services.store.records import RoundRecord

FEWEST_WASTED_LOOKS: Final = 3
"""A smaller round that gave no number may have been bad luck."""

_WITHOUT_NUMBER: Final = frozenset({QueryState.FAILED, QueryState.CANCELLED})


def is_runnable(workplace: Workplace) -> bool:
    """Whether the campaign's spec can be run with what is installed here; else the campaign is paused.

    A spec may come here unchecked, or the software that it names may have changed since it was checked. One that names
    an oracle which is only missing here is another worker's to run.

    Raises:
        UnknownOracleError: If an oracle is not registered here.
    """
    try:
        require_runnable(workplace.spec)
    except SpecError as error:
        workplace.store.halting.halt(
            workplace.campaign.id, f"its spec cannot be run: {error.problem} {error.remedy} Then resume it."
        )
        return False
    return True


def is_worthwhile(workplace: Workplace) -> bool:
    """Whether the last round gave some number; else the campaign is paused, unless somebody has resumed it since."""
    latest = workplace.store.rounds.latest(workplace.campaign.id)
    reason = None if latest is None else _why_wasted(workplace, latest)
    if reason is None:
        return True
    workplace.store.halting.halt(workplace.campaign.id, reason)
    return False


def _why_wasted(workplace: Workplace, latest: RoundRecord) -> str | None:
    """What the paid looks of a round that is over failed from; None where there is a number, or one may come.

    A laboratory's failures are findings.
    """
    if latest.closed_at is None or _was_resumed(workplace, latest.closed_at):
        return None
    campaign_id = workplace.campaign.id
    asked = {query.id: query for query in workplace.store.queries.list(campaign_id, round_index=latest.index)}
    if any(query.state not in _WITHOUT_NUMBER for query in asked.values()):
        return None
    paid = [
        record
        for record in workplace.store.failures.list(campaign_id)
        if record.is_final and record.query_id in asked and record.failure.kind is not FailureKind.REJECTED
    ]
    if len(paid) < FEWEST_WASTED_LOOKS or any(workplace.fidelity(record.fidelity).is_laboratory for record in paid):
        return None
    reason, number = Counter(record.failure.reason for record in paid).most_common(1)[0]
    return (
        f"none of the {len(paid)} looks of round {round_number(latest.index)} that were paid for gave a number. "
        f"{number} failed from "
        f"this: {reason} Mend it and resume the campaign, or stop it."
    )


def _was_resumed(workplace: Workplace, closed_at: datetime) -> bool:
    """Whether somebody has let the campaign go on after it was paused over a round that closed then."""
    store, campaign_id = workplace.store, workplace.campaign.id
    newest = store.events.last_id(campaign_id)
    halts = store.events.latest(campaign_id, {EventKind.CAMPAIGN_HALTED}, up_to_id=newest, limit=1)
    return bool(halts) and halts[0].event.at >= closed_at
