"""What happened, one event at a time: progress for people and a trail for machines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from domain.json_value import JsonValue
from domain.measurement import require_utc


class EventKind(StrEnum):
    """What kind of thing happened."""

    CAMPAIGN_CREATED = "campaign.created"
    CAMPAIGN_STATE = "campaign.state"
    CAMPAIGN_HALTED = "campaign.halted"
    """A campaign was paused by itself, because going on would only cost money: somebody must look, and resume it."""
    CAMPAIGN_ARCHIVED = "campaign.archived"
    CAMPAIGN_BROUGHT_BACK = "campaign.brought_back"
    SCHEDULE_ENDED = "schedule.ended"
    """A schedule came due whose campaign is over: it was paused for good."""
    ROUND_OPENED = "round.opened"
    ROUND_CLOSED = "round.closed"
    STAGE_STARTED = "stage.started"
    """learn, imagine, choose or ask began."""
    STAGE_NOTE = "stage.note"
    """Something worth a line happened inside a stage."""
    TRAINING = "generator.training"
    """Progress of the generator's training, every few percent."""
    SAMPLED = "generator.sampled"
    """The generator sampled the crystals to choose from."""
    QUERY_CLAIMED = "query.claimed"
    QUERY_DONE = "query.done"
    QUERY_FAILED = "query.failed"
    MEASUREMENT_AMENDED = "measurement.amended"
    MEASUREMENT_RETRACTED = "measurement.retracted"
    MATERIAL_MEASURED = "material.measured"
    """A known material was measured for the campaign, which had not asked."""
    QUERY_REQUEUED = "query.requeued"
    APPROVAL_WANTED = "approval.wanted"
    """Looks of a round cost more than may be spent without approval."""
    QUERY_APPROVED = "query.approved"
    QUERY_DENIED = "query.denied"
    REFERENCE_DONE = "reference.done"
    REFERENCE_CORRECTED = "reference.corrected"
    """An element's reference energy, from which measurements were counted, was taken back or replaced."""
    ORACLE_UNAVAILABLE = "oracle.unavailable"
    ADVANCE_FAILED = "advance.failed"
    """A campaign could not go on and is tried again later."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a campaign."""

    kind: EventKind
    campaign: str
    """Name of the campaign."""
    message: str
    """One line for people."""
    payload: Mapping[str, JsonValue] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """UTC-aware."""

    def __post_init__(self) -> None:
        require_utc(self.at)
