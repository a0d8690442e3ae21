"""The state machines of campaigns, rounds and queries."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.errors import IllegalTransitionError


class QueryState(StrEnum):
    """Where a query stands.

        PROPOSED ──► AWAITING_APPROVAL ──► QUEUED ──► CLAIMED ──► DONE
            └───────────────────────────────▲ ▲ ▲       │
                                            │ │ └───────┤ the lease lapses, or the worker gives it back
                                            │ └─ FAILED ◄┘ (while attempts are left)
        every state before DONE and FAILED ──► CANCELLED

    DONE and CANCELLED are final; so is FAILED once no attempt is left.
    """

    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CampaignState(StrEnum):
    """Where a campaign stands.

    READY ──► RUNNING ◄──► WAITING (for answers of people or machines, or for approval)
                 ▲ ▲
                 │ └──────────────────────┐ resumed
                 ▼                        ▼
    any open ► PAUSED ──► STOPPED ◄── any open        RUNNING, WAITING ──► COMPLETED (final)

    While a campaign is PAUSED or STOPPED nothing is claimed; answers to what was claimed before still count.
    """

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    STOPPED = "stopped"
    COMPLETED = "completed"


class RoundState(StrEnum):
    """Where a round stands: OPEN ──► CLOSED (final), once its computed queries are over."""

    OPEN = "open"
    CLOSED = "closed"


QUERY_TRANSITIONS: Final[Mapping[QueryState, frozenset[QueryState]]] = MappingProxyType(
    {
        QueryState.PROPOSED: frozenset({QueryState.AWAITING_APPROVAL, QueryState.QUEUED, QueryState.CANCELLED}),
        QueryState.AWAITING_APPROVAL: frozenset({QueryState.QUEUED, QueryState.CANCELLED}),
        QueryState.QUEUED: frozenset({QueryState.CLAIMED, QueryState.CANCELLED}),
        QueryState.CLAIMED: frozenset({QueryState.DONE, QueryState.FAILED, QueryState.QUEUED, QueryState.CANCELLED}),
        QueryState.FAILED: frozenset({QueryState.QUEUED}),
        QueryState.DONE: frozenset(),
        QueryState.CANCELLED: frozenset(),
    }
)

CAMPAIGN_TRANSITIONS: Final[Mapping[CampaignState, frozenset[CampaignState]]] = MappingProxyType(
    {
        CampaignState.READY: frozenset({CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.STOPPED}),
        CampaignState.RUNNING: frozenset(
            {CampaignState.WAITING, CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.COMPLETED}
        ),
        CampaignState.WAITING: frozenset(
            {CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.COMPLETED}
        ),
        CampaignState.PAUSED: frozenset({CampaignState.RUNNING, CampaignState.STOPPED}),
        CampaignState.STOPPED: frozenset({CampaignState.RUNNING}),
        CampaignState.COMPLETED: frozenset(),
    }
)

HALTED_CAMPAIGNS: Final = frozenset({CampaignState.PAUSED, CampaignState.STOPPED})
"""States in which nothing new is claimed."""


def require_query_step(before: QueryState, after: QueryState) -> None:
    """Refuses a step that the query state machine does not have.

    Raises:
        IllegalTransitionError: If it has no such step.
    """
    _require_step("query", before, after, QUERY_TRANSITIONS[before])


def require_campaign_step(before: CampaignState, after: CampaignState) -> None:
    """Refuses a step that the campaign state machine does not have.

    Raises:
        IllegalTransitionError: If it has no such step.
    """
    _require_step("campaign", before, after, CAMPAIGN_TRANSITIONS[before])


def _require_step(what: str, before: StrEnum, after: StrEnum, allowed: frozenset[StrEnum]) -> None:
    if after not in allowed:
        expected = ", ".join(sorted(state.value for state in allowed)) or "nothing: it is final"
        raise IllegalTransitionError(
            f"A {what} that is {before.value} cannot become {after.value}; possible: {expected}.",
            remedy=f"Read the {what} again: somebody else may have moved it on.",
        )
