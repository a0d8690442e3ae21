"""Users and the groups that campaigns belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, delete, select, update

from domain.errors import ConflictError, NotFoundError
from domain.roles import Role
from services.store.access_tables import groups, memberships, users
from services.store.database import Database, insert_if_absent, storable
from services.store.tables import campaigns


@dataclass(frozen=True, slots=True)
class UserRecord:
    """Somebody, or some machine, that may sign in."""

    id: int
    name: str
    role: Role
    is_active: bool
    has_password: bool
    """Machines need none: they show tokens."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """People who share campaigns."""

    id: int
    name: str
    created_at: datetime


class People:
    """Users and groups. What is allowed is decided in `services.access`, which also audits it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, *, role: Role, password_hash: str | None) -> UserRecord:
        """Keeps a new user.

        Raises:
            ConflictError: If the name is taken.
        """
        values = {
            "name": name,
            "role": role.value,
            "password_hash": password_hash,
            "is_active": True,
            "created_at": self._database.now(),
        }
        with self._database.write() as connection:
            if insert_if_absent(connection, users, [values]) == 0:
                raise ConflictError(f"There is a user '{name}' already.", remedy="Choose another name.")
            return _user(connection, users.c.name == name, f"'{name}'")

    def get(self, name: str) -> UserRecord:
        """Finds a user by name.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return _user(connection, users.c.name == storable(name), f"'{name}'")

    def find(self, name: str) -> UserRecord | None:
        """Finds a user by name; None if there is none."""
        with self._database.read() as connection:
            row = _find(connection, users, users.c.name == storable(name))
        return None if row is None else user_record(row)

    def by_id(self, user_id: int) -> UserRecord:
        """Finds a user by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return _user(connection, users.c.id == user_id, f"number {user_id}")

    def list(self, *, after: int = 0, limit: int | None = None) -> tuple[UserRecord, ...]:
        """Users in the order in which they were created, from behind number `after`."""
        statement = select(users).where(users.c.id > after).order_by(users.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(user_record(row) for row in connection.execute(statement).mappings())

    def is_empty(self) -> bool:
        """Whether nobody has ever been made a user."""
        with self._database.read() as connection:
            return connection.execute(select(users.c.id).limit(1)).first() is None

    def password_hash(self, user_id: int) -> str | None:
        """What a password is checked against; None where there is none to check."""
        with self._database.read() as connection:
            return connection.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one_or_none()

    def n_active(self, role: Role) -> int:
        """How many active users have a role; inside a transaction that writes, it stays so until that ends."""
        statement = (
            select(users.c.id)
            .where(users.c.role == role.value, users.c.is_active.is_(True))
            .order_by(users.c.id)
            .with_for_update()
        )
        with self._database.read() as connection:
            return len(connection.execute(statement).all())

    def set_role(self, user_id: int, role: Role) -> None:
        """Gives a user another role."""
        self._change(user_id, {"role": role.value})

    def set_password_hash(self, user_id: int, password_hash: str) -> None:
        """Replaces what a user's password is checked against."""
        self._change(user_id, {"password_hash": password_hash})

    def set_active(self, user_id: int, *, is_active: bool) -> None:
        """Lets a user in, or no more. Users are never deleted: what they did keeps their name."""
        self._change(user_id, {"is_active": is_active})

    def create_group(self, name: str) -> GroupRecord:
        """Keeps a new group.

        Raises:
            ConflictError: If the name is taken.
        """
        with self._database.write() as connection:
            if insert_if_absent(connection, groups, [{"name": name, "created_at": self._database.now()}]) == 0:
                raise ConflictError(f"There is a group '{name}' already.", remedy="Choose another name.")
            return _group(connection, groups.c.name == name, f"'{name}'")

    def group(self, name: str) -> GroupRecord:
        """Finds a group by name.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return _group(connection, groups.c.name == storable(name), f"'{name}'")

    def group_by_id(self, group_id: int) -> GroupRecord:
        """Finds a group by number.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return _group(connection, groups.c.id == group_id, f"number {group_id}")

    def list_groups(self, *, after: int = 0, limit: int | None = None) -> tuple[GroupRecord, ...]:
        """Groups in the order in which they were created, from behind number `after`."""
        statement = select(groups).where(groups.c.id > after).order_by(groups.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(_group_record(row) for row in connection.execute(statement).mappings())

    def add_member(self, group_id: int, user_id: int) -> bool:
        """Makes a user a member of a group. Returns whether they were none before."""
        with self._database.write() as connection:
            return insert_if_absent(connection, memberships, [{"user_id": user_id, "group_id": group_id}]) == 1

    def remove_member(self, group_id: int, user_id: int) -> bool:
        """Ends a membership. Returns whether there was one."""
        statement = delete(memberships).where(memberships.c.user_id == user_id, memberships.c.group_id == group_id)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def groups_of(self, user_id: int) -> frozenset[int]:
        """Numbers of the groups that a user belongs to."""
        statement = select(memberships.c.group_id).where(memberships.c.user_id == user_id)
        with self._database.read() as connection:
            return frozenset(connection.execute(statement).scalars())

    def members(self, group_id: int) -> tuple[UserRecord, ...]:
        """Who belongs to a group, in the order in which the users were created."""
        statement = (
            select(users)
            .join(memberships, memberships.c.user_id == users.c.id)
            .where(memberships.c.group_id == group_id)
            .order_by(users.c.id)
        )
        with self._database.read() as connection:
            return tuple(user_record(row) for row in connection.execute(statement).mappings())

    def give_campaign(self, campaign_id: int, group_id: int | None) -> None:
        """Makes a campaign a group's; None keeps it to administrators.

        Raises:
            NotFoundError: If there is no such campaign.
        """
        statement = update(campaigns).where(campaigns.c.id == campaign_id).values(group_id=group_id)
        with self._database.write() as connection:
            if connection.execute(statement).rowcount == 0:
                raise NotFoundError(f"There is no campaign number {campaign_id}.", remedy="List the campaigns.")

    def _change(self, user_id: int, values: Mapping[str, str | bool]) -> None:
        with self._database.write() as connection:
            connection.execute(update(users).where(users.c.id == user_id).values(values))


def user_record(row: RowMapping) -> UserRecord:
    """Reads a row that holds a user, possibly beside something else."""
    return UserRecord(
        id=row[users.c.id],
        name=row[users.c.name],
        role=Role(row[users.c.role]),
        is_active=row[users.c.is_active],
        has_password=row[users.c.password_hash] is not None,
        created_at=row[users.c.created_at],
    )


def groups_in(rows: Sequence[RowMapping]) -> frozenset[int]:
    """Reads the groups of a user from rows that hold one each, or none."""
    found = (row[memberships.c.group_id] for row in rows)
    return frozenset(group_id for group_id in found if group_id is not None)


def _group_record(row: RowMapping) -> GroupRecord:
    return GroupRecord(id=row["id"], name=row["name"], created_at=row["created_at"])


def _user(connection: Connection, condition: ColumnElement[bool], what: str) -> UserRecord:
    row = _find(connection, users, condition)
    if row is None:
        raise NotFoundError(f"There is no user {what}.", remedy="List the users to see who there is.")
    return user_record(row)


def _group(connection: Connection, condition: ColumnElement[bool], what: str) -> GroupRecord:
    row = _find(connection, groups, condition)
    if row is None:
        raise NotFoundError(f"There is no group {what}.", remedy="List the groups to see which there are.")
    return _group_record(row)


def _find(connection: Connection, table: Table, condition: ColumnElement[bool]) -> RowMapping | None:
    return connection.execute(select(table).where(condition)).mappings().one_or_none()
