"""What the store hands out: frozen records with domain values inside."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.blueprint import Blueprint, Realization
from domain.campaign import CampaignSpec
from domain.cost import Cost
from domain.events import Event
from domain.json_value import JsonObject
from domain.look import ReferenceEnergy
from domain.measurement import Failure, Measurement, Provenance
from domain.states import CampaignState, QueryState, RoundState
from domain.training import Decision


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A campaign and where it stands."""

    id: int
    name: str
    spec: CampaignSpec
    spec_digest: str
    """Names the spec by content."""
    state: CampaignState
    created_at: datetime
    updated_at: datetime
    """When the state last changed."""
    group_id: int | None
    """Whose it is; None where only administrators, and whoever has the machine, may see it."""
    priority: int
    """The higher one goes first where several want to run."""
    wake_at: datetime | None
    """When it wants to be advanced; None while nothing has happened that would lead on."""
    driven_until: datetime | None
    """Until when a process has it to drive; None where none has. A running campaign without one waits for a worker."""
    archived_at: datetime | None = None
    """When it was put away; None for those in sight."""

    def is_driven(self, now: datetime) -> bool:
        """Whether a process drives it."""
        return self.driven_until is not None and self.driven_until > now


@dataclass(frozen=True, slots=True)
class RunnerLease:
    """Who drives a campaign, and until when unless renewed."""

    holder: str
    until: datetime


@dataclass(frozen=True, slots=True)
class RoundHead:
    """A round and where it stands, without its closing notes, which speak of every crystal of its campaign."""

    id: int
    campaign_id: int
    index: int
    state: RoundState
    generator_version: str
    surrogate_version: str
    notes: JsonObject
    """What was known when it opened, such as fit diagnostics."""
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class RoundRecord(RoundHead):
    """A round with everything that is known of it."""

    closing_notes: JsonObject
    """What was known when it closed; empty before."""


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A blueprint in a campaign."""

    id: int
    campaign_id: int
    round_index: int
    """The round that first chose it."""
    blueprint: Blueprint
    digest: str
    generator_version: str
    log_probability: float | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RealizationRecord:
    """Sites of a candidate."""

    id: int
    candidate_id: int
    realization: Realization
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """A candidate at a fidelity: the unit of spending."""

    id: int
    campaign_id: int
    round_index: int
    candidate_id: int
    fidelity: str
    state: QueryState
    key: str
    """Idempotency key: digest of campaign, candidate and fidelity."""
    declared: Cost
    """What the budget is charged for it."""
    attempts: int
    """Claims that were not given back."""
    worker: str | None
    """Who holds it, or who answered last."""
    lease_until: datetime | None
    """When the claim lapses unless a heartbeat comes; None while nobody holds it."""
    fence: int
    """Grows with every claim; a result must carry the current one."""
    decision: Decision
    created_at: datetime
    claimed_at: datetime | None
    finished_at: datetime | None
    judged_by: str | None
    """Who approved or denied the spending; None where nobody had to."""
    judged_at: datetime | None
    judgement: str | None
    """And why."""


@dataclass(frozen=True, slots=True)
class MeasurementRecord:
    """A measurement in the quantity's own unit."""

    id: int
    query_id: int
    candidate_id: int
    fidelity: str
    measurement: Measurement
    recorded_at: datetime
    supersedes: int | None
    """The measurement that this one corrects."""
    is_retracted: bool
    """Takes the measurement that it supersedes back without putting a value in its place."""
    is_evidence: bool
    """Came too late: kept, never charged, never learned from."""
    reported_value: float
    """As it was handed in, before conversion."""
    reported_unit: str


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """A look that gave no number."""

    id: int
    query_id: int
    candidate_id: int
    fidelity: str
    attempt: int
    failure: Failure
    recorded_at: datetime
    is_final: bool
    """Whether the query was given up with it."""
    is_evidence: bool
    """Came too late: kept, without consequence."""


class LedgerKind(StrEnum):
    """What a row of the ledger does."""

    RESERVE = "reserve"
    """Sets the declared amount aside when a query is queued."""
    RELEASE = "release"
    """Gives the reservation back when the query is over."""
    BOOK = "book"
    """Spends the declared amount when the query is answered or fails for good."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One movement of a campaign's budget."""

    id: int
    campaign_id: int
    query_id: int
    kind: LedgerKind
    amount: float
    """In the campaign's unit, at least 0."""
    core_seconds: float | None
    """Measured beside a booking."""
    money: float | None
    """Measured beside a booking."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """A campaign's budget in its own unit: the sum of its ledger."""

    total: float
    reserved: float
    """Set aside for queries that are not over."""
    booked: float
    """Spent."""

    @property
    def left(self) -> float:
        """Neither spent nor set aside."""
        return max(0.0, self.total - self.reserved - self.booked)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event with its place in the order of things."""

    id: int
    event: Event


@dataclass(frozen=True, slots=True)
class ReferenceRecord:
    """An element's reference energy with its origin, or the withdrawal of one."""

    id: int
    reference: ReferenceEnergy
    provenance: Provenance
    core_seconds: float | None
    recorded_at: datetime
    group_id: int | None
    """Whose campaigns count from it; None for those of no group."""
    supersedes: int | None
    """The one that this corrects."""
    is_retracted: bool
    """Takes the one that it supersedes back without putting an energy in its place."""
    reason: str
    """Why somebody corrected; empty for what an oracle gave."""
    said_by: str
    """Who corrected."""
    remarks: tuple[str, ...]
    """What makes the energy look like a mistake."""
