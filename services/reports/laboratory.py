"""The laboratory's queue over all campaigns, and what is known of each sample."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.blueprint import Blueprint
from domain.errors import ConflictError
from domain.json_value import JsonObject
from domain.quantity import Scale
from domain.states import CampaignState, QueryState
from services.store import Store
from services.store.laboratory import QueueFilter
from services.store.records import CampaignRecord, CandidateRecord, FailureRecord, MeasurementRecord, QueryRecord

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class LaboratoryQuery:
    """One sample that a campaign asks a laboratory to make and measure."""

    query_id: int
    campaign: str
    campaign_state: CampaignState
    """What a campaign asks that is paused or stopped cannot be claimed."""
    fidelity: str
    formula: str
    space_group: str
    quantity: str
    unit: str
    scale: Scale
    """On which errors of the quantity are alike."""
    state: QueryState
    worker: str | None
    instructions: str
    """What the campaign's scientist asks of whoever makes the sample."""
    cell: str
    """Conventional cell in words: lengths in Å, angles in degrees."""
    declared: float
    """What the campaign pays, in its own unit."""
    budget_unit: str
    priority: int
    """Of the campaign: the higher one goes first."""
    candidate_id: int
    space_group_number: int
    density_g_cm3: float
    reason: str
    """Why it was asked."""
    expected: float | None
    """At the target fidelity when it was asked, in the quantity's unit: the median."""
    expected_sd: float | None
    """And how sure the campaign was: half the width of the interval that holds 68 %."""
    best_look: MeasurementRecord | None
    """What the dearest look at this crystal said that counts so far."""
    asked_at: datetime
    claimed_at: datetime | None
    lease_until: datetime | None
    """When the claim lapses."""

    @property
    def id(self) -> int:
        """Number of the query, by which pages are read on."""
        return self.query_id

    def as_json(self) -> JsonObject:
        """The same in a few words, as JSON."""
        return {
            "query": self.query_id,
            "campaign": self.campaign,
            "campaign_state": self.campaign_state.value,
            "priority": self.priority,
            "fidelity": self.fidelity,
            "formula": self.formula,
            "space_group": self.space_group,
            "quantity": self.quantity,
            "unit": self.unit,
            "scale": self.scale.value,
            "state": self.state.value,
            "worker": self.worker,
            "instructions": self.instructions,
            "cell": self.cell,
            "declared": self.declared,
            "reason": self.reason,
            "expected": self.expected,
            "expected_sd": self.expected_sd,
        }


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample with everything that is known of its crystal."""

    asked: LaboratoryQuery
    candidate: CandidateRecord
    answers: tuple[MeasurementRecord, ...]
    """To this query: superseded ones and those that came too late among them."""
    looks: tuple[MeasurementRecord, ...]
    """Whatever counts of the crystal, in ascending rank of fidelity."""
    failures: tuple[FailureRecord, ...]
    """Of this query."""


def laboratory_queries(
    store: Store, campaign: str | None, *, with_stopped: bool = False
) -> tuple[LaboratoryQuery, ...]:
    """What waits for a laboratory or is in its hands: of the most urgent campaign first, there the oldest first.

    Args:
        store: The open store.
        campaign: Name of the one campaign to look at; None for all.
        with_stopped: Whether to show what stopped and archived campaigns asked: nobody need make it, but what is there
            may come.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    records = store.campaigns.list() if campaign is None else (store.campaigns.get(campaign),)
    wanted = records if with_stopped else those_that_go_on(records)
    found: list[LaboratoryQuery] = []
    while page := laboratory_page(store, wanted, QueueFilter(), after=found[-1].id if found else 0, limit=_PAGE):
        found.extend(page)
    return tuple(found)


