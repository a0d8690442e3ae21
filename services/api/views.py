"""What the API shows where it is more, or less, than the store's own records."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.campaign import CampaignSpec
from domain.quantity import Scale
from domain.states import CampaignState
from services.store import Store
from services.store.records import CampaignRecord, CandidateRecord, FailureRecord, MeasurementRecord, QueryRecord


@dataclass(frozen=True, slots=True)
class BalanceView:
    """A campaign's budget in its own unit."""

    unit: str
    total: float
    reserved: float
    """Set aside for queries that are not over."""
    booked: float
    """Spent."""
    left: float
    """Neither spent nor set aside."""


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign as lists show it."""

    id: int
    name: str
    description: str
    state: CampaignState
    quantity: str
    """What it looks for."""
    scale: Scale
    """On which errors of the quantity are alike: on `log10`, what is expected goes from `m / f` to `m * f`, where `m`
    is the expected value and `m * sinh(ln f)` its standard deviation."""
    priority: int
    """The higher one goes first."""
    group_id: int | None
    """Whose it is."""
    created_at: datetime
    updated_at: datetime
    """When its state last changed."""
    wake_at: datetime | None
    """When it wants to be advanced."""
    archived_at: datetime | None
    """When it was archived; null for those that lists show."""
    is_driven: bool
    """Whether a process runs it. A running campaign that nobody drives waits for a worker."""


@dataclass(frozen=True, slots=True)
class CampaignDetails:
    """A campaign as a page of its own shows it."""

    campaign: CampaignView
    spec: CampaignSpec
    spec_digest: str
    balance: BalanceView
    queries: Mapping[str, int]
    """How many are in each state."""
    n_rounds: int


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A crystal in a campaign as lists show it."""

    id: int
    round: int
    """That first chose it."""
    formula: str
    """Reduced."""
    space_group: int
    space_group_symbol: str
    n_atoms: int
    """In the conventional cell."""
    density_g_cm3: float
    digest: str


@dataclass(frozen=True, slots=True)
class CandidateDetails:
    """A crystal with everything that was asked and answered about it."""

    campaign: str
    candidate: CandidateRecord
    queries: tuple[QueryRecord, ...]
    measurements: tuple[MeasurementRecord, ...]
    failures: tuple[FailureRecord, ...]


def campaign_view(record: CampaignRecord, *, now: datetime) -> CampaignView:
    """Shows a campaign in a list."""
    return CampaignView(
        id=record.id,
        name=record.name,
        description=record.spec.description,
        state=record.state,
        quantity=record.spec.objective.quantity,
        scale=record.spec.objective.measured.scale,
        priority=record.priority,
        group_id=record.group_id,
        created_at=record.created_at,
        updated_at=record.updated_at,
        wake_at=record.wake_at,
        archived_at=record.archived_at,
        is_driven=record.is_driven(now),
    )


def campaign_details(store: Store, record: CampaignRecord) -> CampaignDetails:
    """Shows a campaign on a page of its own."""
    balance = store.ledger.balance(record.id)
    return CampaignDetails(
        campaign=campaign_view(record, now=store.now()),
        spec=record.spec,
        spec_digest=record.spec_digest,
        balance=BalanceView(record.spec.budget.unit, balance.total, balance.reserved, balance.booked, balance.left),
        queries=store.pages.count_queries((record.id,)),
        n_rounds=store.rounds.count(record.id),
    )


def candidate_view(record: CandidateRecord) -> CandidateView:
    """Shows a crystal in a list."""
    blueprint = record.blueprint
    return CandidateView(
        id=record.id,
        round=record.round_index,
        formula=blueprint.composition.reduced_formula,
        space_group=blueprint.space_group.number,
        space_group_symbol=blueprint.space_group.symbol,
        n_atoms=blueprint.composition.n_atoms,
        density_g_cm3=blueprint.density_g_cm3,
        digest=record.digest,
    )


def candidate_details(store: Store, campaign: CampaignRecord, record: CandidateRecord) -> CandidateDetails:
    """Shows a crystal with all its looks."""
    looks = store.candidates.looks(record.id)
    return CandidateDetails(campaign.name, record, looks.queries, looks.measurements, looks.failures)
