"""Signed webhooks that reach only where they are meant to.

A name is resolved once and the connection goes to the very address that was judged, so that a name that changes its
answer in between leads nowhere else. Redirects are not followed.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from domain.errors import PetaliteError
from domain.json_value import JsonValue
from services.notifications.rules import Target

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""All addresses of a host name."""
_TIMEOUT_S: Final = 15.0
_REMEDY: Final = "It is tried again; check the receiver, or remove the target."


class UndeliveredError(PetaliteError):
    """A note could not be delivered."""


def resolve(host: str, port: int) -> tuple[str, ...]:
    """All addresses of a host name.

    Raises:
        OSError: If it has none.
    """
    return tuple(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def post_signed(
    target: Target, document: JsonValue, *, message_id: str, timestamp_s: int, resolve: Resolve = resolve
) -> None:
    """Posts a document with the headers of the Standard Webhooks convention.

    The signature is HMAC-SHA-256 over `id.timestamp.body`.

    Raises:
        UndeliveredError: If the address is not allowed or the receiver does not take it.
    """
    import httpx

    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    parts = urlsplit(target.url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _judged_address(target, host, port, resolve)
    headers = {
        "Host": host if parts.port is None else f"{host}:{port}",
        "Content-Type": "application/json",
        "User-Agent": "petalite",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{sign(target.secret, message_id, timestamp_s, body)}",
    }
    literal = f"[{address}]" if ":" in address else address
    url = httpx.URL(target.url).copy_with(host=literal, port=port)
    try:
        with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            answer = client.post(url, content=body, headers=headers, extensions={"sni_hostname": host})
    except httpx.HTTPError as error:
        raise UndeliveredError(f"{target.title} does not answer: {type(error).__name__}.", remedy=_REMEDY) from error
    if not answer.is_success:
        raise UndeliveredError(f"{target.title} answered {answer.status_code}.", remedy=_REMEDY)


def sign(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The signature of a webhook in base64."""
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def _judged_address(target: Target, host: str, port: int, resolve: Resolve) -> str:
    try:
        found = resolve(host, port)
    except OSError as error:
        raise UndeliveredError(f"The host of {target.title} has no address.", remedy=_REMEDY) from error
    if not target.is_private_allowed and not all(_is_public(address) for address in found):
        raise UndeliveredError(
            f"{target.title} leads into a private network.",
            remedy="Set is_private_allowed: true if that is meant, else correct its url.",
        )
    return found[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    return parsed.is_global and not parsed.is_multicast and (inner is None or inner.is_global)
