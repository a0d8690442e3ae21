"""A small identity provider on this machine, for tests: it lets everybody in as the same person."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from services.access.oidc_provider import IdentityProvider
from services.access.oidc_settings import OidcSettings

CLIENT_ID: Final = "petalite"
CLIENT_SECRET: Final = "a secret of client and provider"  # noqa: S105 - of nobody but tests


@dataclass(slots=True)
class Conduct:
    """What the provider says, which a test may change."""

    key: RSAKey | ECKey
    """With which it signs."""
    subject: str = "248289761001"
    claims: dict[str, object] = field(default_factory=dict)
    """Instead of, or beside, the usual ones; those that are None are left out."""
    discovery: dict[str, object] = field(default_factory=dict)
    algorithm: str = "RS256"
    forge: Callable[[dict[str, object]], str] | None = None
    """Makes the token of its claims in the place of the provider's key."""
    keys_answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    n_key_requests: int = 0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)


class LittleProvider(ThreadingHTTPServer):
    """An identity provider on this machine, which lets everybody in as the same person."""

    daemon_threads = True

    def __init__(self, key: RSAKey) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.conduct = Conduct(key)
        self.closing = threading.Event()
        """Set when it ends, for answers that would not."""

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def token(self, asked: dict[str, str]) -> str:
        """The identity token that answers a sign-in which asked for this."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.conduct.subject,
            "aud": asked["client_id"],
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            **self.conduct.claims,
        }
        given = {name: value for name, value in claims.items() if value is not None}
        if self.conduct.forge is not None:
            return self.conduct.forge(given)
        header = {"alg": self.conduct.algorithm, "kid": self.conduct.key.kid}
        return jwt.encode(header, given, self.conduct.key, algorithms=[self.conduct.algorithm])


class _Handler(BaseHTTPRequestHandler):
    server: LittleProvider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        conduct = self.server.conduct
        match parts.path:
            case "/.well-known/openid-configuration":
                issuer = self.server.issuer
                self.answer(
                    {
                        "issuer": issuer,
                        "authorization_endpoint": f"{issuer}/authorize?tenant=1",
                        "token_endpoint": f"{issuer}/token",
                        "jwks_uri": f"{issuer}/keys",
                        **conduct.discovery,
                    }
                )
            case "/keys":
                conduct.n_key_requests += 1
                if conduct.keys_answer is None:
                    self.answer({"keys": [conduct.key.as_dict(private=False), {"kty": "oct", "k": "c2VjcmV0"}]})
                else:
                    conduct.keys_answer(self)
            case "/authorize":
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                code = f"code-{len(conduct.codes)}"
                conduct.codes[code] = asked
                self.send_response(302)
                back = urlencode({"code": code, "state": asked["state"], "iss": self.server.issuer})
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.end_headers()

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        given = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        asked = self.server.conduct.codes.pop(given["code"], None)
        challenge = base64.urlsafe_b64encode(sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        shown = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        is_good = (
            asked is not None
            and shown == f"{CLIENT_ID}:{CLIENT_SECRET}"
            and (asked["code_challenge"], asked["code_challenge_method"]) == (challenge, "S256")
            and asked["redirect_uri"] == given["redirect_uri"]
        )
        if asked is None or not is_good:
            self.answer({"error": "invalid_grant"}, status=400)
            return
        self.answer({"access_token": "x", "token_type": "Bearer", "id_token": self.server.token(asked)})

    def answer(self, said: dict[str, object], *, status: int = 200) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def unasked_provider() -> IdentityProvider:
    """A provider that is nowhere, where identities are linked and nobody signs in."""
    settings = OidcSettings("https://identity.invalid", CLIENT_ID, Path("nowhere"))
    return IdentityProvider(settings, client_secret=CLIENT_SECRET)


@contextmanager
def little_provider(key: RSAKey) -> Iterator[LittleProvider]:
    """Runs a provider that signs with a key."""
    provider = LittleProvider(key)
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        provider.closing.set()
        provider.shutdown()
        provider.server_close()
        thread.join()
