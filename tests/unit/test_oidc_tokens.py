"""What an identity provider's word is worth: identity tokens, keys, discovery, and answers that never end."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from domain.errors import IdentityProviderError, NotAuthenticatedError
from services.access.oidc_http import AnswerLimits, BoundedHttp
from services.access.oidc_provider import IdentityProvider
from services.access.oidc_settings import OidcSettings
from services.access.oidc_testing import LittleProvider, little_provider
from services.access.oidc_tokens import Identity, read_identity_token

ISSUER = "https://identity.example.org"
CLIENT = "petalite"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = RSAKey.generate_key(2048, {"kid": "first"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "first"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve"})
DISCOVERY = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


class Published(BoundedHttp):
    """Answers with what a provider has published, without a network."""

    def __init__(self, discovery: Mapping[str, object] = DISCOVERY, keys: object = None) -> None:
        super().__init__()
        published = [KEY.as_dict(private=False), CURVE.as_dict(private=False)] if keys is None else keys
        self._answers = {"openid-configuration": discovery, "keys": {"keys": published}}

    def get(self, url: str) -> httpx.Response:
        return httpx.Response(200, json=self._answers[url.rpartition("/")[2]])


def _provider(http: BoundedHttp) -> IdentityProvider:
    return IdentityProvider(OidcSettings(ISSUER, CLIENT, Path("secret")), client_secret="secret", http=http)


def _claims(**changed: object) -> dict[str, object]:
    now = int(NOW.timestamp())
    usual = {"iss": ISSUER, "sub": "ada", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": "drawn"}
    return {name: value for name, value in (usual | changed).items() if value is not None}


def _signed(claims: dict[str, object], key: RSAKey | ECKey = KEY, algorithm: str = "RS256", **header: object) -> str:
    return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, claims, key, algorithms=[algorithm])


def _read(token: str) -> Identity:
    return read_identity_token(token, _provider(Published()), nonce="drawn", now=NOW)


def _after(**span: float) -> int:
    return int((NOW + timedelta(**span)).timestamp())


def test_a_good_token_says_who_it_is() -> None:
    identity = _read(_signed(_claims(groups=["chemists"])))
    assert (identity.issuer, identity.subject, identity.claims["groups"]) == (ISSUER, "ada", ["chemists"])
    assert _read(_signed(_claims(), CURVE, "ES256")).subject == "ada"
    assert _read(_signed(_claims(aud=[CLIENT]))).subject == "ada"
    assert _read(_signed(_claims(aud=[CLIENT, "another"], azp=CLIENT))).subject == "ada"


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ["drawn", "another"]}, "nonce"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": ISSUER + "/"}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another", "a third"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "a" * 256}, "sub"),
        ({"sub": "a\nb"}, "sub"),
        ({"sub": 7}, "sub"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"iat": None}, "iat"),
        ({"nbf": _after(minutes=10)}, "nbf"),
    ],
)
def test_claims_that_prove_nothing(changed: dict[str, object], name: str) -> None:
    with pytest.raises(NotAuthenticatedError, match=f"proves nothing: its claim '{name}'"):
        _read(_signed(_claims(**changed)))


@pytest.mark.parametrize(("name", "sign"), [("exp", -1), ("iat", 1), ("nbf", 1)])
def test_clocks_may_differ_by_a_minute(name: str, sign: int) -> None:
    assert _read(_signed(_claims(**{name: _after(seconds=sign * 59)}))).subject == "ada"
    with pytest.raises(NotAuthenticatedError, match=f"its claim '{name}'"):
        _read(_signed(_claims(**{name: _after(seconds=sign * 61)})))


def _unsigned(claims: dict[str, object]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "kid": "first"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def _with_a_shared_secret(claims: dict[str, object]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("secret-" * 6), algorithms=["HS256"])


FORGERIES: list[Callable[[dict[str, object]], str]] = [
    _unsigned,
    _with_a_shared_secret,
    lambda claims: _signed(claims, OTHER_KEY),
    lambda claims: _signed(claims, OTHER_KEY, jwk=OTHER_KEY.as_dict(private=False)),
    lambda claims: _signed(claims, algorithm="PS256"),
    lambda claims: _signed(claims, algorithm="RS512"),
    lambda claims: _signed(claims, CURVE, "ES256").replace("a", "b"),
    lambda claims: _signed(claims, kid="unknown"),
    lambda claims: "no token",
    lambda claims: "e30.e30.e30",
    lambda claims: "",
    lambda claims: "\N{SNOWMAN}.a.b",
    lambda claims: "." * 100_000,
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_forged_tokens_prove_nothing(forge: Callable[[dict[str, object]], str]) -> None:
    with pytest.raises(NotAuthenticatedError, match="proves nothing"):
        _read(forge(_claims()))


def test_keys_for_other_uses_are_left_aside() -> None:
    secret = {"kty": "oct", "kid": "first", "k": base64.urlsafe_b64encode(b"secret-" * 6).decode()}
    weak = {"kty": "RSA", "kid": "first", "n": "AQAB", "e": "AQAB"}
    unreadable = {"kty": "EC", "kid": "first", "crv": "P-256", "x": "A", "y": "A"}
    good = {**KEY.as_dict(private=False), "alg": "RS256", "use": "sig"}
    provider = _provider(Published(keys=[secret, weak, unreadable, 7, {"kty": "PQ"}, good]))
    assert [key.kid for key in provider.signing_keys()] == ["first"]
    assert read_identity_token(_signed(_claims()), provider, nonce="drawn", now=NOW).subject == "ada"
    with pytest.raises(IdentityProviderError, match="none of its keys can be used"):
        _provider(Published(keys=[secret, weak])).signing_keys()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"issuer": "https://evil.example"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"authorization_endpoint": "http://example.org/authorize"}, "authorization_endpoint is no https address"),
        ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint is no https address"),
        ({"jwks_uri": 7}, "jwks_uri is no https address"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signs with none of RS256, ES256"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "takes no client secret"),
    ],
)
def test_a_provider_that_says_nonsense_is_told(said: dict[str, object], why: str) -> None:
    with pytest.raises(IdentityProviderError, match=why):
        _provider(Published(DISCOVERY | said)).discovery()


@pytest.fixture(scope="module")
def little() -> Iterator[LittleProvider]:
    with little_provider(KEY) as provider:
        yield provider


def _closing(handler: BaseHTTPRequestHandler) -> bool:
    """Waits a moment; says whether the provider ends."""
    assert isinstance(handler.server, LittleProvider)
    return handler.server.closing.wait(0.02)


def _silent(handler: BaseHTTPRequestHandler) -> None:
    while not _closing(handler):
        pass


def _dripping(handler: BaseHTTPRequestHandler) -> None:
    _begin(handler)
    try:
        while not _closing(handler):
            handler.wfile.write(b" ")
    except OSError:
        return


def _compressed(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()


def _redirecting(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/.well-known/openid-configuration")
    handler.end_headers()


def _nested(handler: BaseHTTPRequestHandler) -> None:
    _begin(handler)
    handler.wfile.write(b"[" * 200_000)


def _begin(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()


@pytest.mark.parametrize(
    ("keys_answer", "whole_s", "why"),
    [
        (_silent, 0.2, "cannot be reached"),
        (_dripping, 0.2, "takes longer than 0.2 s"),
        (_compressed, 60.0, "is compressed"),
        (_redirecting, 60.0, "answers with status 302"),
        (_nested, 60.0, "is no JSON"),
    ],
)
def test_no_answer_is_waited_for_without_end(
    little: LittleProvider, keys_answer: Callable[[BaseHTTPRequestHandler], None], whole_s: float, why: str
) -> None:
    little.conduct.keys_answer = keys_answer
    settings = OidcSettings(little.issuer, CLIENT, Path("secret"))
    provider = IdentityProvider(settings, client_secret="secret")
    provider.discovery()
    provider._http = BoundedHttp(AnswerLimits(whole_s=whole_s))
    with pytest.raises(IdentityProviderError, match=why):
        provider.signing_keys()
