"""Who is asking."""

import getpass
import os
import socket
from dataclasses import dataclass

from domain.errors import PermissionDeniedError
from services.access.roles import PERMISSIONS_OF_ROLE, Permission, Role
from services.store.records import CampaignRecord


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody, or some machine, whose identity has been checked, and what they may do now."""

    user_id: int | None
    """None for whoever works on the machine itself."""
    name: str
    role: Role
    groups: frozenset[int]
    """Numbers of the groups that they belong to."""
    permissions: frozenset[Permission]
    """The role's, and for a token no more than its scopes."""
    token_id: int | None
    """The token that was shown; None for a session."""

    def require(self, permission: Permission) -> None:
        """Goes on only with a permission.

        Raises:
            PermissionDeniedError: If it is missing; says whether the role lacks it or the token.
        """
        if permission in self.permissions:
            return
        if permission in PERMISSIONS_OF_ROLE[self.role]:
            raise PermissionDeniedError(
                f"This token has no scope '{permission.value}'.", remedy="Make a token that has it."
            )
        raise PermissionDeniedError(
            f"{self.name} is {_with_article(self.role)}, whom '{permission.value}' is not allowed.",
            remedy="Ask an administrator for another role.",
        )

    def may_see(self, campaign: CampaignRecord) -> bool:
        """Whether a campaign is this one's business: an administrator's is every one, others' those of their groups."""
        return self.may_see_group(campaign.group_id)

    def may_see_group(self, group_id: int | None) -> bool:
        """The same of all campaigns of a group; None for those of no group."""
        return self.role is Role.ADMINISTRATOR or group_id in self.groups


def local_operator() -> Principal:
    """Whoever works on the machine itself and can therefore do anything: named by login name and host."""
    role = Role.ADMINISTRATOR
    return Principal(
        user_id=None,
        name=f"os {login_name()}@{socket.gethostname()}",
        role=role,
        groups=frozenset(),
        permissions=PERMISSIONS_OF_ROLE[role],
        token_id=None,
    )


def login_name() -> str:
    """The login name of whoever works on the machine itself."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that no file gives a name to.
        return f"uid {os.getuid()}"


def _with_article(role: Role) -> str:
    return f"an {role.value}" if role is Role.ADMINISTRATOR else f"a {role.value}"
