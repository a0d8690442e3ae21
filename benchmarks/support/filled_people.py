"""A machine that a service lets in."""

from services.access.people import add_group, add_user
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.store import Store


def machine_token(store: Store, name: str) -> tuple[str, int]:
    """Makes a machine with a token that may do all that machines may, in a group of its own.

    Returns:
        The token, and the number of the group.
    """
    operator = local_operator()
    add_group(store, name, by=operator)
    add_user(store, name, role=Role.MACHINE, by=operator, groups=(name,))
    made = create_token(store, name, label="benchmark", scopes=PERMISSIONS_OF_ROLE[Role.MACHINE], by=operator)
    return made.secret, store.people.group(name).id
