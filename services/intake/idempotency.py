"""Doing once what is asked twice: whoever repeats a request after a lost connection gets the first answer again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.digest import content_digest
from domain.errors import IdempotencyConflictError, InvalidValueError, StoreBusyError
from domain.json_value import JsonValue
from services.store import Store
from services.store.idempotency import keep_answer, read_answer, reserve_key

KEPT_FOR: Final = timedelta(days=30)
LONGEST_KEY: Final = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody is told."""

    status: int
    """Status of HTTP."""
    body: JsonValue


def answer_once(store: Store, *, actor: str, key: str, payload: JsonValue, work: Callable[[], Answer]) -> Answer:
    """Does work and keeps its answer, in one transaction; the same key and payload again get that answer.

    Work that fails leaves no trace of the key, so that it may be repeated once its reason is gone.

    Args:
        store: The store.
        actor: Who asks; keys of others are other keys.
        key: What the caller names this request.
        payload: What is asked for, all of it.
        work: Does it, on the store alone.

    Raises:
        IdempotencyConflictError: If the key came with another payload before.
        InvalidValueError: If the key is empty, too long or not printable.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise InvalidValueError(
            "The idempotency key is unusable.", remedy=f"Give 1 to {LONGEST_KEY} printable characters, such as a UUID."
        )
    digest = content_digest(payload)
    with store.writing() as connection:
        number = reserve_key(connection, actor, key, digest, at=store.now())
        if number is not None:
            answer = work()
            keep_answer(connection, number, answer.status, answer.body)
            return answer
        kept = read_answer(connection, actor, key)
    if kept is None:
        raise StoreBusyError("The idempotency key is being forgotten just now.", remedy="Repeat the request.")
    if kept.payload_digest != digest:
        raise IdempotencyConflictError(
            f"The idempotency key '{key}' came with another payload before.",
            remedy="Give each request a key of its own, and repeat a request unchanged.",
        )
    return Answer(kept.status, kept.body)


def forget_old_keys(store: Store) -> int:
    """Drops keys that nobody repeats any more. Returns how many."""
    return store.idempotency_keys.forget_before(store.now() - KEPT_FOR)
