"""The form in which tokens are made, for oneself and, by administrators, for others."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final

from fastapi import Depends, Form

from services.access.roles import PERMISSIONS_OF_ROLE, Permission, Role
from services.access.tokens import DEFAULT_DAYS
from services.api.routers.tokens import WantedToken

_MEANINGS: Final[Mapping[Permission, str]] = MappingProxyType(
    {
        Permission.READ: "see the campaigns of one's groups",
        Permission.CAMPAIGN_WRITE: "create, edit and schedule campaigns",
        Permission.CAMPAIGN_RUN: "start, pause, resume and stop campaigns",
        Permission.QUERY_CLAIM: "claim computed looks and hand results in",
        Permission.QUERY_APPROVE: "judge costly looks",
        Permission.LABORATORY: "claim laboratory looks, hand measurements in, amend them, upload files",
        Permission.MATERIAL_WRITE: "add and change known materials, correct reference energies",
        Permission.EXPORT: "take whole campaigns away",
        Permission.AUDIT_READ: "read the audit log",
        Permission.ADMINISTER: "change users, groups and other people's tokens: with it a token can do anything",
        Permission.METRICS: "read how the service fares",
    }
)
_OF_A_WORKER: Final = frozenset({Permission.READ, Permission.QUERY_CLAIM})


@dataclass(frozen=True, slots=True)
class TokenForm:
    """What was typed and ticked."""

    label: str = ""
    scopes: frozenset[Permission] = frozenset()
    days: int | None = DEFAULT_DAYS
    never_expires: bool = False

    def wanted(self, user: str) -> WantedToken:
        """The token that is asked for."""
        return WantedToken(self.label, self.scopes, user, None if self.never_expires else self.days or 0)


async def _read(
    *,
    label: Annotated[str, Form(max_length=200)] = "",
    scopes: Annotated[list[Permission] | None, Form()] = None,
    days: Annotated[int | None, Form()] = None,
    never_expires: Annotated[bool, Form()] = False,
) -> TokenForm:
    return TokenForm(label, frozenset(scopes or ()), days, never_expires)


GivenTokenForm = Annotated[TokenForm, Depends(_read)]


def scopes_of(role: Role) -> Mapping[Permission, str]:
    """What a token of somebody in a role may be used for, with what that means."""
    return {permission: _MEANINGS[permission] for permission in Permission if permission in PERMISSIONS_OF_ROLE[role]}


def empty_form(role: Role) -> TokenForm:
    """The form before anything is typed: a machine's token is of use with what a worker needs alone."""
    return TokenForm(scopes=_OF_A_WORKER if role is Role.MACHINE else frozenset())
