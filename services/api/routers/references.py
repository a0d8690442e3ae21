"""Reference energies of the elements: shared by a group's campaigns, handed in by machines, corrected by people."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonObject
from services.access.principal import Principal
from services.access.roles import Permission, Role
from services.api.change import Audited, Change, changing
from services.api.dependencies import Number, Reader, TheStore, visible_campaign, visible_groups
from services.api.paging import After, Limit, Page, keyset, same
from services.api.questions import worker_name
from services.intake.references import (
    CorrectedReference,
    record_reference,
    replace_reference,
    retract_reference,
)
from services.messages.claims import ReferenceMessage, ReferencesAnswer
from services.messages.describing import describe_reference
from services.store import Store
from services.store.records import ReferenceRecord

router = APIRouter(prefix="/references", tags=["references"])

Claiming = Annotated[Change, Depends(changing(Permission.QUERY_CLAIM))]
Correcting = Annotated[Change, Depends(changing(Permission.MATERIAL_WRITE))]
Text = Annotated[str, Query(max_length=500)]
Campaign = Annotated[
    str | None,
    Query(max_length=63, description="Whose group's energies; may be left out by whoever is in one group."),
]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Why a reference energy is taken back."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    reason: Reason


@dataclass(frozen=True, slots=True)
class Replacement:
    """What takes the place of a reference energy."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    energy_eV_per_atom: Annotated[float, Field(allow_inf_nan=False, examples=[-1.9])]
    reason: Reason
    """What was wrong, and where the right one is from."""
    structure: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Which structure it is of, in words; the same where left out."""


@router.get("", summary="List what counts as reference energies")
def list_references(
    principal: Reader,
    store: TheStore,
    oracle: Text,
    oracle_version: Text,
    settings_digest: Text,
    campaign: Campaign = None,
) -> ReferencesAnswer:
    """Those of a group, for an oracle, its version and its settings. All campaigns of the group count from them."""
    group_id = _group(store, principal, campaign)
    found = store.references.get(oracle, oracle_version, settings_digest, group_id=group_id)
    return ReferencesAnswer(tuple(describe_reference(record) for record in found.values()))


@router.post("", summary="Hand in a reference energy", status_code=201, response_model=ReferenceMessage)
def hand_in_reference(given: ReferenceMessage, change: Claiming) -> Response:
    """Keeps an element's reference energy for a group. One that counts already stays, and is the answer.

    An energy that a person has taken back before is refused (409).
    """

    def keep() -> Audited:
        store, principal = change.store, change.principal
        worker = worker_name(principal, given.provenance.worker)
        campaign = None if given.campaign is None else visible_campaign(store, principal, given.campaign)
        record = record_reference(
            store,
            given.reference,
            provenance=replace(given.provenance, worker=worker),
            group_id=_group(store, principal, None) if campaign is None else campaign.group_id,
            core_seconds=given.core_seconds,
            campaign_id=None if campaign is None else campaign.id,
        )
        subject = f"reference {given.reference.symbol} by {given.provenance.oracle}"
        return Audited("reference.put", subject, describe_reference(record), {"worker": worker}, status=201)

    return change.make(keep)


@router.get("/history", summary="List reference energies with their corrections")
def list_reference_history(
    principal: Reader,
    store: TheStore,
    symbol: Annotated[str | None, Query(pattern="^[A-Z][a-z]?$", description="Of this element alone.")] = None,
    oracle: Annotated[str | None, Query(max_length=500, description="By this oracle alone.")] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[ReferenceRecord]:
    """All of the caller's groups, in the order in which they came. `supersedes` names the one that a row corrects."""
    groups = visible_groups(principal)
    return keyset(
        lambda n: store.references.list(groups=groups, symbol=symbol, oracle=oracle, after_id=after, limit=n),
        same,
        limit=limit,
    )


@router.get("/{reference_id}", summary="Show a reference energy and what rests on it")
def show_reference(reference_id: Number, principal: Reader, store: TheStore) -> CorrectedReference:
    """An energy with the formation energies that were counted from it and count."""
    return CorrectedReference(_visible(store, principal, reference_id), store.references.resting_on(reference_id))


@router.post(
    "/{reference_id}/retract",
    summary="Take a reference energy back",
    status_code=201,
    response_model=CorrectedReference,
)
def retract_reference_energy(reference_id: Number, given: Withdrawal, change: Correcting) -> Response:
    """Takes the one that counts back: it is kept, and nothing more is counted from it.

    The answer lists the measurements that were counted from it. They go on counting until somebody retracts them; each
    campaign that has some is told by an event.
    """
    store, principal = change.store, change.principal

    def take_back() -> Audited:
        _visible(store, principal, reference_id)
        found = retract_reference(store, reference_id, reason=given.reason, worker=principal.name)
        return Audited("reference.retract", f"reference {reference_id}", found, _kept(found, given.reason), status=201)

    return change.make(take_back)


@router.post(
    "/{reference_id}/replace",
    summary="Put another reference energy in the place of one",
    status_code=201,
    response_model=CorrectedReference,
)
def replace_reference_energy(reference_id: Number, given: Replacement, change: Correcting) -> Response:
    """Supersedes the newest of an element and origin; both are kept. The answer is that of a retraction."""
    store, principal = change.store, change.principal

    def put() -> Audited:
        _visible(store, principal, reference_id)
        found = replace_reference(
            store,
            reference_id,
            energy_eV_per_atom=given.energy_eV_per_atom,
            reason=given.reason,
            worker=principal.name,
            structure=given.structure,
        )
        return Audited("reference.replace", f"reference {reference_id}", found, _kept(found, given.reason), status=201)

    return change.make(put)


def _kept(found: CorrectedReference, reason: str) -> JsonObject:
    return {"becomes": found.reference.id, "reason": reason, "n_affected": len(found.affected)}


def _visible(store: Store, principal: Principal, number: int) -> ReferenceRecord:
    try:
        record = store.references.by_id(number)
    except NotFoundError as error:
        raise _no_reference(number) from error
    if not principal.may_see_group(record.group_id):
        raise _no_reference(number)
    return record


def _no_reference(number: int) -> NotFoundError:
    return NotFoundError(f"There is no reference energy number {number}.", remedy="List the reference energies.")


def _group(store: Store, principal: Principal, campaign: str | None) -> int | None:
    """Whose energies are meant.

    Raises:
        NotFoundError: If the caller sees no such campaign.
        InvalidValueError: If the caller is in several groups, or in none, and names no campaign.
    """
    if campaign is not None:
        return visible_campaign(store, principal, campaign).group_id
    if len(principal.groups) == 1:
        return min(principal.groups)
    if principal.role is Role.ADMINISTRATOR:
        return None
    raise InvalidValueError("It is not said for which campaign.", remedy="Name the campaign whose group it is for.")
