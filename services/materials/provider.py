"""Structures of OPTIMADE providers over the network, page by page.

The address is the user's and the answers are strangers': nothing inside this network can be reached by it unless its
host is named on purpose, and no answer may be endless. A name is resolved once and that very address is connected to,
so that it cannot point elsewhere a moment later.
"""

import ipaddress
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import httpx

from domain.errors import InvalidValueError, ProviderError
from domain.json_value import JsonObject, JsonValue

Resolver: TypeAlias = Callable[[str, int], tuple[str, ...]]
"""Finds the addresses of a host and port."""

_MOST_REDIRECTS: Final = 3
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""Stands for an IPv4 address in its last 32 bits (RFC 6052)."""
_FIELDS: Final = (
    "lattice_vectors,cartesian_site_positions,species,species_at_sites,structure_features,"
    "chemical_formula_descriptive,last_modified,immutable_id"
)


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """How much one import may take."""

    page_entries: int = 100
    """Structures that are asked for at once."""
    pages: int = 1_000
    answer_bytes: int = 32 * 2**20
    """Of one page."""
    page_s: float = 60.0
    """From the question to the end of the answer."""


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """Some structures of a provider."""

    entries: tuple[JsonValue, ...]
    next: str | None
    """Address of the next page; None after the last one."""
    n_found: int | None
    """Structures that fulfil the filter, where the provider says."""


class Provider:
    """One OPTIMADE provider."""

    def __init__(
        self,
        base_url: str,
        *,
        allowed_hosts: frozenset[str] = frozenset(),
        limits: ProviderLimits = ProviderLimits(),
        resolve: Resolver | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Takes an address, without asking it yet.

        Args:
            base_url: With or without the version, such as `https://optimade.example.org/v1`.
            allowed_hosts: Hosts that may be reached although they are inside this network or speak plain HTTP.
            limits: How much one import may take.
            resolve: Finds addresses; the system's resolver by default.
            transport: Carries requests; the network by default.
        """
        self.limits = limits
        self._allowed_hosts = allowed_hosts
        self._resolve = resolve or _addresses
        self._transport = transport
        self.base_url = _versioned(base_url)
        self.name = urlsplit(self.base_url).hostname or ""

    def first_page(self, filter_: str) -> str:
        """Address of the first page of a filter."""
        query = {"page_limit": str(self.limits.page_entries), "response_fields": _FIELDS, "response_format": "json"}
        if filter_:
            query["filter"] = filter_
        return f"{self.base_url}/structures?{urlencode(query)}"

    def pages(self, start: str) -> Iterator[ProviderPage]:
        """Fetches one page after another from an address on.

        Raises:
            ProviderError: If the provider cannot be reached, answers nonsense, or too much.
        """
        address: str | None = start
        for _ in range(self.limits.pages):
            if address is None:
                return
            page = self.fetch(address)
            yield page
            if page.next == address:
                raise self._nonsense("its next page is the same page")
            address = page.next

    def fetch(self, address: str) -> ProviderPage:
        """Fetches one page.

        Raises:
            InvalidValueError: If the address is not this provider's, or leads nowhere or inside this network.
            ProviderError: If the provider cannot be reached, answers nonsense, or too much.
        """
        self._require_own(address)
        answer = self._get(address)
        data, links, meta = answer.get("data"), answer.get("links"), answer.get("meta")
        if not isinstance(data, list):
            raise self._nonsense("its answer has no list of structures")
        following = links.get("next") if isinstance(links, dict) else None
        if isinstance(following, dict):
            following = following.get("href")
        n_found = meta.get("data_returned") if isinstance(meta, dict) else None
        return ProviderPage(
            entries=tuple(data),
            next=self._own(urljoin(address, following)) if isinstance(following, str) and following else None,
            n_found=n_found if isinstance(n_found, int) else None,
        )

    def _get(self, address: str) -> JsonObject:
        deadline = time.monotonic() + self.limits.page_s
        with httpx.Client(
            transport=self._transport, timeout=self.limits.page_s, trust_env=False, follow_redirects=False
        ) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                try:
                    with closing(client.send(self._request(client, address), stream=True)) as response:
                        if response.is_redirect:
                            address = self._own(urljoin(address, response.headers.get("location", "")))
                            continue
                        return self._answer(response, deadline)
                except httpx.HTTPError as error:
                    raise ProviderError(
                        f"{self.name} cannot be reached: {str(error) or type(error).__name__}.",
                        remedy="Check the address, or try again later: an import goes on where it stopped.",
                    ) from error
        raise self._nonsense("it redirects without end")

    def _request(self, client: httpx.Client, address: str) -> httpx.Request:
        parts = urlsplit(address)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        # Connected to by number, so that nobody can change what the name means between the check and the connection.
        number = self._reachable(host, port)
        literal = f"[{number}]" if ":" in number else number
        target = urlunsplit((parts.scheme, f"{literal}:{port}", parts.path, parts.query, ""))
        headers = {"Host": parts.netloc, "Accept": "application/json", "Accept-Encoding": "identity"}
        return client.build_request("GET", target, headers=headers, extensions={"sni_hostname": host})

    def _reachable(self, host: str, port: int) -> str:
        numbers = self._resolve(host, port)
        if not numbers:
            raise InvalidValueError(f"There is no host {host}.", remedy="Check the address.")
        inside = [number for number in numbers if not _is_public(number)]
        if inside and host not in self._allowed_hosts:
            raise InvalidValueError(
                f"{host} is inside this network.",
                remedy=f"Whoever runs Petalite may import it: petalite material import URL --allow-host {host}",
            )
        return numbers[0]

    def _answer(self, response: httpx.Response, deadline: float) -> JsonObject:
        if response.status_code != httpx.codes.OK:
            raise self._nonsense(f"it answers with status {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._nonsense("its answer is compressed although that was refused")
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > self.limits.answer_bytes:
                raise self._nonsense(f"its answer is larger than {self.limits.answer_bytes // 2**20} MiB")
            if time.monotonic() > deadline:
                raise self._nonsense(f"its answer takes longer than {self.limits.page_s:g} s")
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._nonsense("its answer is no JSON") from error
        if not isinstance(answer, dict):
            raise self._nonsense("its answer is no JSON object")
        return answer

    def _own(self, address: str) -> str:
        """The same address on the provider's own scheme: many know themselves only by what their proxy tells them."""
        parts, own = urlsplit(address), urlsplit(self.base_url)
        if parts.hostname != own.hostname:
            raise self._nonsense(f"it leads to another host ({parts.hostname})")
        return urlunsplit((own.scheme, own.netloc, parts.path, parts.query, ""))

    def _require_own(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.hostname != urlsplit(self.base_url).hostname or self._own(address) != urlunsplit(
            parts._replace(fragment="")
        ):
            raise InvalidValueError(
                f"{address} is no page of {self.base_url}.", remedy="Give `next` of the page before, unchanged."
            )
        own = urlsplit(self.base_url)
        if own.scheme != "https" and self.name not in self._allowed_hosts:
            raise InvalidValueError(f"{self.base_url} is not encrypted.", remedy="Give an address with https.")

    def _nonsense(self, what: str) -> ProviderError:
        return ProviderError(
            f"{self.name} is no OPTIMADE provider that can be read: {what}.", remedy="Check its address."
        )


def _versioned(base_url: str) -> str:
    parts = urlsplit(base_url.strip())
    try:
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.username is not None:
        raise InvalidValueError(
            f"'{base_url}' is no address of a provider.", remedy="Give one such as https://optimade.example.org/v1."
        )
    path = parts.path.rstrip("/").removesuffix("/structures")
    if not any(part[:1] == "v" and part[1:2].isdigit() for part in path.split("/")):
        path += "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _addresses(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(number: str) -> bool:
    address = ipaddress.ip_address(number)
    meant: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        # Some addresses are other addresses in disguise, and those are what counts.
        disguised = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
        meant += [inner for inner in disguised if inner is not None]
        if address in _TRANSLATED:
            meant.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return all(one.is_global and not one.is_multicast for one in meant)
