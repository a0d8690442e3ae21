"""What a campaign expects of its laboratory: against this every row of an upload is checked."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from types import MappingProxyType

from domain.blueprint import Blueprint
from domain.cost import Cost
from domain.errors import ConflictError, InvalidValueError, NotFoundError
from domain.fidelity import Fidelity
from domain.measurement import Measurement, Provenance
from domain.quantity import Quantity
from services.intake.handed_in import CLOCKS_DIFFER
from services.intake.matching import cell_deviation
from services.intake.remarks import remark_on_elements, remarks_on
from services.intake.units import convert
from services.store import Store
from services.store.records import CampaignRecord, CandidateRecord, MeasurementRecord, QueryRecord
from services.store.uploads import RowState
from services.uploads.entries import Checked, Destination, Entry, Reading


@dataclass(frozen=True, slots=True)
class Intent:
    """A campaign with what its laboratory was asked."""

    campaign: CampaignRecord
    fidelity: Fidelity
    """The laboratory's rung of the ladder for what nobody asked for, where it is not said."""
    rungs: Mapping[str, Fidelity]
    """All rungs of the ladder that are a laboratory's, by name."""
    queries: Mapping[int, QueryRecord]
    """What was asked at any of them, by number."""
    candidates: Mapping[int, CandidateRecord]

    @property
    def quantity(self) -> Quantity:
        """What is measured."""
        return self.campaign.spec.objective.measured

    def query(self, number: int, fidelity: str = "") -> QueryRecord:
        """Finds a query of the laboratory by number.

        Args:
            number: Its number.
            fidelity: At which it is said to ask; empty where nothing is said.

        Raises:
            NotFoundError: If the campaign asked the laboratory no such thing.
            InvalidValueError: If it asks at another fidelity.
        """
        if number not in self.queries:
            raise NotFoundError(
                f"Campaign '{self.campaign.name}' asks the laboratory no query {number}.",
                remedy="Take the number from the template, or leave it out for a crystal that nobody asked for.",
            )
        query = self.queries[number]
        if fidelity not in {"", query.fidelity}:
            raise InvalidValueError(
                f"Query {number} asks at '{query.fidelity}', not at '{fidelity[:40]}'.",
                remedy="Correct the query's number or the fidelity, or leave the fidelity out.",
            )
        return query

    def rung(self, name: str) -> Fidelity:
        """A laboratory's rung by name; the one of this upload for an empty name.

        Raises:
            InvalidValueError: If no laboratory measures at it.
        """
        if name and name not in self.rungs:
            raise InvalidValueError(
                f"Campaign '{self.campaign.name}' has no laboratory '{name[:40]}' on its ladder.",
                remedy=f"Its laboratories: {', '.join(self.rungs)}.",
            )
        return self.rungs[name] if name else self.fidelity

    def fidelity_said(self, cells: Mapping[str, str]) -> str:
        """At which of its laboratories a row says that was measured; empty where it does not say.

        Raises:
            InvalidValueError: If no laboratory measures at it.
        """
        said = cells.get("fidelity", "").strip()
        return self.rung(said).name if said else ""

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
        fidelity: At which of its laboratories that was measured which nobody asked for; None takes the last one of
            the ladder.

    Raises:
        InvalidValueError: If no laboratory is on its ladder, or not that one.
    """
    rungs = {rung.name: rung for rung in campaign.spec.ladder if rung.is_laboratory}
    if not rungs:
        raise InvalidValueError(
            f"Campaign '{campaign.name}' has no laboratory on its ladder.", remedy="Hand it in for another campaign."
        )
    queries = [query for name in rungs for query in store.queries.list(campaign.id, fidelity=name)]
    candidates = store.candidates.list(campaign.id)
    intent = Intent(
        campaign,
        list(rungs.values())[-1],
        MappingProxyType(rungs),
        MappingProxyType({query.id: query for query in queries}),
        MappingProxyType({candidate.id: candidate for candidate in candidates}),
    )
    return replace(intent, fidelity=intent.rung(fidelity or ""))


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


def require_amendable(entry: Entry, store: Store, intent: Intent) -> None:
    """Refuses a correction of what cannot be corrected.

    Raises:
        NotFoundError: If the campaign has no such measurement.
        InvalidValueError: If no laboratory made it.
        ConflictError: If it was corrected already.
    """
    wrong = measurement_of_campaign(store, intent.campaign, entry.measurement_id or 0)
    newer = [record.id for record in store.measurements.of_query(wrong.query_id) if record.supersedes == wrong.id]
    if newer:
        raise ConflictError(
            f"Measurement {wrong.id} was corrected by measurement {newer[0]}.", remedy=f"Amend {newer[0]} instead."
        )
    if wrong.fidelity not in intent.rungs:
        raise InvalidValueError(
            f"Measurement {wrong.id} was computed at '{wrong.fidelity}'.", remedy="Correct column 'amends'."
        )
    if entry.fidelity not in {"", wrong.fidelity}:
        raise InvalidValueError(
            f"Measurement {wrong.id} was made at '{wrong.fidelity}' and not at '{entry.fidelity}'.",
            remedy="Correct column 'amends' or 'fidelity'.",
        )


def is_near(left: Blueprint, right: Blueprint) -> bool:
    """Whether two blueprints are one crystal: group and cell content alike, cells within what preparation makes."""
    return (
        left.space_group == right.space_group
        and left.composition == right.composition
        and cell_deviation(left.lattice, right.lattice) is not None
    )


def measurement_of(reading: Reading, rung: Fidelity, *, worker: str, now: datetime, cost: Cost) -> Measurement:
    """A reading as the measurement that it becomes.

    Args:
        reading: As it was handed in.
        rung: At which rung of the ladder was measured.
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
            oracle=rung.oracle,
            oracle_version=f"petalite {version('petalite')}",
            settings_digest=rung.settings_digest,
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
    if entry.destination is Destination.UNSOLICITED:
        if not entry.fidelity and len(intent.rungs) > 1:
            notes.append(f"It is not said at which fidelity it was measured: '{intent.fidelity.name}' was assumed.")
        entry = replace(entry, fidelity=intent.rung(entry.fidelity).name)
    if entry.crystal is not None and reading is not None:
        remark = remark_on_elements(entry.crystal.amounts, intent.campaign.spec.space)
        doubts += [] if remark is None else [remark.message]
    if reading is not None:
        handed_in = measurement_of(reading, intent.rung(entry.fidelity), worker="", now=now, cost=Cost(0.0))
        try:
            converted = convert(handed_in, intent.quantity)
        except InvalidValueError as error:
            return Checked.refused(error.problem, error.remedy)
        if converted.unit != handed_in.unit:
            notes.append(f"{handed_in.value:g} {handed_in.unit} is {converted.value:.6g} {converted.unit}.")
        if handed_in.measured_at > now + CLOCKS_DIFFER:
            return Checked.refused(
                f"It was measured at {handed_in.measured_at.isoformat()}, which is in the future.",
                "Correct the time or its zone.",
            )
        doubts += [remark.message for remark in remarks_on(converted, intent.quantity)]
    state = RowState.SUSPICIOUS if doubts else RowState.CONVERTED if notes else RowState.ACCEPTED
    return Checked(state, entry, (*doubts, *notes))
