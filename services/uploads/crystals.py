"""Crystals that are handed in as CIF: what each becomes, a candidate's sites or a known material."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from domain.blueprint import Blueprint
from domain.errors import InvalidValueError, NotFoundError, PetaliteError
from domain.parsing import parse
from domain.structure import Structure
from services.store import Store
from services.store.records import CampaignRecord, CandidateRecord
from services.store.uploads import RowState
from services.uploads.child import Readers
from services.uploads.entries import Checked, Crystal, Destination, Entry
from services.uploads.formulas import amounts_of
from services.uploads.intent import is_near
from services.uploads.obelix import compare_compositions
from services.uploads.prescan import CIF_LIMITS, require_modest_cif, text_of


@dataclass(frozen=True, slots=True)
class _FoundCrystal:
    """What the process that reads says of a CIF."""

    amounts: Mapping[str, float]
    structure: Structure
    space_group: int | None
    blueprint: Blueprint | None
    is_ordered: bool
    remarks: tuple[str, ...]


def read_crystal(readers: Readers, name: str, content: bytes, *, deadline: float) -> tuple[Crystal, tuple[str, ...]]:
    """Reads the crystal of a CIF in a limited process.

    Args:
        readers: The processes that read.
        name: What the file is called.
        content: Its bytes.
        deadline: On `time.monotonic`.

    Returns:
        The crystal, and what is remarkable about it.

    Raises:
        UnreadableFileError: If it cannot be read.
    """
    text = text_of(content, CIF_LIMITS)
    require_modest_cif(text)
    answer = readers.read("cif", {"text": text}, deadline=deadline)
    found = parse(_FoundCrystal, answer, what=f"The crystal of '{name}'")
    crystal = Crystal(
        name=name.rsplit(".", maxsplit=1)[0],
        amounts=found.amounts,
        space_group=found.space_group,
        blueprint=found.blueprint,
        structure=found.structure,
        cif=text,
        properties={"is_ordered": found.is_ordered},
    )
    return crystal, found.remarks


def check_crystal(cells: Mapping[str, str], crystal: Crystal, *, store: Store, campaign: CampaignRecord) -> Checked:
    """Says what a CIF becomes.

    Args:
        cells: `candidate` names the candidate whose sites these are; `formula` is what the laboratory says it is.
        crystal: What the CIF holds.
        store: The store.
        campaign: The campaign that it is for.
    """
    try:
        doubts = _doubts(cells, crystal, store, campaign)
        entry = _entry(cells, crystal, store, campaign, doubts)
    except PetaliteError as error:
        return Checked.refused(error.problem, error.remedy)
    notes: list[str] = []
    if not crystal.properties.get("is_ordered", True):
        notes.append("Partial occupancies are kept.")
    state = RowState.SUSPICIOUS if doubts else RowState.CONVERTED if notes else RowState.ACCEPTED
    return Checked(state, entry, (*doubts, *notes))


def _entry(
    cells: Mapping[str, str], crystal: Crystal, store: Store, campaign: CampaignRecord, doubts: list[str]
) -> Entry:
    named = cells.get("candidate", "").strip()
    if named:
        candidate = _candidate(store, campaign, _number(named))
        if crystal.blueprint is None or not is_near(crystal.blueprint, candidate.blueprint):
            doubts.append(f"The crystal is not {candidate.blueprint.title} of candidate {candidate.id}.")
        return Entry(Destination.REALIZATION, candidate_id=candidate.id, crystal=crystal)
    if crystal.blueprint is not None:
        for candidate in store.candidates.list(campaign.id):
            if is_near(crystal.blueprint, candidate.blueprint):
                return Entry(Destination.REALIZATION, candidate_id=candidate.id, crystal=crystal)
    return Entry(Destination.MATERIAL, crystal=crystal)


def _candidate(store: Store, campaign: CampaignRecord, number: int) -> CandidateRecord:
    with suppress(NotFoundError):
        candidate = store.candidates.get(number)
        if candidate.campaign_id == campaign.id:
            return candidate
    # The same for one that another campaign has: its existence is nobody else's business.
    raise NotFoundError(f"Campaign '{campaign.name}' has no candidate {number}.", remedy="Name one of its candidates.")


def _doubts(cells: Mapping[str, str], crystal: Crystal, store: Store, campaign: CampaignRecord) -> list[str]:
    doubts = []
    if cells.get("formula"):
        doubts += compare_compositions(amounts_of(cells["formula"]), crystal.amounts, "The CIF")
    missing = sorted(set(campaign.spec.space.required_elements) - set(crystal.amounts))
    if missing:
        doubts.append(f"It has no {', '.join(missing)}, which the campaign requires.")
    if crystal.blueprint is not None:
        groups = frozenset() if campaign.group_id is None else frozenset({campaign.group_id})
        near = [
            record
            for record in store.materials.resembling(crystal.blueprint, groups=groups)
            if record.material.blueprint is not None and is_near(crystal.blueprint, record.material.blueprint)
        ]
        doubts += [f"It is nearly known material {record.id}, {record.material.formula}." for record in near[:3]]
    return doubts


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise InvalidValueError(f"'{text[:40]}' is no number of a candidate.", remedy="Give a whole number.")
    return int(text)
