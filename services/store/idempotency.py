"""Answers that were given already, by who asked and the key they gave."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.json_value import JsonValue
from services.store.database import Database
from services.store.intake_tables import idempotency
from services.store.prepared import Prepared

_UNANSWERED: Final = 0
"""Status of a key whose answer is being worked out; nobody else ever sees it."""

_ROW: Final[dict[str, ColumnElement[object]]] = {
    column.name: bindparam(column.name) for column in idempotency.c if column.name != "id"
}
_RESERVE: Final = {
    name: Prepared(
        dialect.insert(idempotency).values(_ROW).on_conflict_do_nothing().returning(idempotency.c.id),
        returning=[idempotency.c.id.type],
    )
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
_KEEP: Final = Prepared(
    update(idempotency)
    .where(idempotency.c.id == bindparam("number"))
    .values(status=bindparam("given_status"), answer=bindparam("given_answer"))
)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that was given."""

    payload_digest: str
    status: int
    body: JsonValue


class IdempotencyKeys:
    """Keys under which somebody asked for something that is to be done once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget_before(self, at: datetime) -> int:
        """Drops keys that are older, after which they may be used anew. Returns how many."""
        with self._database.write() as connection:
            return connection.execute(delete(idempotency).where(idempotency.c.at < at)).rowcount


def reserve_key(connection: Connection, actor: str, key: str, payload_digest: str, *, at: datetime) -> int | None:
    """Takes a key inside a transaction; None if it is known.

    A twin that asks at the same time waits here until this transaction ends.
    """
    row = {
        "actor": actor,
        "key": key,
        "payload_digest": payload_digest,
        "status": _UNANSWERED,
        "answer": None,
        "at": at,
    }
    reserved = _RESERVE[connection.dialect.name].execute(connection, row)
    return None if reserved is None else cast(int, reserved[0])


def keep_answer(connection: Connection, number: int, status: int, body: JsonValue) -> None:
    """Keeps the answer beside its key inside the same transaction."""
    _KEEP.execute(connection, {"number": number, "given_status": status, "given_answer": body})


def read_answer(connection: Connection, actor: str, key: str) -> KeptAnswer | None:
    """Finds the answer that was given under a key."""
    columns = (idempotency.c.payload_digest, idempotency.c.status, idempotency.c.answer)
    row = connection.execute(
        select(*columns).where(idempotency.c.actor == actor, idempotency.c.key == key)
    ).one_or_none()
    return None if row is None else KeptAnswer(row[0], row[1], row[2])
