"""Which identity provider people may sign in through (OpenID Connect), as the environment says."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from domain.errors import InvalidValueError

_ISSUER: Final = "PETALITE_OIDC_ISSUER"
_CLIENT_ID: Final = "PETALITE_OIDC_CLIENT_ID"
_CLIENT_SECRET_FILE: Final = "PETALITE_OIDC_CLIENT_SECRET_FILE"  # noqa: S105 - the name of a variable
_CLAIM_MAP_FILE: Final = "PETALITE_OIDC_CLAIM_MAP_FILE"
_SCOPES: Final = "PETALITE_OIDC_SCOPES"
OIDC_VARIABLES: Final = (_ISSUER, _CLIENT_ID, _CLIENT_SECRET_FILE, _CLAIM_MAP_FILE, _SCOPES)
_NEEDED: Final = (_ISSUER, _CLIENT_ID, _CLIENT_SECRET_FILE)
_DEFAULT_SCOPES: Final = "openid profile"


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One identity provider, and as whom this service is registered there."""

    issuer: str
    """The provider's address, without a slash at its end."""
    client_id: str
    client_secret_file: Path
    """File with the secret that the provider gave this service."""
    claim_map_file: Path | None = None
    """YAML file of who is let in as what by what the provider says of them; None lets in whoever is linked."""
    scopes: tuple[str, ...] = tuple(_DEFAULT_SCOPES.split())
    """What is asked of the provider."""

    def __post_init__(self) -> None:
        if not is_safe_address(self.issuer):
            raise InvalidValueError(
                f"{_ISSUER} is '{self.issuer}', which is no https address.",
                remedy="Give the provider's issuer, such as https://identity.example.org, as it writes it itself.",
            )
        if "openid" not in self.scopes:
            raise InvalidValueError(f"{_SCOPES} lacks 'openid'.", remedy=f"Give it too: {_DEFAULT_SCOPES} groups.")

    def read_client_secret(self) -> str:
        """Reads the secret.

        Raises:
            InvalidValueError: If the file cannot be read or holds no secret.
        """
        try:
            secret = self.client_secret_file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise InvalidValueError(
                f"{self.client_secret_file} cannot be read: {error.strerror}.", remedy=f"Check {_CLIENT_SECRET_FILE}."
            ) from error
        except UnicodeDecodeError:
            secret = ""
        if not secret or not secret.isprintable():
            raise InvalidValueError(
                f"{self.client_secret_file} holds no secret.", remedy="Put the client secret into it, and nothing else."
            )
        return secret


def load_oidc_settings(environ: Mapping[str, str]) -> OidcSettings | None:
    """Reads the identity provider's settings; None where none of them is set.

    Raises:
        InvalidValueError: If some are missing or one is impossible.
    """
    given = {name: environ[name].strip() for name in OIDC_VARIABLES if environ.get(name, "").strip()}
    if not given:
        return None
    missing = [name for name in _NEEDED if name not in given]
    if missing:
        raise InvalidValueError(
            f"{', '.join(given)} is set, but {' and '.join(missing)} is not.",
            remedy=f"Set all of {', '.join(_NEEDED)}, or none.",
        )
    claim_map = given.get(_CLAIM_MAP_FILE)
    return OidcSettings(
        issuer=given[_ISSUER].rstrip("/"),
        client_id=given[_CLIENT_ID],
        client_secret_file=_file(given[_CLIENT_SECRET_FILE]),
        claim_map_file=_file(claim_map) if claim_map else None,
        scopes=tuple(given.get(_SCOPES, _DEFAULT_SCOPES).replace(",", " ").split()),
    )


def is_safe_address(url: str) -> bool:
    """Whether an address is https, or leads to this very machine, so that nobody on the way can read or change."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname))


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _file(text: str) -> Path:
    return Path(text).expanduser().absolute()
