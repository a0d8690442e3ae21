"""Speaks to a Prefect server: what Petalite needs of its API, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from domain.errors import PetaliteError
from domain.json_value import JsonObject, JsonValue

if TYPE_CHECKING:
    import httpx


class PrefectAwayError(PetaliteError):
    """Prefect does not answer, or does not know the deployment yet."""


class PrefectApi:
    """A Prefect server.

    Args:
        environ: Holds PREFECT_API_URL, and PREFECT_API_AUTH_STRING or PREFECT_API_KEY where the server wants one.
        client: Speaks to the server; one is made where none is given.
    """

    def __init__(self, environ: Mapping[str, str], *, client: httpx.Client | None = None) -> None:
        self._client = client or _client(environ)

    def ask(self, method: str, path: str, body: JsonObject | None = None) -> JsonValue:
        """What the server answers to a request.

        Raises:
            PrefectAwayError: If it does not answer, or refuses.
        """
        import httpx

        try:
            answer = self._client.request(method, path, json=body)
            answer.raise_for_status()
            found: JsonValue = answer.json()
        except httpx.HTTPStatusError as error:
            raise PrefectAwayError(
                f"Prefect at {self._client.base_url.host} answers {error.response.status_code} to {path}.",
                remedy="Wait until a worker has made its deployment known, else read the server's log.",
            ) from error
        except (httpx.HTTPError, ValueError) as error:
            raise PrefectAwayError(
                f"Prefect does not answer at {self._client.base_url.host}: {type(error).__name__}.",
                remedy="Start its server; campaigns that wait go on then.",
            ) from error
        return found

    def ask_object(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        """The object that the server answers with; an empty one where it answers with anything else.

        Raises:
            PrefectAwayError: If it does not answer, or refuses.
        """
        found = self.ask(method, path, body)
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


def _client(environ: Mapping[str, str]) -> httpx.Client:
    import httpx

    user, _, password = environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    headers = {"Authorization": f"Bearer {environ['PREFECT_API_KEY']}"} if environ.get("PREFECT_API_KEY") else {}
    return httpx.Client(
        base_url=environ["PREFECT_API_URL"], auth=(user, password) if user else None, headers=headers, timeout=30.0
    )
