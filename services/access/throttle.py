"""How often somebody may try passwords: every attempt counts as a failure until it turns out well."""

import ipaddress
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from domain.errors import TooManyAttemptsError
from services.store import Store

WINDOW: Final = timedelta(minutes=15)
MOST_ON_ACCOUNT_FROM_CLIENT: Final = 5
MOST_FROM_CLIENT: Final = 20
"""From one address on any accounts; a laboratory may share an address."""
MOST_ON_ACCOUNT: Final = 25
"""From anywhere: more than one address may make, so that a stranger cannot lock an account's owner out from one."""
MOST_DEPARTURES_FROM_CLIENT: Final = 60
"""Sent from one address to the identity provider and not let in; many give up there, or are not known here."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in that has been counted."""

    account_subjects: Sequence[str]
    """Under which attempts on the account are counted."""
    client_attempt_id: int
    """The count against the address."""


def count_attempt(store: Store, name: str, *, client: str) -> Attempt:
    """Counts an attempt to sign in, before anybody looks at the password: what comes at the same time counts too.

    Args:
        store: The store.
        name: The account, whether it exists or not.
        client: Address of whoever tries.

    Raises:
        TooManyAttemptsError: If there were too many lately; this one must not be looked at.
    """
    # People type passwords where the name belongs: what they typed is not kept, only its digest.
    from_client = _digest("client", _network(client))
    account, account_from_client = _of_account(name, client=client)
    most = {
        account: MOST_ON_ACCOUNT,
        from_client: MOST_FROM_CLIENT,
        account_from_client: MOST_ON_ACCOUNT_FROM_CLIENT,
    }
    return Attempt((account, account_from_client), _count(store, most)[from_client])


def count_departure(store: Store, *, client: str) -> int:
    """Counts somebody who is sent to the identity provider, as a failure until they come back and are let in.

    Returns:
        Number of the count, by which `store.login_failures` forgets it.

    Raises:
        TooManyAttemptsError: If too many from the address came back without being let in lately, or not at all.
    """
    from_client = _digest("sent to the identity provider", _network(client))
    return _count(store, {from_client: MOST_DEPARTURES_FROM_CLIENT})[from_client]


def _count(store: Store, most: Mapping[str, int]) -> dict[str, int]:
    """Counts an attempt under each subject, unless one of them has had its most. Returns the numbers of the counts."""
    now = store.now()
    with store.writing():
        store.login_failures.sweep(now - WINDOW)
        # In one order for everybody, or two who lock the same subjects would wait for each other.
        wait_s = max(_wait_s(store, subject, most[subject], now=now) for subject in sorted(most))
        if wait_s == 0:
            return {subject: store.login_failures.append(subject) for subject in most}
    raise TooManyAttemptsError(
        "There were too many attempts to sign in with this name or from this address.",
        remedy=f"Try again in {math.ceil(wait_s / 60)} min.",
        retry_after_s=wait_s,
    )


def forgive(store: Store, attempt: Attempt) -> None:
    """Forgets the failures on an account whose owner is in; those of the address on other accounts stay."""
    for subject in attempt.account_subjects:
        store.login_failures.clear(subject)
    store.login_failures.forget(attempt.client_attempt_id)


def forgive_account(store: Store, name: str, *, client: str) -> None:
    """Forgets the failures on an account whose owner has shown in another way who they are."""
    for subject in _of_account(name, client=client):
        store.login_failures.clear(subject)


def _of_account(name: str, *, client: str) -> tuple[str, str]:
    """What attempts on an account are counted under: from anywhere, and from this address."""
    return _digest("account", name), _digest("account from client", name, _network(client))


def _wait_s(store: Store, subject: str, most: int, *, now: datetime) -> float:
    attempts = store.login_failures.since(subject, now - WINDOW)
    return (attempts[-most] + WINDOW - now).total_seconds() if len(attempts) >= most else 0.0


def _network(client: str) -> str:
    """What one person holds: an IPv4 address, or 2^64 IPv6 addresses that differ in the second half."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed[:8] + bytes(8), 64)))


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
