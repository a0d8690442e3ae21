"""Which role may do what: one matrix, and nothing is allowed beside it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.roles import Permission, Role

__all__ = ["PERMISSIONS_OF_ROLE", "Permission", "Role"]

_A, _S, _L, _M, _V = Role.ADMINISTRATOR, Role.SCIENTIST, Role.LABORATORY, Role.MACHINE, Role.VIEWER

_ROLES_WITH: Final[Mapping[Permission, frozenset[Role]]] = MappingProxyType(
    {
        Permission.READ: frozenset({_A, _S, _L, _M, _V}),
        Permission.CAMPAIGN_WRITE: frozenset({_A, _S}),
        Permission.CAMPAIGN_RUN: frozenset({_A, _S}),
        Permission.QUERY_CLAIM: frozenset({_A, _S, _M}),
        Permission.QUERY_APPROVE: frozenset({_A, _S}),
        Permission.LABORATORY: frozenset({_A, _S, _L}),
        Permission.MATERIAL_WRITE: frozenset({_A, _S}),
        Permission.EXPORT: frozenset({_A, _S, _L, _V}),
        Permission.AUDIT_READ: frozenset({_A}),
        Permission.ADMINISTER: frozenset({_A}),
        Permission.METRICS: frozenset({_A, _M}),
    }
)

PERMISSIONS_OF_ROLE: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {role: frozenset(permission for permission in Permission if role in _ROLES_WITH[permission]) for role in Role}
)
"""What a user of each role may do, in the campaigns of their groups."""
