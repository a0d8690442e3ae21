"""Importing from OPTIMADE providers that are slow, broken, hostile or simply there."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from domain.errors import InvalidValueError, ProviderError
from services.materials.importing import Holder, ImportProgress, import_from_provider
from services.materials.provider import Provider, ProviderLimits
from services.store.examples import bench

BASE = "https://provider.example/v1"
PUBLIC = ("93.184.216.34",)
Handler = Callable[[httpx.Request], httpx.Response]


def entry(name: str) -> dict[str, object]:
    return {
        "id": name,
        "type": "structures",
        "attributes": {
            "lattice_vectors": [[4, 0, 0], [0, 4, 0], [0, 0, 4]],
            "cartesian_site_positions": [[0, 0, 0], [2, 2, 2]],
            "species": [
                {"name": "Cs", "chemical_symbols": ["Cs"], "concentration": [1.0]},
                {"name": "Cl", "chemical_symbols": ["Cl"], "concentration": [1.0]},
            ],
            "species_at_sites": ["Cs", "Cl"],
            "_provider_band_gap": 5.0,
            "_provider_blob": {"nested": 1},
        },
    }


def provider(handler: Handler, *, addresses: tuple[str, ...] = PUBLIC, base: str = BASE, **limits: float) -> Provider:
    return Provider(
        base,
        limits=ProviderLimits(**{"page_entries": 2, **limits}),
        resolve=lambda host, port: addresses,
        transport=httpx.MockTransport(handler),
    )


def pages(request: httpx.Request) -> httpx.Response:
    """Three pages, whose links know the provider only as its proxy calls it."""
    number = int(request.url.params.get("page", 0))
    following = f"http://provider.example/v1/structures?page={number + 1}" if number < 2 else None
    link = {"href": following} if number == 0 else following
    bad = [{"id": "bad", "type": "structures", "attributes": {}}, "nonsense"] if number == 1 else []
    content = {"data": [entry(f"e{number}"), *bad], "links": {"next": link}, "meta": {"data_returned": 5}}
    return httpx.Response(200, json=content)


def test_every_page_is_kept_and_bad_structures_are_told(tmp_path: Path) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return pages(request)

    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        told: list[ImportProgress] = []
        origin = provider(handler)
        begin = ImportProgress(origin.first_page('elements HAS "Cs"'))
        tally = import_from_provider(opened.store, origin, Holder(None, "ann"), begin=begin, told=told.append)
        assert (tally.n_read, tally.n_new, tally.n_refused, tally.n_found) == (5, 3, 2, 5)
        assert "attributes.lattice_vectors" in tally.problems[0]
        again = import_from_provider(opened.store, origin, Holder(None, "ann"), begin=told[0], told=told.append)
        assert (again.n_read, again.n_new, again.n_known) == (5, 1, 2)
        first = opened.store.materials.get(1)
        assert first.material.source == "provider.example"
        assert first.material.blueprint is not None
        assert first.material.space_group == 221
        assert first.material.properties == {"_provider_band_gap": 5.0}
    assert asked[0].url.host == PUBLIC[0]
    assert asked[0].headers["host"] == "provider.example"
    assert asked[0].extensions["sni_hostname"] == "provider.example"
    assert "filter=elements" in str(asked[0].url)
    assert {request.url.scheme for request in asked} == {"https"}


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.7",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_nothing_inside_this_network_is_asked(number: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        pytest.fail("It was asked.")

    with pytest.raises(InvalidValueError, match="inside this network"):
        provider(handler, addresses=(*PUBLIC, number)).fetch(f"{BASE}/structures")


def test_a_host_inside_may_be_allowed_by_name() -> None:
    allowed = Provider(
        "http://inside.example:8080",
        allowed_hosts=frozenset({"inside.example"}),
        resolve=lambda host, port: ("10.0.0.1",),
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json={"data": []})),
    )
    assert allowed.base_url == "http://inside.example:8080/v1"
    assert allowed.fetch(allowed.first_page("")).entries == ()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(500), "status 500"),
        (httpx.Response(200, text="<html>"), "no JSON"),
        (httpx.Response(200, text="[" * 100_000), "no JSON"),
        (httpx.Response(200, json=[1]), "no JSON object"),
        (httpx.Response(200, json={"data": {}}), "no list of structures"),
        (httpx.Response(200, text="x" * 300_000), "larger than"),
        (httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"x")), "compressed"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example/v1"}), "another host"),
        (httpx.Response(302, headers={"location": f"{BASE}/structures"}), "without end"),
        (httpx.Response(200, json={"data": [], "links": {"next": "https://elsewhere.example/"}}), "another host"),
    ],
)
def test_nonsense_is_refused(answer: httpx.Response, reason: str) -> None:
    with pytest.raises(ProviderError, match=reason):
        provider(lambda request: answer, answer_bytes=200_000).fetch(f"{BASE}/structures")


def test_what_no_database_can_keep_is_replaced_or_refused(tmp_path: Path) -> None:
    odd = json.dumps({"data": [entry("a\0b\ud800"), entry("n" * 1000)]}).replace("5.0", "NaN")
    origin = provider(lambda request: httpx.Response(200, text=odd))
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        begin = ImportProgress(origin.first_page(""))
        tally = import_from_provider(opened.store, origin, Holder(None, "ann"), begin=begin, told=lambda progress: None)
        assert (tally.n_new, tally.n_refused) == (1, 1)
        material = opened.store.materials.get(1).material
    assert material.source_id == "a\N{REPLACEMENT CHARACTER}b?"
    assert material.properties == {"_provider_band_gap": "nan"}


def test_a_provider_that_goes_in_circles_is_left() -> None:
    content = {"data": [], "links": {"next": f"{BASE}/structures?page=1"}}
    origin = provider(lambda request: httpx.Response(200, json=content))
    with pytest.raises(ProviderError, match="same page"):
        list(origin.pages(origin.first_page("")))


def test_a_provider_that_is_away_is_named() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ProviderError, match=r"provider\.example cannot be reached: refused"):
        provider(handler).fetch(f"{BASE}/structures")
    with pytest.raises(InvalidValueError, match="no host"):
        provider(handler, addresses=()).fetch(f"{BASE}/structures")


@pytest.mark.parametrize(
    "url", ["", "ftp://x.example", "https://", "https://user:secret@x.example", "https://x.example:0"]
)
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match="no address of a provider"):
        Provider(url)


def test_plain_http_and_pages_of_others_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="not encrypted"):
        provider(pages, base="http://provider.example").fetch("http://provider.example/v1/structures")
    with pytest.raises(InvalidValueError, match="no page of"):
        provider(pages).fetch("https://elsewhere.example/v1/structures")
    with pytest.raises(InvalidValueError, match="no page of"):
        provider(pages).fetch("http://provider.example/v1/structures")


def test_progress_survives_as_json() -> None:
    from domain.parsing import parse_json, to_json

    progress = ImportProgress("https://x.example/next")
    assert parse_json(ImportProgress, to_json(progress)) == progress
    assert json.loads(to_json(progress))["next"] == "https://x.example/next"
