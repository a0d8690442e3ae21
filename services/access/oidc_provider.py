"""One identity provider: where it says that it is, with which keys it signs, and what it gives for a code.

Source: OpenID Connect Core 1.0 §3.1 and Discovery 1.0; PKCE: RFC 7636.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

import httpx

from domain.errors import IdentityProviderError, NotAuthenticatedError
from domain.json_value import JsonObject
from services.access.oidc_claims import ClaimMap, load_claim_map
from services.access.oidc_http import BoundedHttp, unusable
from services.access.oidc_settings import OidcSettings, is_safe_address

if TYPE_CHECKING:
    from joserfc.jwk import DictKey, Key, KeySet

T = TypeVar("T")

ALGORITHMS: Final = ("RS256", "ES256")
"""How an identity token may be signed."""
_SHORTEST_MODULUS: Final = 342
"""Characters in base64 of the 2048 bits that an RSA key needs."""
_LASTS_S: Final = 3600.0
_FAILURE_LASTS_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Discovery:
    """What the provider says of itself."""

    issuer: str
    """As the provider writes it in its tokens."""
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    client_authentication: str
    """How this service shows the token endpoint who it is."""


class IdentityProvider:
    """The identity provider of a service. Threads may share it; nothing is asked before it is needed."""

    def __init__(
        self,
        settings: OidcSettings,
        *,
        client_secret: str,
        claim_map: ClaimMap | None = None,
        http: BoundedHttp | None = None,
    ) -> None:
        self.issuer = settings.issuer
        self.client_id = settings.client_id
        self.claim_map = claim_map
        self._scopes = " ".join(settings.scopes)
        self._secret = client_secret
        self._http = http or BoundedHttp()
        self._discovery = _Remembered(self._discover)
        self._keys = _Remembered(self._fetch_keys)

    def discovery(self) -> Discovery:
        """What the provider says of itself; asked once an hour.

        Raises:
            IdentityProviderError: If it cannot be reached or says nothing usable.
        """
        return self._discovery.get()

    def signing_keys(self, *, are_fresh: bool = False) -> "KeySet":
        """The keys with which it signs; asked once an hour.

        Args:
            are_fresh: Whether to ask again now, because it signed with a key that is not among them.

        Raises:
            IdentityProviderError: If it cannot be reached or has no usable key.
        """
        return self._keys.get(is_fresh=are_fresh)

    def sign_in_address(self, *, redirect_uri: str, state: str, nonce: str, code_verifier: str) -> str:
        """Where the browser goes to sign in.

        Raises:
            IdentityProviderError: If the provider cannot be used.
        """
        from authlib.oauth2.client import OAuth2Client

        client = OAuth2Client(
            self._http,
            client_id=self.client_id,
            scope=self._scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        address, _ = client.create_authorization_url(
            self.discovery().authorization_endpoint, state=state, code_verifier=code_verifier, nonce=nonce
        )
        return str(address)

    def identity_token(self, code: str, *, redirect_uri: str, code_verifier: str) -> str:
        """Gives a code back for the identity token, which nobody has verified yet.

        Raises:
            NotAuthenticatedError: If the provider does not accept the code.
            IdentityProviderError: If the provider cannot be used.
        """
        from authlib.common.errors import AuthlibBaseError
        from authlib.oauth2.client import OAuth2Client

        found = self.discovery()
        client = OAuth2Client(
            self._http,
            client_id=self.client_id,
            client_secret=self._secret,
            token_endpoint_auth_method=found.client_authentication,
            redirect_uri=redirect_uri,
        )
        try:
            answer = client.fetch_token(found.token_endpoint, code=code, code_verifier=code_verifier)
            token = answer.get("id_token")
        except AuthlibBaseError as error:
            raise NotAuthenticatedError(
                "The identity provider does not accept the code.", remedy="Sign in again from the beginning."
            ) from error
        except (httpx.HTTPError, ValueError, TypeError, RecursionError) as error:
            raise unusable(found.token_endpoint, "its answer to a code cannot be read") from error
        if not isinstance(token, str):
            raise unusable(found.token_endpoint, "it gives no identity token")
        return token

    def _discover(self) -> Discovery:
        url = f"{self.issuer}/.well-known/openid-configuration"
        said = self._json(url)
        issuer = said.get("issuer")
        # Providers disagree about the slash; whatever else differs is another issuer.
        if not isinstance(issuer, str) or issuer.rstrip("/") != self.issuer:
            raise unusable(url, "it calls itself by another issuer than PETALITE_OIDC_ISSUER")
        algorithms = said.get("id_token_signing_alg_values_supported", ["RS256"])
        if not isinstance(algorithms, list) or not set(ALGORITHMS) & {str(name) for name in algorithms}:
            raise unusable(url, f"it signs with none of {', '.join(ALGORITHMS)}")
        # Without the key it means the first (RFC 8414).
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        known = [name for name in ("client_secret_basic", "client_secret_post") if name in _listed(methods)]
        if not known:
            raise unusable(url, "it takes no client secret")
        return Discovery(
            issuer=issuer,
            authorization_endpoint=_endpoint(url, said, "authorization_endpoint"),
            token_endpoint=_endpoint(url, said, "token_endpoint"),
            jwks_uri=_endpoint(url, said, "jwks_uri"),
            client_authentication=known[0],
        )

    def _fetch_keys(self) -> "KeySet":
        from joserfc.jwk import KeySet

        url = self.discovery().jwks_uri
        keys = [key for listed in _listed(self._json(url).get("keys")) for key in _public_key(listed)]
        if not keys:
            raise unusable(url, "none of its keys can be used")
        return KeySet(keys)

    def _json(self, url: str) -> JsonObject:
        answer = self._http.get(url)
        if answer.status_code != httpx.codes.OK:
            raise unusable(url, f"it answers with status {answer.status_code}")
        try:
            said = json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise unusable(url, "its answer is no JSON") from error
        if not isinstance(said, dict):
            raise unusable(url, "its answer is no JSON object")
        return said


def connect(settings: OidcSettings) -> IdentityProvider:
    """Takes an identity provider into use, without asking it yet.

    Raises:
        InvalidValueError: If the secret cannot be read.
        SpecError: If the claim map cannot be read or is not understood.
    """
    claim_map = None if settings.claim_map_file is None else load_claim_map(settings.claim_map_file)
    return IdentityProvider(settings, client_secret=settings.read_client_secret(), claim_map=claim_map)


def _public_key(listed: object) -> Iterator["Key"]:
    """Reads one of the provider's keys; nothing where it is of a kind or length that is not used here."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    match listed:
        case {"kty": "RSA", "n": str(modulus)} if len(modulus) >= _SHORTEST_MODULUS:
            kind: type[RSAKey | ECKey] = RSAKey
        case {"kty": "EC"}:
            kind = ECKey
        case _:
            return
    # Beside the keys that count, a provider may publish some that nobody here can read.
    with suppress(JoseError, ValueError, TypeError):
        yield kind.import_key(cast("DictKey", listed))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _endpoint(url: str, said: JsonObject, name: str) -> str:
    address = said.get(name)
    if not isinstance(address, str) or not is_safe_address(address):
        raise unusable(url, f"its {name} is no https address")
    return address


class _Remembered(Generic[T]):
    """Something that is fetched when it is needed and kept for a while; so is, for moments, that it failed."""

    def __init__(self, fetch: Callable[[], T]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._kept: T | None = None
        self._until = 0.0
        self._failed: IdentityProviderError | None = None

    def get(self, *, is_fresh: bool = False) -> T:
        with self._lock:
            now = time.monotonic()
            if now < self._until and self._failed is not None:
                # A provider that hangs would else keep everybody who waits here waiting once more.
                raise IdentityProviderError(self._failed.problem, remedy=self._failed.remedy)
            if now < self._until and self._kept is not None and not is_fresh:
                return self._kept
            try:
                self._kept, self._failed = self._fetch(), None
            except IdentityProviderError as error:
                self._kept, self._failed, self._until = None, error, time.monotonic() + _FAILURE_LASTS_S
                raise
            self._until = time.monotonic() + _LASTS_S
            return self._kept
