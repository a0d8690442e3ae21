"""What routes ask for: the store, who is calling, and what they may see."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from domain.errors import InvalidValueError, NotFoundError, PermissionDeniedError
from services.access.principal import Principal
from services.access.roles import Permission, Role
from services.api.service import Service, principal_of
from services.store import Store
from services.store.records import CampaignRecord, CandidateRecord, MeasurementRecord, QueryRecord

LARGEST_NUMBER: Final = 2**31 - 1
"""Numbers in the store are 32-bit integers."""

Number = Annotated[int, Path(ge=1, le=LARGEST_NUMBER, description="Its number in the store.")]
Name = Annotated[str, Path(max_length=63, description="Name of the campaign.", examples=["chlorides"])]


def service_of(connection: HTTPConnection) -> Service:
    """What the process that serves a connection holds."""
    return cast(Service, connection.app.state.service)


async def the_service(connection: HTTPConnection) -> Service:
    """What this process holds."""
    return service_of(connection)


TheService = Annotated[Service, Depends(the_service)]


async def the_store(service: TheService) -> Store:
    """The store of this process."""
    return service.open_store


TheStore = Annotated[Store, Depends(the_store)]


@dataclass(frozen=True, slots=True)
class Requirement:
    """A dependency that lets only those in who have a permission. Every route that is not public has exactly one."""

    permission: Permission

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """Gives the caller to the route.

        Raises:
            PermissionDeniedError: If the caller lacks the permission.
        """
        principal = principal_of(connection.scope)
        principal.require(self.permission)
        return principal


def require(permission: Permission) -> Requirement:
    """The dependency that a route declares: `principal: Annotated[Principal, Depends(require(Permission.READ))]`."""
    return Requirement(permission)


Reader = Annotated[Principal, Depends(require(Permission.READ))]


def visible_campaign(store: Store, principal: Principal, name: str) -> CampaignRecord:
    """Finds a campaign that the caller may see.

    Raises:
        NotFoundError: If there is none, or it belongs to others: the answer does not tell which.
    """
    try:
        campaign = store.campaigns.get(name)
    except NotFoundError as error:
        # The store's own answer names similar campaigns, which may be others'.
        raise _no_campaign(name) from error
    if not principal.may_see(campaign):
        raise _no_campaign(name)
    return campaign


def visible_query(store: Store, principal: Principal, query_id: int) -> tuple[CampaignRecord, QueryRecord]:
    """Finds a query, with its campaign, that the caller may see.

    Raises:
        NotFoundError: If there is none, or it belongs to others.
    """
    with _same_for_absent_and_foreign("query", query_id):
        query = store.queries.get(query_id)
        return _visible(store, principal, query.campaign_id), query


def visible_candidate(store: Store, principal: Principal, candidate_id: int) -> tuple[CampaignRecord, CandidateRecord]:
    """Finds a candidate, with its campaign, that the caller may see.

    Raises:
        NotFoundError: If there is none, or it belongs to others.
    """
    with _same_for_absent_and_foreign("candidate", candidate_id):
        candidate = store.candidates.get(candidate_id)
        return _visible(store, principal, candidate.campaign_id), candidate


def visible_measurement(
    store: Store, principal: Principal, measurement_id: int
) -> tuple[CampaignRecord, MeasurementRecord]:
    """Finds a measurement, with its campaign, that the caller may see.

    Raises:
        NotFoundError: If there is none, or it belongs to others.
    """
    with _same_for_absent_and_foreign("measurement", measurement_id):
        campaign_id, measurement = store.pages.measurement(measurement_id)
        return _visible(store, principal, campaign_id), measurement


@contextmanager
def _same_for_absent_and_foreign(what: str, number: int) -> Iterator[None]:
    """Says the same of what is not there and of what is others', so that nobody learns which numbers there are."""
    try:
        yield
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no {what} number {number}.", remedy="List those of the campaign to see which there are."
        ) from error


def _visible(store: Store, principal: Principal, campaign_id: int) -> CampaignRecord:
    campaign = store.campaigns.by_id(campaign_id)
    if not principal.may_see(campaign):
        raise _no_campaign(campaign.name)
    return campaign


def visible_groups(principal: Principal) -> frozenset[int] | None:
    """The groups whose campaigns the caller may see; None for all."""
    return None if principal.role is Role.ADMINISTRATOR else principal.groups


def groups_among(principal: Principal, wanted: int | None) -> frozenset[int] | None:
    """The groups whose campaigns are listed where the caller may have asked for one of them; None for all."""
    groups = visible_groups(principal)
    if wanted is None:
        return groups
    return frozenset({wanted}) if groups is None else groups & {wanted}


def own_group(store: Store, principal: Principal, wanted: str | None) -> int | None:
    """The group that something new is given to.

    None is for administrators alone: they keep a campaign to themselves, and show a material to everyone.

    Args:
        store: The open store.
        principal: Who gives it.
        wanted: Name of the group; may be left out by whoever is in one group.

    Raises:
        InvalidValueError: If the caller must say which of several groups.
        PermissionDeniedError: If the caller is no member of the group.
        NotFoundError: If an administrator names a group that there is not.
    """
    own = {store.people.group_by_id(number).name: number for number in principal.groups}
    if wanted is None and len(own) == 1:
        return min(own.values())
    if principal.role is Role.ADMINISTRATOR:
        return None if wanted is None else store.people.group(wanted).id
    if wanted in own:
        return own[wanted]
    remedy = f"Give one of {', '.join(sorted(own))}." if own else "Ask an administrator for a group."
    if wanted is None and own:
        raise InvalidValueError("It is not said which group it is for.", remedy=remedy)
    raise PermissionDeniedError("It can only be given to a group of the caller's own.", remedy=remedy)


def _no_campaign(name: str) -> NotFoundError:
    return NotFoundError(f"There is no campaign '{name}'.", remedy="List the campaigns to see which there are.")
