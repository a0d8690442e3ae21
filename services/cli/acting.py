"""On whose behalf the command line acts, and what it leaves in the audit log."""

from domain.json_value import JsonObject
from services.access.principal import local_operator, login_name
from services.store import Store


def worker_named(person: str) -> str:
    """Who is working: whoever was named, else whoever is logged in."""
    return person or login_name()


def audit(store: Store, action: str, subject: str, details: JsonObject) -> None:
    """Notes a change in the name of whoever works on this machine, inside the transaction that makes it.

    Args:
        store: The store.
        action: Such as `laboratory.result`, the same as over REST.
        subject: What was changed, such as `query 7`.
        details: What else is worth knowing. Never a secret.
    """
    store.audit.append(local_operator().name, action, subject, details)
