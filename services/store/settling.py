"""Reading on through rows that several transactions append at once, and missing none of them.

PostgreSQL hands numbers out before a transaction ends, so that a row may appear after another with a higher number.
SQLite has one writer, whose rows appear in their order.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, text

from services.store.database import known_in_transaction

SETTLED_AFTER: Final = timedelta(seconds=3)
"""Age at which a row is taken for settled even though some transaction that may precede it has not ended."""
_KEY: Final = int.from_bytes(sha256(b"petalite appending events").digest()[:4], signed=True)
_SPACE: Final = int.from_bytes(b"ptlt", signed=True)
"""PostgreSQL's advisory locks of two numbers are others than those of one, which `locks` uses."""
_HELD_WITH: Final = 2
"""How PostgreSQL marks a lock of two numbers in the column `objsubid`."""
_LOOKS: Final = 10
_BETWEEN_LOOKS_S: Final = 0.01

_LOCK: Final = text("SELECT pg_advisory_xact_lock_shared(:space, :key)")
_APPENDING: Final = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND classid = CAST(CAST(:space AS bigint) & 4294967295 AS oid) "
    "AND objid = CAST(CAST(:key AS bigint) & 4294967295 AS oid) AND objsubid = :held_with"
)


def announce_appending(connection: Connection) -> None:
    """Lets readers know, until the transaction ends, that it is about to append. Nobody waits for anybody."""
    if connection.dialect.name != "postgresql":
        return
    known = known_in_transaction(connection)
    if "appending" not in known:
        connection.execute(_LOCK, {"space": _SPACE, "key": _KEY})
        known["appending"] = "announced"


def settle(connection: Connection, *, pause: Callable[[float], None] = time.sleep) -> bool:
    """Waits for those who are appending now, for a tenth of a second at most.

    Args:
        connection: A transaction that reads. Each statement sees what was committed before it.
        pause: Lets time pass.

    Returns:
        Whether they have all ended, so that every row is there whose number is below one that was seen before.
    """
    if connection.dialect.name != "postgresql":
        return True
    waited_for = _appending(connection)
    for _ in range(_LOOKS):
        if not waited_for:
            return True
        pause(_BETWEEN_LOOKS_S)
        waited_for &= _appending(connection)
    return not waited_for


def oldest_unsettled(now: datetime) -> datetime:
    """Rows before this time are read although not all transactions have ended."""
    return now - SETTLED_AFTER


def _appending(connection: Connection) -> frozenset[str]:
    found = connection.execute(_APPENDING, {"space": _SPACE, "key": _KEY, "held_with": _HELD_WITH})
    return frozenset(found.scalars())
