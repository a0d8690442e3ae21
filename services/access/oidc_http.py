"""Asking an identity provider over the network: no answer may be endless, and none leads elsewhere."""

import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import httpx

from domain.errors import IdentityProviderError


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How much one answer may take."""

    n_bytes: int = 512 * 2**10
    whole_s: float = 5.0
    """From the question to the end of the answer, up to one more silence of the same length."""


class ClientAuthentication(Protocol):
    """Shows the provider which client is asking."""

    def prepare(self, method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, dict[str, str], str]:
        """Adds what it shows to a request."""
        ...


class BoundedHttp:
    """Asks, and reads no more than the limits allow. Redirects are not followed."""

    def __init__(self, limits: AnswerLimits = AnswerLimits()) -> None:
        self._limits = limits

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        # Reading every authority's certificate takes longer than the question itself.
        return httpx.create_ssl_context()

    def get(self, url: str) -> httpx.Response:
        """Asks for what is at an address.

        Raises:
            IdentityProviderError: If nobody answers, or too slowly or too much.
        """
        return self._ask("GET", url, headers={"Accept": "application/json"}, content="")

    def post(
        self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: ClientAuthentication
    ) -> httpx.Response:
        """Sends a form in the name of a client.

        Raises:
            IdentityProviderError: If nobody answers, or too slowly or too much.
        """
        url, signed, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return self._ask("POST", url, headers=signed, content=body)

    def _ask(self, method: str, url: str, *, headers: Mapping[str, str], content: str) -> httpx.Response:
        deadline = time.monotonic() + self._limits.whole_s
        try:
            with httpx.Client(verify=self._trusted, timeout=self._limits.whole_s, follow_redirects=False) as client:
                request = client.build_request(
                    method, url, headers={**headers, "Accept-Encoding": "identity"}, content=content
                )
                with closing(client.send(request, stream=True)) as response:
                    body = self._read(response, deadline)
                return httpx.Response(response.status_code, headers=_kept(response), content=body, request=request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unusable(url, f"it cannot be reached ({type(error).__name__})") from error

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        url = str(response.request.url)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise unusable(url, "its answer is compressed although that was refused")
        content = bytearray()
        for chunk in response.iter_raw():
            content += chunk
            if len(content) > self._limits.n_bytes:
                raise unusable(url, f"its answer is larger than {self._limits.n_bytes // 2**10} KiB")
            if time.monotonic() > deadline:
                raise unusable(url, f"its answer takes longer than {self._limits.whole_s:g} s")
        return bytes(content)


def unusable(url: str, why: str) -> IdentityProviderError:
    """What to say of a provider that cannot be used."""
    return IdentityProviderError(
        f"The identity provider {urlsplit(url).hostname} cannot be used: {why}.",
        remedy="Try again later, or sign in with a password; whoever runs this service can look with petalite doctor.",
    )


def _kept(response: httpx.Response) -> dict[str, str]:
    kind = response.headers.get("content-type")
    return {"Content-Type": kind} if kind else {}
