"""The service as a machine sees it: a few calls over HTTP, whose refusals are errors of our own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, TypeAlias, TypeVar

import httpx

from domain.errors import (
    ConflictError,
    InvalidValueError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    PetaliteError,
    ServiceAwayError,
    ServiceError,
)
from domain.fidelity import Capability
from domain.look import FileNote, LookProgress
from domain.parsing import ParseError, parse_json, to_json
from flows.machine.spool import Parcel
from services.messages.claims import (
    Claim,
    ClaimRequest,
    HeartbeatRequest,
    ReferenceMessage,
    ReferencesAnswer,
    ReleaseRequest,
)
from services.store.artifacts import ArtifactRecord

M = TypeVar("M")

TIMEOUT_S: Final = 30.0
LONGEST_TOLD: Final = 500
"""Characters of a refusal that are repeated to people."""
_Refusal: TypeAlias = Callable[..., PetaliteError]
_REFUSALS: Final[Mapping[int, _Refusal]] = MappingProxyType(
    {
        400: InvalidValueError,
        401: NotAuthenticatedError,
        403: PermissionDeniedError,
        404: NotFoundError,
        409: ConflictError,
        413: InvalidValueError,
        422: InvalidValueError,
    }
)
_AWAY: Final = frozenset({408, 425, 429})
"""Refusals that do not last, as all of 500 and above do not."""


class MachineClient:
    """Calls of the service. Threads may share it.

    Every call raises `ServiceAwayError` where the service does not answer now, and another error where it refuses.

    Args:
        http: Knows the service's address and carries the token.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def claim(
        self, worker: str, oracles: Sequence[Capability], *, lease_s: float, campaign: str | None = None
    ) -> Claim | None:
        """Asks for a query; None if nothing waits for this machine.

        Raises:
            NotAuthenticatedError: If the token is worth nothing.
            PermissionDeniedError: If it may not claim.
            NotFoundError: If there is no such campaign.
        """
        wanted = ClaimRequest(worker, lease_s, tuple(oracles), campaign)
        response = self._post("/queries/claim", to_json(wanted))
        return None if response.status_code == httpx.codes.NO_CONTENT else self._read(Claim, response)

    def heartbeat(self, query_id: int, fence: int, lease_s: float, progress: LookProgress | None = None) -> bool:
        """Extends a claim and tells how far its look has come; False if it is lost."""
        beat = HeartbeatRequest(fence, lease_s, progress)
        try:
            self._post(f"/queries/{query_id}/heartbeat", to_json(beat))
        except (ConflictError, NotFoundError):
            return False
        return True

    def release(self, query_id: int, fence: int) -> bool:
        """Gives a query back unanswered; False if the claim is lost."""
        try:
            self._post(f"/queries/{query_id}/release", to_json(ReleaseRequest(fence)))
        except (ConflictError, NotFoundError):
            return False
        return True

    def deliver(self, parcel: Parcel) -> None:
        """Hands an answer in. The same parcel again is harmless: the service knows it by its fence and its content.

        Raises:
            InvalidValueError: If the value cannot be.
            ConflictError: If the query was answered otherwise under the same claim.
            NotFoundError: If there is no such query.
        """
        self._post(f"/queries/{parcel.query_id}/{parcel.kind}", parcel.body)

    def put_file(self, query_id: int, fence: int, note: FileNote, path: Path) -> int:
        """Hands a file in that a look produced, before its answer; the same again is harmless.

        Returns:
            The number under which the service keeps it.

        Raises:
            InvalidValueError: If it is larger than the service takes.
            ConflictError: If the claim is another machine's.
            NotFoundError: If there is no such query.
        """
        said = {"fence": str(fence), "description": note.description}
        with path.open("rb") as content:
            response = self._send(
                "POST", f"/queries/{query_id}/files", params=said, file=(note.name, content, note.media_type)
            )
        return self._read(ArtifactRecord, response).id

    def references(
        self, oracle: str, oracle_version: str, settings_digest: str, *, campaign: str
    ) -> Mapping[str, float]:
        """Reference energies in eV/atom from which a campaign counts, by element symbol."""
        asked = {
            "oracle": oracle,
            "oracle_version": oracle_version,
            "settings_digest": settings_digest,
            "campaign": campaign,
        }
        answer = self._read(ReferencesAnswer, self._send("GET", "/references", params=asked))
        return {known.reference.symbol: known.reference.energy_eV_per_atom for known in answer.references}

    def put_reference(self, message: ReferenceMessage) -> ReferenceMessage:
        """Hands a reference energy in and gets the one that counts, which is an earlier one where there was one."""
        return self._read(ReferenceMessage, self._post("/references", to_json(message)))

    def _post(self, path: str, body: str) -> httpx.Response:
        return self._send("POST", path, content=body.encode(), headers={"Content-Type": "application/json"})

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        file: tuple[str, BinaryIO, str] | None = None,
    ) -> httpx.Response:
        try:
            response = self._http.request(
                method,
                f"/api/v1{path}",
                content=content,
                headers=dict(headers or {}),
                params=dict(params or {}),
                files=None if file is None else {"file": file},
            )
        except httpx.TransportError as error:
            raise self._away(str(error) or type(error).__name__) from error
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or response.status_code in _AWAY:
            raise self._away(f"HTTP status {response.status_code}")
        if not response.is_success:
            problem, remedy = _told(response)
            raise _REFUSALS.get(response.status_code, ServiceError)(problem, remedy=remedy)
        return response

    def _read(self, cls: type[M], response: httpx.Response) -> M:
        try:
            return parse_json(cls, response.content)
        except ParseError as error:
            raise ServiceError(
                f"The service at {self._http.base_url} gave an answer that this machine does not understand.",
                remedy="Use the same version of Petalite on both sides.",
            ) from error

    def _away(self, why: str) -> ServiceAwayError:
        return ServiceAwayError(
            f"The service at {self._http.base_url} does not answer: {why}.",
            remedy="Finished answers are kept here and delivered later.",
        )


def _told(response: httpx.Response) -> tuple[str, str]:
    """What went wrong and what to do about it, in the service's words where it has any."""
    try:
        told = response.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        told = {}
    problem = str(told.get("detail") or f"The service refused with HTTP status {response.status_code}.")
    remedy = str(told.get("remedy") or "Check the service's address and its version.")
    return problem[:LONGEST_TOLD], remedy[:LONGEST_TOLD]
