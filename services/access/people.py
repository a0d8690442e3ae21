"""Changes to users and groups: what is allowed, done and audited in one step.

Whoever calls these has been found to be allowed to administer; `by` is who the audit log names.
"""

from collections.abc import Sequence

from domain.errors import ConflictError, InvalidValueError, PermissionDeniedError
from services.access.names import require_name
from services.access.passwords import check_password, hash_password
from services.access.principal import Principal
from services.access.roles import Role
from services.access.throttle import count_attempt, forgive
from services.store import Store
from services.store.people import GroupRecord, UserRecord


def add_user(
    store: Store,
    name: str,
    *,
    role: Role,
    by: Principal,
    password: str | None = None,
    groups: Sequence[str] = (),
) -> UserRecord:
    """Makes a user.

    Args:
        store: The store.
        name: The user's name.
        role: What the user is here for.
        by: Who makes them.
        password: To sign in with; None for a machine, which shows a token.
        groups: Names of the groups that they belong to.

    Raises:
        InvalidValueError: If the name or the password is not acceptable.
        NotFoundError: If there is no such group.
        ConflictError: If the name is taken.
    """
    require_name(name, what="user")
    password_hash = None if password is None else hash_password(password, user_name=name)
    with store.writing():
        group_ids = [store.people.group(group).id for group in groups]
        user = enrol(store, name, role=role, password_hash=password_hash, group_ids=group_ids)
        details = {"role": role.value, "groups": list(groups), "has_password": password is not None}
        store.audit.append(by.name, "user.create", f"user {name}", details)
    return user


def enrol(store: Store, name: str, *, role: Role, password_hash: str | None, group_ids: Sequence[int]) -> UserRecord:
    """Writes a new user down, inside a transaction. The first one ends the offer to become the administrator.

    Raises:
        ConflictError: If the name is taken.
    """
    if store.people.is_empty():
        store.invitations.withdraw_all()
    user = store.people.create(name, role=role, password_hash=password_hash)
    for group_id in group_ids:
        store.people.add_member(group_id, user.id)
    return user


def set_role(store: Store, name: str, role: Role, *, by: Principal) -> UserRecord:
    """Gives a user another role; their tokens lose at once what it does not allow.

    Raises:
        NotFoundError: If there is no such user.
        ConflictError: If nobody could administer afterwards.
    """
    with store.writing():
        user = store.people.get(name)
        if user.role is not role:
            if role is not Role.ADMINISTRATOR:
                _require_another_administrator(store, user)
            store.people.set_role(user.id, role)
            details = {"before": user.role.value, "after": role.value}
            store.audit.append(by.name, "user.set-role", f"user {name}", details)
        return store.people.by_id(user.id)


def set_password(store: Store, name: str, password: str, *, by: Principal) -> None:
    """Gives a user another password and ends their sessions.

    Raises:
        NotFoundError: If there is no such user.
        InvalidValueError: If the password is not acceptable.
    """
    user = store.people.get(name)
    password_hash = hash_password(password, user_name=name)
    with store.writing():
        replace_password(store, user, password_hash)
        store.audit.append(by.name, "user.set-password", f"user {name}", {})


def replace_password(store: Store, user: UserRecord, password_hash: str) -> None:
    """Puts another password in place, inside a transaction: sessions end, and a link to a new one is worthless."""
    store.people.set_password_hash(user.id, password_hash)
    store.sessions.end_all(user.id)
    store.password_links.withdraw(user.id)


def change_own_password(store: Store, principal: Principal, *, old: str, new: str, client: str) -> None:
    """Lets somebody who is signed in take another password, if they know the old one. Ends all their sessions.

    Raises:
        PermissionDeniedError: If the old password is wrong.
        TooManyAttemptsError: If there were too many wrong attempts lately.
        InvalidValueError: If the new one is not acceptable, or nobody's password can be changed this way.
    """
    if principal.user_id is None or principal.token_id is not None:
        raise InvalidValueError("Only somebody who signed in with a password can change it.", remedy="Sign in.")
    attempt = count_attempt(store, principal.name, client=client)
    if not check_password(old, store.people.password_hash(principal.user_id)):
        store.audit.append(principal.name, "user.refuse-password", f"user {principal.name}", {"client": client})
        raise PermissionDeniedError("The old password is wrong.", remedy="Check it, or ask an administrator.")
    forgive(store, attempt)
    set_password(store, principal.name, new, by=principal)


def deactivate(store: Store, name: str, *, by: Principal) -> UserRecord:
    """Lets a user in no more: ends their sessions, and their tokens open nothing until they are let in again.

    Raises:
        NotFoundError: If there is no such user.
        ConflictError: If nobody could administer afterwards.
    """
    with store.writing():
        user = store.people.get(name)
        if user.is_active:
            _require_another_administrator(store, user)
            store.people.set_active(user.id, is_active=False)
            store.sessions.end_all(user.id)
            store.password_links.withdraw(user.id)
            store.audit.append(by.name, "user.deactivate", f"user {name}", {})
        return store.people.by_id(user.id)


def activate(store: Store, name: str, *, by: Principal) -> UserRecord:
    """Lets a user in again.

    Raises:
        NotFoundError: If there is no such user.
    """
    with store.writing():
        user = store.people.get(name)
        if not user.is_active:
            store.people.set_active(user.id, is_active=True)
            store.audit.append(by.name, "user.activate", f"user {name}", {})
        return store.people.by_id(user.id)


def add_group(store: Store, name: str, *, by: Principal) -> GroupRecord:
    """Makes a group.

    Raises:
        InvalidValueError: If the name is not acceptable.
        ConflictError: If it is taken.
    """
    require_name(name, what="group")
    with store.writing():
        group = store.people.create_group(name)
        store.audit.append(by.name, "group.create", f"group {name}", {})
    return group


def add_member(store: Store, group_name: str, user_name: str, *, by: Principal) -> None:
    """Lets a user see and do, as their role allows, what belongs to a group.

    Raises:
        NotFoundError: If there is no such group or user.
    """
    with store.writing():
        group, user = store.people.group(group_name), store.people.get(user_name)
        if store.people.add_member(group.id, user.id):
            store.audit.append(by.name, "group.add-member", f"group {group_name}", {"user": user_name})


def remove_member(store: Store, group_name: str, user_name: str, *, by: Principal) -> None:
    """Ends a membership.

    Raises:
        NotFoundError: If there is no such group or user.
    """
    with store.writing():
        group, user = store.people.group(group_name), store.people.get(user_name)
        if store.people.remove_member(group.id, user.id):
            store.audit.append(by.name, "group.remove-member", f"group {group_name}", {"user": user_name})


def give_campaign(store: Store, campaign_name: str, group_name: str | None, *, by: Principal) -> None:
    """Makes a campaign a group's; None keeps it to administrators.

    Raises:
        NotFoundError: If there is no such campaign or group.
    """
    with store.writing():
        campaign = store.campaigns.get(campaign_name)
        group_id = None if group_name is None else store.people.group(group_name).id
        if campaign.group_id != group_id:
            store.people.give_campaign(campaign.id, group_id)
            store.audit.append(by.name, "campaign.give", f"campaign {campaign_name}", {"group": group_name})


def _require_another_administrator(store: Store, user: UserRecord) -> None:
    is_last = user.role is Role.ADMINISTRATOR and user.is_active and store.people.n_active(Role.ADMINISTRATOR) == 1
    if is_last:
        raise ConflictError(
            f"{user.name} is the last active administrator.", remedy="Make somebody else an administrator first."
        )
