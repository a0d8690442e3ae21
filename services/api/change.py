"""Changes: each one is written to the audit log with what it did, and answered once however often it is sent."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

from fastapi import Depends, Header
from starlette.requests import Request
from starlette.responses import Response

from domain.digest import content_digest
from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json_value
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import require, service_of
from services.api.questions import Questions
from services.intake.idempotency import Answer, answer_once
from services.store import Store

LONGEST_KEY: Final = 255
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=LONGEST_KEY,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of your own. The same key with the same body is answered as the first time; with another "
        "body it is refused (409).",
    ),
]


@dataclass(frozen=True, slots=True)
class Audited:
    """What a change did: what its caller is told, and what the audit log keeps."""

    action: str
    """Such as `campaign.create`; empty for nothing to keep."""
    subject: str
    """What was changed, such as `campaign chlorides`."""
    shown: object
    """A domain value, record or view for the caller; None for no body."""
    details: JsonObject = field(default_factory=dict)
    """What else the audit log keeps. Never a secret."""
    status: int = 200

    @classmethod
    def elsewhere(cls, shown: object, *, status: int = 200) -> Self:
        """What was audited by whoever did it, or changes nothing that the audit log should keep."""
        return cls("", "", shown, status=status)


@dataclass(frozen=True, slots=True)
class Change:
    """One caller's wish to change something."""

    store: Store
    principal: Principal
    key: str | None
    """The caller's own name for the request; None where it gave none."""
    payload: JsonObject
    """The request itself, by which a key that is used twice is recognised."""
    questions: Questions = field(default_factory=Questions)
    """What is known already of what machines are asked."""

    def make(self, work: Callable[[], Audited]) -> Response:
        """Does the work, audits it and remembers the answer, in one transaction.

        Raises:
            ConflictError: If the key was used for another request.
        """
        with self.store.writing():
            answer = self._answer(work)
        return _response(answer)

    def hand_on(self, work: Callable[[], Audited]) -> Response:
        """The same for work that has transactions of its own and audits itself, such as what takes its time first.

        Raises:
            ConflictError: If the key was used for another request.
        """
        return _response(self._answer(work))

    async def make_soon(self, work: Callable[[], Audited]) -> Response:
        """The same in the store's own writer, which commits many together; answered once it is committed.

        Raises:
            ConflictError: If the key was used for another request.
        """
        return _response(await asyncio.wrap_future(self.store.submit(lambda: self._answer(work))))

    def _answer(self, work: Callable[[], Audited]) -> Answer:
        def once() -> Answer:
            done = work()
            if done.action:
                self.store.audit.append(self.principal.name, done.action, done.subject, done.details)
            return Answer(done.status, _json(done.shown))

        if self.key is None:
            return once()
        return answer_once(self.store, actor=self._actor, key=self.key, payload=self.payload, work=once)

    @property
    def _actor(self) -> str:
        return f"user {self.principal.user_id}"


def changing(permission: Permission, *, takes_key: bool = True) -> Callable[..., Coroutine[None, None, Change]]:
    """The dependency of a route that changes something: requires a permission and gives the change to make.

    Args:
        permission: What the caller needs.
        takes_key: Whether requests may carry an idempotency key. Not where a body holds a password: a digest of the
            body is kept with the key, and passwords can be guessed from it.
    """

    async def change(
        request: Request,
        principal: Annotated[Principal, Depends(require(permission))],
        idempotency_key: IdempotencyKey = None,
    ) -> Change:
        payload: JsonObject = {}
        if idempotency_key is not None:
            payload = {"method": request.method, "path": request.url.path, "body": await _body_digest(request)}
        service = service_of(request)
        return Change(service.open_store, principal, idempotency_key, payload, service.questions)

    async def keyless_change(request: Request, principal: Annotated[Principal, Depends(require(permission))]) -> Change:
        service = service_of(request)
        return Change(service.open_store, principal, None, {}, service.questions)

    return change if takes_key else keyless_change


async def _body_digest(request: Request) -> str:
    """Names the body by content, so that neither spaces nor the order of keys make another request of it."""
    body = await request.body()
    try:
        return content_digest(json.loads(body))
    except (ValueError, RecursionError):
        return hashlib.sha256(body).hexdigest()


def _json(shown: object) -> JsonValue:
    return [to_json_value(item) for item in shown] if isinstance(shown, tuple) else to_json_value(shown)


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status)
    content = json.dumps(answer.body, allow_nan=False, ensure_ascii=False)
    return Response(content, status_code=answer.status, media_type="application/json")
