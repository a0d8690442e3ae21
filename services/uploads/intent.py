"""What a campaign expects of its laboratory: against this every row of an upload is checked."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

from domain.blueprint import Blueprint
from domain.cost import Cost
from domain.errors import InvalidValueError, NotFoundError
from domain.fidelity import Fidelity
from domain.measurement import Measurement, Provenance
from domain.quantity import Quantity
from services.intake.matching import cell_deviation
from services.intake.remarks import remarks_on
from services.intake.units import convert
from services.store import Store
from services.store.records import CampaignRecord, CandidateRecord, MeasurementRecord, QueryRecord
from services.store.uploads import RowState
from services.uploads.entries import Checked, Entry, Reading

_CLOCKS_DIFFER: Final = timedelta(minutes=10)
"""By how much a laboratory's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A campaign with what its laboratory was asked."""

    campaign: CampaignRecord
    fidelity: Fidelity
    """The laboratory's rung of the ladder."""
    queries: Mapping[int, QueryRecord]
    """What was asked of the laboratory, by number."""
    candidates: Mapping[int, CandidateRecord]

    @property
    def quantity(self) -> Quantity:
        """What is measured."""
        return self.campaign.spec.objective.measured

    def query(self, number: int) -> QueryRecord:
        """Finds a query of the laboratory by number.

        Raises:
            NotFoundError: If the campaign asked the laboratory no such thing.
        """
        if number not in self.queries:
            raise NotFoundError(
                f"Campaign '{self.campaign.name}' asks the laboratory no query {number}.",
                remedy="Take the number from the template, or leave it out for a crystal that nobody asked for.",
            )
        return self.queries[number]

    def asked(self, query: QueryRecord) -> Blueprint:
        """The crystal that a query asks for."""
        return self.candidates[query.candidate_id].blueprint

    def resembling(self, blueprint: Blueprint) -> tuple[CandidateRecord, ...]:
        """Candidates that are the same crystal within the strain that preparation makes."""
        return tuple(candidate for candidate in self.candidates.values() if is_near(candidate.blueprint, blueprint))


def laboratory_intent(store: Store, campaign: CampaignRecord, fidelity: str | None = None) -> Intent:
    """Reads what a campaign expects of its laboratory.

    Args:
        store: The store.
        campaign: The campaign.
        fidelity: Which of its laboratories; None takes the last one of the ladder.

    Raises:
        InvalidValueError: If no laboratory is on its ladder, or not that one.
    """
    laboratories = [rung for rung in campaign.spec.ladder if rung.is_laboratory]
    chosen = [rung for rung in laboratories if fidelity in {None, rung.name}]
    if not chosen:
        named = ", ".join(rung.name for rung in laboratories) or "none"
        raise InvalidValueError(
            f"Campaign '{campaign.name}' has no laboratory{f' {fidelity!r}' if fidelity else ''} on its ladder.",
            remedy=f"Its laboratories: {named}.",
        )
    rung = chosen[-1]
    queries = store.queries.list(campaign.id, fidelity=rung.name)
    candidates = store.candidates.list(campaign.id)
    return Intent(
        campaign,
        rung,
        MappingProxyType({query.id: query for query in queries}),
        MappingProxyType({candidate.id: candidate for candidate in candidates}),
    )


def measurement_of_campaign(store: Store, campaign: CampaignRecord, number: int) -> MeasurementRecord:
    """Finds a measurement that an upload names.

    Raises:
        NotFoundError: If the campaign has none of that number; the answer does not tell whether another one has.
    """
    with suppress(NotFoundError):
        campaign_id, record = store.pages.measurement(number)
        if campaign_id == campaign.id:
            return record
    raise NotFoundError(
        f"Campaign '{campaign.name}' has no measurement number {number}.", remedy="List the campaign's measurements."
    )


def is_near(left: Blueprint, right: Blueprint) -> bool:
    """Whether two blueprints are one crystal: group and cell content alike, cells within what preparation makes."""
    return (
        left.space_group == right.space_group
        and left.composition == right.composition
        and cell_deviation(left.lattice, right.lattice) is not None
    )


def measurement_of(reading: Reading, intent: Intent, *, worker: str, now: datetime, cost: Cost) -> Measurement:
    """A reading as the measurement that it becomes.

    Args:
        reading: As it was handed in.
        intent: The campaign that it is for.
        worker: Who measured.
        now: When it was handed in; stands for the time of the measurement where the reading does not say.
        cost: What the look cost.

    Raises:
        InvalidValueError: If no measurement can have such a value.
    """
    return Measurement(
        value=reading.value,
        unit=reading.unit,
        sigma=reading.sigma,
        provenance=Provenance(
            oracle=intent.fidelity.oracle,
            oracle_version=f"petalite {version('petalite')}",
            settings_digest=intent.fidelity.settings_digest,
            worker=worker,
        ),
        cost=cost,
        measured_at=reading.measured_at or now,
        censoring=reading.censoring,
        temperature_K=reading.temperature_K,
        details={**({"note": reading.note} if reading.note else {}), **reading.details},
    )


def judged(entry: Entry, intent: Intent, *, now: datetime, notes: Sequence[str], doubts: Sequence[str]) -> Checked:
    """Puts a row's number to the checks that every result meets at the door.

    Args:
        entry: What would enter.
        intent: The campaign that it is for.
        now: Now.
        notes: What was converted or assumed so far.
        doubts: What somebody must confirm.
    """
    notes, doubts = list(notes), list(doubts)
    reading = entry.reading
    if reading is not None:
        handed_in = measurement_of(reading, intent, worker="", now=now, cost=Cost(0.0))
        try:
            converted = convert(handed_in, intent.quantity)
        except InvalidValueError as error:
            return Checked.refused(error.problem, error.remedy)
        if converted.unit != handed_in.unit:
            notes.append(f"{handed_in.value:g} {handed_in.unit} is {converted.value:.6g} {converted.unit}.")
        if handed_in.measured_at > now + _CLOCKS_DIFFER:
            return Checked.refused(
                f"It was measured at {handed_in.measured_at.isoformat()}, which is in the future.",
                "Correct the time or its zone.",
            )
        doubts += [remark.message for remark in remarks_on(converted, intent.quantity)]
    state = RowState.SUSPICIOUS if doubts else RowState.CONVERTED if notes else RowState.ACCEPTED
    return Checked(state, entry, (*doubts, *notes))
