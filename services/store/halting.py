"""Campaigns that are paused without anybody's asking, because going on would only cost money."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, exists, or_, select

from domain.events import EventKind
from domain.json_value import JsonObject
from domain.measurement import Failure, FailureKind
from domain.states import CampaignState, QueryState
from services.store.campaigns import lock_campaign, move_campaign, read_campaign
from services.store.database import Database
from services.store.events import of_rare_kind, write_events
from services.store.records import QueryRecord
from services.store.tables import events, failures, queries

MOST_FAILURES_IN_A_ROW: Final = 10
"""So many looks at one fidelity in a row that were paid for and gave no number pause their campaign."""

_GOING: Final = frozenset({CampaignState.READY, CampaignState.RUNNING, CampaignState.WAITING})


class Halting:
    """Pauses campaigns until somebody resumes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def halt(self, campaign_id: int, reason: str) -> bool:
        """Pauses a campaign; False if it is over, paused or stopped already.

        Args:
            campaign_id: The campaign.
            reason: What is wrong and what to do about it, in sentences.

        Raises:
            NotFoundError: If there is no such campaign.
        """
        with self._database.write() as connection:
            return _halt(connection, campaign_id, reason, {}, at=self._database.now())

    def reason(self, campaign_id: int) -> str | None:
        """Why a campaign is paused without anybody's asking, in sentences; None where it is not."""
        steps = (EventKind.CAMPAIGN_STATE.value, EventKind.CAMPAIGN_HALTED.value)
        newest = (
            select(events.c.kind, events.c.message)
            .where(events.c.campaign_id == campaign_id, events.c.kind.in_(steps))
            .order_by(events.c.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            step = connection.execute(newest).one_or_none()
        return None if step is None or step.kind != EventKind.CAMPAIGN_HALTED.value else str(step.message)


def halt_if_failing(connection: Connection, query: QueryRecord, failure: Failure, *, at: datetime) -> None:
    """Pauses the campaign of a query that has just failed for good, if those before it failed too.

    A laboratory's failures are findings, and people make them: they pause nothing. What was refused unseen cost nothing
    and does not count.
    """
    if failure.kind is FailureKind.REJECTED:
        return
    fidelity = read_campaign(connection, query.campaign_id).spec.fidelities.fidelity(query.fidelity)
    if fidelity.is_laboratory:
        return
    latest = _latest_outcomes(connection, query)
    if len(latest) < MOST_FAILURES_IN_A_ROW or QueryState.DONE.value in latest:
        return
    reason = (
        f"the last {MOST_FAILURES_IN_A_ROW} looks at {query.fidelity} were paid for and gave no number, the last one: "
        f"{failure.reason} Mend what they failed from and resume the campaign, or stop it."
    )
    _halt(connection, query.campaign_id, reason, {"fidelity": query.fidelity}, at=at)


def _halt(connection: Connection, campaign_id: int, reason: str, payload: JsonObject, *, at: datetime) -> bool:
    campaign = lock_campaign(connection, campaign_id)
    if campaign.state not in _GOING:
        return False
    move_campaign(connection, campaign, CampaignState.PAUSED, reason="by itself", at=at)
    happened = (EventKind.CAMPAIGN_HALTED, f"{campaign.name} was paused: {reason}", payload)
    write_events(connection, campaign_id, [happened], at=at)
    return True


def _latest_outcomes(connection: Connection, query: QueryRecord) -> Sequence[str]:
    """How the latest looks at a query's fidelity have ended, the newest first.

    Those before the campaign was last halted are known to whoever resumed it.
    """
    halt = select(events.c.at).where(of_rare_kind(query.campaign_id, EventKind.CAMPAIGN_HALTED))
    halted_at = connection.execute(halt.order_by(events.c.id.desc()).limit(1)).scalar_one_or_none()
    is_news = queries.c.finished_at.is_not(None) if halted_at is None else queries.c.finished_at > halted_at
    was_paid = exists().where(
        failures.c.query_id == queries.c.id,
        failures.c.is_final.is_(True),
        failures.c.kind != FailureKind.REJECTED.value,
    )
    statement = (
        select(queries.c.state)
        .where(
            queries.c.campaign_id == query.campaign_id,
            queries.c.fidelity == query.fidelity,
            or_(queries.c.state == QueryState.DONE.value, (queries.c.state == QueryState.FAILED.value) & was_paid),
            is_news,
        )
        .order_by(queries.c.finished_at.desc(), queries.c.id.desc())
        .limit(MOST_FAILURES_IN_A_ROW)
    )
    return connection.execute(statement).scalars().all()
