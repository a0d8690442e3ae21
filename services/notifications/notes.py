"""What is worth telling: from an event to a note for people."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from domain.events import EventKind
from domain.rounds import round_number
from domain.states import CampaignState, QueryState
from services.store import Store
from services.store.records import CampaignRecord, EventRecord

N_FAILURES: Final = 3
"""So many looks of one fidelity in a row that gave no number are worth a note."""

_OUTCOMES: Final = frozenset({EventKind.QUERY_DONE, EventKind.QUERY_FAILED})
_N_EVENTS: Final = 50
"""So many of a campaign's latest events of a kind are looked back on."""


class NoteKind(StrEnum):
    """What a note is about."""

    LABORATORY = "laboratory"
    """Somebody has something to make and to measure."""
    APPROVAL = "approval"
    """Somebody is to say whether money may be spent."""
    FINISHED = "finished"
    """A campaign is complete, or was stopped."""
    FAILING = "failing"
    """An oracle fails again and again, is missing, or a campaign cannot go on or was paused by itself."""
    TEST = "test"
    """Somebody tries whether notes arrive."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to tell."""

    kind: NoteKind
    campaign: str
    group_id: int | None
    """Whose campaign it is."""
    title: str
    text: str
    url: str
    """Where to see more."""
    event_id: int
    """The event that it comes from; the same one is never told in two ways."""
    at: datetime


_Maker: TypeAlias = Callable[[Store, CampaignRecord, EventRecord], tuple[NoteKind, str] | None]


def note_of(store: Store, record: EventRecord, *, public_url: str) -> Note | None:
    """The note that an event is worth; None for most events."""
    maker = _MAKERS.get(record.event.kind)
    if maker is None:
        return None
    campaign = store.campaigns.get(record.event.campaign)
    made = maker(store, campaign, record)
    if made is None:
        return None
    kind, text = made
    return Note(
        kind=kind,
        campaign=campaign.name,
        group_id=campaign.group_id,
        title=f"{_TITLES[kind]}: {campaign.name}",
        text=text,
        url=f"{public_url}/campaigns/{campaign.name}",
        event_id=record.id,
        at=record.event.at,
    )


_TITLES: Final[Mapping[NoteKind, str]] = MappingProxyType(
    {
        NoteKind.LABORATORY: "Work for the laboratory",
        NoteKind.APPROVAL: "Approval wanted",
        NoteKind.FINISHED: "Campaign over",
        NoteKind.FAILING: "Something fails",
        NoteKind.TEST: "A test",
    }
)


def _round_opened(store: Store, campaign: CampaignRecord, record: EventRecord) -> tuple[NoteKind, str] | None:
    index = record.event.payload.get("round")
    laboratory = {fidelity.name for fidelity in campaign.spec.ladder if fidelity.is_laboratory}
    if not laboratory or not isinstance(index, int):
        return None
    queued = store.queries.list(campaign.id, round_index=index, states=frozenset({QueryState.QUEUED}))
    waiting = [query for query in queued if query.fidelity in laboratory]
    if not waiting:
        return None
    return NoteKind.LABORATORY, f"{len(waiting)} crystals of round {round_number(index)} wait to be made and measured."


def _look_approved(store: Store, campaign: CampaignRecord, record: EventRecord) -> tuple[NoteKind, str] | None:
    """One note for all that was approved together: at the last of the approvals that concern a laboratory."""
    laboratory = {fidelity.name for fidelity in campaign.spec.ladder if fidelity.is_laboratory}
    newest = store.events.last_id(campaign.id)
    approved = store.events.latest(campaign.id, {EventKind.QUERY_APPROVED}, up_to_id=newest, limit=_N_EVENTS)
    last = next((event for event in approved if _fidelity(store, event) in laboratory), None)
    if last is None or last.id != record.id:
        return None
    queued = store.queries.list(campaign.id, states=frozenset({QueryState.QUEUED}))
    n_waiting = sum(query.fidelity in laboratory for query in queued)
    if not n_waiting:
        return None
    return NoteKind.LABORATORY, f"{n_waiting} crystals wait to be made and measured; looks at some were just approved."


def _approval_wanted(_store: Store, _campaign: CampaignRecord, record: EventRecord) -> tuple[NoteKind, str]:
    return NoteKind.APPROVAL, record.event.message


def _state_changed(_store: Store, _campaign: CampaignRecord, record: EventRecord) -> tuple[NoteKind, str] | None:
    ends = {CampaignState.COMPLETED.value, CampaignState.STOPPED.value}
    return (NoteKind.FINISHED, record.event.message) if record.event.payload.get("after") in ends else None


def _look_failed(store: Store, campaign: CampaignRecord, record: EventRecord) -> tuple[NoteKind, str] | None:
    """A note when a row of failures reaches its length, not again for each one after it."""
    fidelity = _fidelity(store, record)
    outcomes = store.events.latest(campaign.id, _OUTCOMES, up_to_id=record.id, limit=_N_EVENTS)
    same = [outcome for outcome in outcomes if _fidelity(store, outcome) == fidelity][: N_FAILURES + 1]
    n_in_a_row = len(list(itertools.takewhile(lambda outcome: outcome.event.kind is EventKind.QUERY_FAILED, same)))
    if n_in_a_row != N_FAILURES:
        return None
    return NoteKind.FAILING, f"{N_FAILURES} looks in a row at {fidelity} failed, the last one: {record.event.message}"


def _fidelity(store: Store, record: EventRecord) -> str | None:
    query_id = record.event.payload.get("query_id")
    return store.queries.get(query_id).fidelity if isinstance(query_id, int) else None


def _told_as_it_is(_store: Store, _campaign: CampaignRecord, record: EventRecord) -> tuple[NoteKind, str]:
    return NoteKind.FAILING, record.event.message


def _told_once_a_day(store: Store, campaign: CampaignRecord, record: EventRecord) -> tuple[NoteKind, str] | None:
    """A note for what is tried again and again and fails for the same reason, at first and then once on each day."""
    event = record.event
    before = store.events.latest(campaign.id, {event.kind}, up_to_id=record.id - 1, limit=_N_EVENTS)
    same_day = (earlier.event for earlier in before if earlier.event.at.date() == event.at.date())
    if any(earlier.message == event.message for earlier in same_day):
        return None
    return NoteKind.FAILING, event.message


_MAKERS: Final[Mapping[EventKind, _Maker]] = MappingProxyType(
    {
        EventKind.ROUND_OPENED: _round_opened,
        EventKind.APPROVAL_WANTED: _approval_wanted,
        EventKind.CAMPAIGN_STATE: _state_changed,
        EventKind.QUERY_FAILED: _look_failed,
        EventKind.QUERY_APPROVED: _look_approved,
        EventKind.ORACLE_UNAVAILABLE: _told_once_a_day,
        EventKind.ADVANCE_FAILED: _told_once_a_day,
        EventKind.CAMPAIGN_HALTED: _told_as_it_is,
    }
)