def laboratory_page(
    store: Store, records: Sequence[CampaignRecord], only: QueueFilter, *, after: int, limit: int
) -> tuple[LaboratoryQuery, ...]:
    """The same in some campaigns, page by page.

    Args:
        store: The open store.
        records: The campaigns.
        only: Which samples.
        after: Number of the last query that is known already; 0 for none.
        limit: Most to return.
    """
    of_id = {record.id: record for record in records}
    asked = store.laboratory.queue(laboratory_fidelities(records), only, after=after, limit=limit)
    looks = store.laboratory.looks({(query.campaign_id, query.candidate_id) for query, _ in asked})
    return tuple(
        _shown(query, of_id[query.campaign_id], candidate, looks.get(candidate.id, ())) for query, candidate in asked
    )


def sample_of(store: Store, record: CampaignRecord, query: QueryRecord) -> Sample:
    """Everything that is known of a sample.

    Raises:
        ConflictError: If no laboratory is asked by this query.
    """
    if not record.spec.fidelities.fidelity(query.fidelity).is_laboratory:
        raise ConflictError(
            f"Query {query.id} is computed at '{query.fidelity}'; no laboratory is asked.",
            remedy="List what laboratories are asked.",
        )
    candidate = store.candidates.get(query.candidate_id)
    looks = store.laboratory.looks({(record.id, candidate.id)}).get(candidate.id, ())
    known = store.candidates.looks(candidate.id)
    return Sample(
        asked=_shown(query, record, candidate, looks),
        candidate=candidate,
        answers=tuple(answer for answer in known.measurements if answer.query_id == query.id),
        looks=_ranked(record, looks),
        failures=tuple(failure for failure in known.failures if failure.query_id == query.id),
    )


def laboratory_fidelities(records: Iterable[CampaignRecord]) -> tuple[tuple[int, str], ...]:
    """The laboratories of some campaigns, each as (campaign, fidelity)."""
    return tuple((record.id, rung.name) for record in records for rung in record.spec.ladder if rung.is_laboratory)


def those_that_go_on(records: Iterable[CampaignRecord]) -> tuple[CampaignRecord, ...]:
    """Those campaigns that are neither stopped nor archived."""
    return tuple(
        record for record in records if record.state is not CampaignState.STOPPED and record.archived_at is None
    )


def _shown(
    query: QueryRecord, record: CampaignRecord, candidate: CandidateRecord, looks: Sequence[MeasurementRecord]
) -> LaboratoryQuery:
    measured, blueprint = record.spec.objective.measured, candidate.blueprint
    settings = record.spec.fidelities.fidelity(query.fidelity).settings
    decision = query.decision
    ranked = _ranked(record, looks)
    return LaboratoryQuery(
        query_id=query.id,
        campaign=record.name,
        campaign_state=record.state,
        fidelity=query.fidelity,
        formula=blueprint.composition.formula,
        space_group=blueprint.space_group.symbol,
        quantity=measured.name,
        unit=measured.unit,
        scale=measured.scale,
        state=query.state,
        worker=query.worker,
        instructions=str(settings.get("instructions", "")),
        cell=_cell(blueprint),
        declared=query.declared.amount,
        budget_unit=record.spec.budget.unit,
        priority=record.priority,
        candidate_id=candidate.id,
        space_group_number=blueprint.space_group.number,
        density_g_cm3=blueprint.density_g_cm3,
        reason=decision.reason,
        expected=decision.predicted_mean,
        expected_sd=decision.predicted_sd,
        best_look=ranked[-1] if ranked else None,
        asked_at=query.created_at,
        claimed_at=query.claimed_at if query.state is QueryState.CLAIMED else None,
        lease_until=query.lease_until,
    )


def _ranked(record: CampaignRecord, looks: Sequence[MeasurementRecord]) -> tuple[MeasurementRecord, ...]:
    ranks = {rung.name: rank for rank, rung in enumerate(record.spec.ladder)}
    return tuple(sorted(looks, key=lambda look: ranks[look.fidelity]))


def _cell(blueprint: Blueprint) -> str:
    lattice = blueprint.lattice
    lengths = " × ".join(f"{length:.3f}" for length in lattice.lengths)
    return f"{lengths} Å, {', '.join(f'{angle:g}' for angle in lattice.angles)}°"
