"""What a machine sets for every campaign on it: the environment, read once and handed on."""

import difflib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.engine import URL

from domain.errors import InvalidValueError
from domain.trust import CALCULATORS, HOME, MODELS, Trust, read_home, read_trust
from services.access.oidc_settings import OIDC_VARIABLES, OidcSettings, load_oidc_settings

_PREFIX: Final = "PETALITE_"
_STORE_URL: Final = "PETALITE_STORE_URL"
_WORKERS: Final = "PETALITE_WORKERS"
_CAMPAIGNS: Final = "PETALITE_CAMPAIGNS"
_HOST: Final = "PETALITE_HOST"
_PORT: Final = "PETALITE_PORT"
_PUBLIC_URL: Final = "PETALITE_PUBLIC_URL"
_ARTIFACTS: Final = "PETALITE_ARTIFACTS"
_SCRATCH: Final = "PETALITE_SCRATCH"
_BACKUPS: Final = "PETALITE_BACKUPS"
_NOTIFY_FILE: Final = "PETALITE_NOTIFY_FILE"
_TRUSTED_PROXIES: Final = "PETALITE_TRUSTED_PROXIES"
_LOG_LEVEL: Final = "PETALITE_LOG_LEVEL"
_LOOK_FILE_MIB: Final = "PETALITE_LOOK_FILE_MIB"
LARGEST_LOOK_FILE_MIB: Final = 64
"""More than this is not received at once."""
_KNOWN: Final = (
    HOME,
    _STORE_URL,
    _WORKERS,
    _CAMPAIGNS,
    _HOST,
    _PORT,
    _PUBLIC_URL,
    _ARTIFACTS,
    _SCRATCH,
    MODELS,
    CALCULATORS,
    _BACKUPS,
    _NOTIFY_FILE,
    _TRUSTED_PROXIES,
    _LOG_LEVEL,
    _LOOK_FILE_MIB,
    *OIDC_VARIABLES,
)
_TEST_PREFIX: Final = "PETALITE_TEST_"
"""Variables of the test suite, of no meaning here."""
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a machine keeps its data, where it listens and how much it does at once."""

    home: Path
    """Folder of everything that Petalite writes."""
    store_url: str
    """Address of the store. May hold a password: never shown."""
    workers: int
    """Computed looks at the same time, in each campaign."""
    artifacts: Path
    """Folder of files handed in, kept by content; all machines of a service share it."""
    scratch: Path
    """Folder for the temporary files of looks; best on a fast disk of the machine itself."""
    campaigns: int = 2
    """Campaigns that one worker advances at the same time."""
    host: str = "127.0.0.1"
    """Address that the service listens on."""
    port: int = 8642
    """Port that the service listens on."""
    public_url: str = "http://127.0.0.1:8642"
    """Address that people and machines reach the service by, without a slash at its end."""
    notify_file: Path | None = None
    """YAML file of who is told what; None tells nobody."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose word on the client's address and on https is taken."""
    log_level: str = "info"
    """The least important line that is logged."""
    backups: Path | None = None
    """Folder of the backups that administrators ask for; None for one in the home folder."""
    oidc: OidcSettings | None = None
    """The identity provider that people may sign in through; None where passwords are all there is."""
    trust: Trust = field(default_factory=Trust)
    """What specs may let this machine run."""
    look_file_MiB: int = LARGEST_LOOK_FILE_MIB
    """Largest file of a look that is kept; an answer counts without what is larger."""

    def __post_init__(self) -> None:
        for name, number in ((_WORKERS, self.workers), (_CAMPAIGNS, self.campaigns)):
            if number < 1:
                raise InvalidValueError(f"{name} is {number}.", remedy="Allow at least 1.")
        if not 1 <= self.look_file_MiB <= LARGEST_LOOK_FILE_MIB:
            raise InvalidValueError(
                f"{_LOOK_FILE_MIB} is {self.look_file_MiB}.", remedy=f"Give from 1 to {LARGEST_LOOK_FILE_MIB}."
            )
        if not 0 <= self.port <= 65535:
            raise InvalidValueError(
                f"{_PORT} is {self.port}.", remedy="Give a port from 1 to 65535, or 0 for any free one."
            )
        if self.log_level not in _LOG_LEVELS:
            raise InvalidValueError(
                f"{_LOG_LEVEL} is '{self.log_level}'.", remedy=f"Give one of {', '.join(_LOG_LEVELS)}."
            )
        for saved in (self.artifacts, self.home / "generators"):
            if self.backup_folder.resolve().is_relative_to(saved.resolve()):
                raise InvalidValueError(
                    f"{_BACKUPS} is {self.backup_folder}, which is part of what is backed up.",
                    remedy=f"Give a folder outside {saved}.",
                )
        for folder in self.trust.model_folders:
            self._require_apart(folder)
        _require_public_url(self.public_url)
        for proxy in self.trusted_proxies:
            _require_network(proxy)

    def _require_apart(self, folder: Path) -> None:
        """Refuses to trust what anybody may hand in."""
        trusted, artifacts = folder.resolve(), self.artifacts.resolve()
        if trusted.is_relative_to(artifacts) or artifacts.is_relative_to(trusted):
            raise InvalidValueError(
                f"{MODELS} holds {folder}, but files that people hand in are kept in {self.artifacts}, and what is "
                "trusted is run.",
                remedy="Give a folder that only you write to.",
            )

    @property
    def backup_folder(self) -> Path:
        """Where backups lie that administrators ask for."""
        return self.backups or self.home / "backups"

    @property
    def is_https(self) -> bool:
        """Whether the service is reached by https, so that cookies may insist on it."""
        return self.public_url.startswith("https://")


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Reads the settings from environment variables.

    | variable | meaning | without it |
    |---|---|---|
    | PETALITE_HOME | folder of everything that Petalite writes | petalite-data, here |
    | PETALITE_STORE_URL | address of the store | an SQLite file in that folder |
    | PETALITE_WORKERS | computed looks at the same time, in each campaign | 2 |
    | PETALITE_CAMPAIGNS | campaigns that one worker advances at the same time | 2 |
    | PETALITE_HOST | address that the service listens on | 127.0.0.1 |
    | PETALITE_PORT | port that the service listens on | 8642 |
    | PETALITE_PUBLIC_URL | address that people reach the service by | http://, host and port |
    | PETALITE_ARTIFACTS | folder of files handed in | artifacts in the home folder |
    | PETALITE_SCRATCH | folder in which looks compute | scratch in the home folder |
    | PETALITE_MODELS | folders whose checkpoints and tables are used, by colons | models in the home folder |
    | PETALITE_CALCULATORS | ASE calculators that specs may name, by commas | gpaw,ase.calculators |
    | PETALITE_BACKUPS | folder of backups that administrators ask for | backups in the home folder |
    | PETALITE_NOTIFY_FILE | YAML file of who is told what | nobody is told |
    | PETALITE_TRUSTED_PROXIES | addresses and networks of reverse proxies, by commas | none |
    | PETALITE_LOG_LEVEL | debug, info, warning or error | info |
    | PETALITE_LOOK_FILE_MIB | largest file of a look that is kept, in MiB, 64 at most | 64 |
    | PETALITE_OIDC_ISSUER | address of the identity provider that people may sign in through | passwords alone |
    | PETALITE_OIDC_CLIENT_ID | as what this service is registered there | |
    | PETALITE_OIDC_CLIENT_SECRET_FILE | file with the secret that it was given there | |
    | PETALITE_OIDC_CLAIM_MAP_FILE | YAML file of who is let in as what by what the provider says | whoever is linked |
    | PETALITE_OIDC_SCOPES | what is asked of the provider | openid profile |

    Raises:
        InvalidValueError: If a variable has an impossible value, or begins with PETALITE_ and is unknown.
    """
    for name in environ:
        if name.startswith(_PREFIX) and name not in _KNOWN and not name.startswith(_TEST_PREFIX):
            close = difflib.get_close_matches(name, _KNOWN, n=1, cutoff=0.8)
            remedy = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(_KNOWN)}."
            raise InvalidValueError(f"The environment variable {name} is unknown.", remedy=remedy)
    home = read_home(environ)
    host = environ.get(_HOST) or "127.0.0.1"
    port = _whole_number(environ, _PORT, 8642)
    own_store = URL.create("sqlite", database=str(home / "petalite.sqlite3")).render_as_string()
    notify_file = environ.get(_NOTIFY_FILE)
    backups = environ.get(_BACKUPS)
    return Settings(
        home=home,
        store_url=environ.get(_STORE_URL) or own_store,
        workers=_whole_number(environ, _WORKERS, 2),
        artifacts=_folder(environ.get(_ARTIFACTS) or str(home / "artifacts")),
        scratch=_folder(environ.get(_SCRATCH) or str(home / "scratch")),
        campaigns=_whole_number(environ, _CAMPAIGNS, 2),
        host=host,
        port=port,
        public_url=(environ.get(_PUBLIC_URL) or own_url(host, port)).rstrip("/"),
        notify_file=_folder(notify_file) if notify_file else None,
        trusted_proxies=tuple(filter(None, (part.strip() for part in environ.get(_TRUSTED_PROXIES, "").split(",")))),
        log_level=(environ.get(_LOG_LEVEL) or "info").lower(),
        backups=_folder(backups) if backups else None,
        oidc=load_oidc_settings(environ),
        trust=read_trust(environ),
        look_file_MiB=_whole_number(environ, _LOOK_FILE_MIB, LARGEST_LOOK_FILE_MIB),
    )


def own_url(host: str, port: int) -> str:
    """The address of a service that listens on a host and port of this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - names the wildcard, binds nothing
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _whole_number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    try:
        return int(text)
    except ValueError as error:
        raise InvalidValueError(f"{name} is '{text}'.", remedy="Give a whole number.") from error


def _require_public_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        is_usable = is_usable and not (parts.query or parts.fragment)
        _ = parts.port
    except ValueError:
        is_usable = False
    if not is_usable:
        raise InvalidValueError(
            f"{_PUBLIC_URL} is no address of a service.",
            remedy="Give http:// or https:// with a host, such as https://petalite.example.org, and no password.",
        )


def _require_network(text: str) -> None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise InvalidValueError(
            f"{_TRUSTED_PROXIES} holds '{text}', which is no address or network.",
            remedy="Give IP addresses or networks such as 10.0.0.0/8, by commas.",
        ) from error
