"""Locks on what is no row: one transaction at a time may go on behind a name."""

from hashlib import sha256

from sqlalchemy import Connection, func, select

from services.store.database import known_in_transaction


def lock_name(connection: Connection, name: str) -> None:
    """Waits until no other transaction holds a name, and holds it until this one ends.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(sha256(f"petalite {name}".encode()).digest()[:8], signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def lock_audit_log(connection: Connection) -> None:
    """Keeps others from adding to the audit log until the transaction ends.

    Whoever may add to it takes this lock before any row. Two who wanted first each other's rows and then the log, or
    the other way round, would wait for each other for ever.
    """
    known = known_in_transaction(connection)
    if "audit log" not in known:
        lock_name(connection, "audit")
        known["audit log"] = "locked"
