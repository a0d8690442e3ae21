"""Users, groups and invitations, for administrators."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Path
from pydantic import Field
from starlette.responses import Response

from domain.errors import NotFoundError
from services.access import people
from services.access.invitations import invite
from services.access.password_links import make_password_link
from services.access.principal import Principal
from services.access.roles import Permission, Role
from services.api.change import Audited, Change, changing
from services.api.dependencies import Reader, TheService, TheStore, require
from services.api.paging import After, Limit, Page, keyset, same
from services.store.people import GroupRecord, UserRecord

router = APIRouter(tags=["people"])

Administering = Annotated[Change, Depends(changing(Permission.ADMINISTER))]
HandlingPasswords = Annotated[Change, Depends(changing(Permission.ADMINISTER, takes_key=False))]
Administrator = Annotated[Principal, Depends(require(Permission.ADMINISTER))]
UserName = Annotated[str, Path(max_length=63, description="Name of the user.")]
GroupName = Annotated[str, Path(max_length=63, description="Name of the group.")]
NewName = Annotated[str, Field(min_length=1, max_length=63)]


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody, or some machine, who is to be let in."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: NewName
    role: Role
    groups: Annotated[tuple[NewName, ...], Field(max_length=100)] = ()
    """Names of their groups."""
    password: Annotated[str, Field(max_length=1024)] | None = None
    """Left out for machines, which show tokens. People had better be invited."""


@dataclass(frozen=True, slots=True)
class UserChange:
    """What may be changed of a user. What is left out stays."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    role: Role | None = None
    is_active: bool | None = None
    """Whether the user is let in. Ends sessions and silences tokens where not."""
    password: Annotated[str, Field(max_length=1024)] | None = None
    """A new one; ends all sessions."""


@dataclass(frozen=True, slots=True)
class NewGroup:
    """People who are to share campaigns."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: NewName


@dataclass(frozen=True, slots=True)
class NewMember:
    """A user who is to belong to a group."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    user: NewName


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """Who is to be invited."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    role: Role
    group: NewName | None = None
    """Name of the group that they are to belong to."""


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """A link that makes its holder a user: once, within a day. Shown here and kept nowhere."""

    link: str


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """A link with which its user takes a new password: once, within a day. Shown here and kept nowhere."""

    link: str


@router.get("/users", summary="List users")
def list_users(store: TheStore, _principal: Administrator, after: After = 0, limit: Limit = 100) -> Page[UserRecord]:
    """Everybody who may sign in, and whoever no longer may."""
    return keyset(lambda n: store.people.list(after=after, limit=n), same, limit=limit)


@router.post("/users", summary="Make a user", status_code=201, response_model=UserRecord)
def create_user(new: NewUser, change: HandlingPasswords) -> Response:
    """Makes a user, for example a machine, which then needs a token."""

    def create() -> Audited:
        user = people.add_user(
            change.store, new.name, role=new.role, by=change.principal, password=new.password, groups=new.groups
        )
        return Audited.elsewhere(user, status=201)

    return change.hand_on(create)  # a password takes its time to be hashed


@router.patch("/users/{user}", summary="Change a user", response_model=UserRecord)
def change_user(user: UserName, wanted: UserChange, change: HandlingPasswords) -> Response:
    """Changes role, password, or whether the user is let in: all that is given, or nothing."""
    store, by = change.store, change.principal

    def edit() -> Audited:
        if wanted.role is not None:
            people.set_role(store, user, wanted.role, by=by)
        if wanted.is_active is not None:
            (people.activate if wanted.is_active else people.deactivate)(store, user, by=by)
        if wanted.password is not None:
            people.set_password(store, user, wanted.password, by=by)
        return Audited.elsewhere(store.people.get(user))

    return change.make(edit)


@router.post("/users/{user}/password-link", summary="Let a user take a new password", status_code=201)
def create_password_link(
    user: UserName, principal: Administrator, service: TheService, store: TheStore
) -> PasswordLink:
    """Makes a one-time link for somebody who forgot their password. The old one is good until the link is taken."""
    return PasswordLink(make_password_link(store, service.settings.public_url, user, by=principal))


@router.post("/invitations", summary="Invite somebody", status_code=201)
def create_invitation(
    new: NewInvitation, principal: Administrator, service: TheService, store: TheStore
) -> InvitationLink:
    """Makes a one-time link with which somebody chooses name and password, which then nobody else knows."""
    return InvitationLink(invite(store, service.settings.public_url, role=new.role, by=principal, group=new.group))


@router.get("/groups", summary="List groups")
def list_groups(store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100) -> Page[GroupRecord]:
    """The caller's groups; for administrators all."""
    if principal.role is Role.ADMINISTRATOR:
        return keyset(lambda n: store.people.list_groups(after=after, limit=n), same, limit=limit)
    own = [store.people.group_by_id(number) for number in sorted(principal.groups) if number > after]
    return keyset(lambda n: own[:n], same, limit=limit)


@router.post("/groups", summary="Make a group", status_code=201, response_model=GroupRecord)
def create_group(new: NewGroup, change: Administering) -> Response:
    """Makes a group, without members at first."""
    return change.make(
        lambda: Audited.elsewhere(people.add_group(change.store, new.name, by=change.principal), status=201)
    )


@router.get("/groups/{group}/members", summary="List a group's members")
def list_members(group: GroupName, store: TheStore, principal: Reader) -> list[UserRecord]:
    """Everybody who belongs to a group of the caller's."""
    found = store.people.group(group)
    if principal.role is not Role.ADMINISTRATOR and found.id not in principal.groups:
        raise NotFoundError(f"There is no group '{group}'.", remedy="List the groups to see which there are.")
    return list(store.people.members(found.id))


@router.post("/groups/{group}/members", summary="Add a member", response_model=GroupRecord)
def add_member(group: GroupName, new: NewMember, change: Administering) -> Response:
    """Lets a user see and do, as their role allows, what belongs to the group. A member already: nothing happens."""

    def add() -> Audited:
        people.add_member(change.store, group, new.user, by=change.principal)
        return Audited.elsewhere(change.store.people.group(group))

    return change.make(add)


@router.delete("/groups/{group}/members/{user}", summary="Remove a member", response_model=GroupRecord)
def remove_member(group: GroupName, user: UserName, change: Administering) -> Response:
    """Ends a membership. None there: nothing happens."""

    def remove() -> Audited:
        people.remove_member(change.store, group, user, by=change.principal)
        return Audited.elsewhere(change.store.people.group(group))

    return change.make(remove)
