"""What a process of the service runs with, for those who administer it. No secret is among it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from domain.errors import PetaliteError
from services.notifications.rules import Target, load_targets
from services.settings import Settings
from services.store import Store

BACKUP_SIGN: Final = "backup"
"""Under this name the store remembers when the last backup was made."""
_PREFECT_UI: Final = "PREFECT_UI_URL"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that the environment decides."""

    name: str
    """The variable."""
    value: str
    """Empty where it is not set."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who is told what happens. The address is a secret and left out."""

    title: str
    kinds: tuple[str, ...]
    campaigns: tuple[str, ...]
    """Only of these; none named: of all."""
    groups: tuple[int, ...]
    """Only of these, by number; none named: of all."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What a process of the service runs with."""

    settings: tuple[Setting, ...]
    told: tuple[Told, ...]
    """Who is told what."""
    notification_problem: str | None
    """Why nobody is told although a file says who; None where all is well."""
    last_backup_at: datetime | None
    """When `petalite backup` last finished; None where it never did."""
    prefect_page: str | None
    """Address of Prefect's own page, where PREFECT_UI_URL names one that browsers reach."""


def describe_installation(settings: Settings, environ: Mapping[str, str], store: Store) -> Installation:
    """Says what a process runs with.

    Args:
        settings: Those of this process.
        environ: Names Prefect's own page.
        store: The open store.
    """
    targets, problem = _targets(settings)
    return Installation(
        settings=tuple(_settings(settings, store)),
        told=tuple(_told(target) for target in targets),
        notification_problem=problem,
        last_backup_at=next((sign.at for sign in store.cursors.signs(BACKUP_SIGN) if sign.name == BACKUP_SIGN), None),
        prefect_page=_web_address(environ.get(_PREFECT_UI, "")),
    )


def _settings(settings: Settings, store: Store) -> Iterator[Setting]:
    oidc = settings.oidc
    yield Setting("PETALITE_HOME", str(settings.home), "folder of everything that Petalite writes")
    yield Setting("PETALITE_STORE_URL", store.address, "the store, without its password")
    yield Setting("PETALITE_ARTIFACTS", str(settings.artifacts), "folder of files handed in")
    yield Setting("PETALITE_SCRATCH", str(settings.scratch), "folder in which looks compute")
    models = ", ".join(map(str, settings.trust.model_folders))
    yield Setting("PETALITE_MODELS", models, "folders whose checkpoints and tables are used")
    calculators = ", ".join(settings.trust.calculators) or "none"
    yield Setting("PETALITE_CALCULATORS", calculators, "ASE calculators that specs may name")
    yield Setting("PETALITE_BACKUPS", str(settings.backup_folder), "folder of backups that administrators ask for")
    yield Setting("PETALITE_WORKERS", str(settings.workers), "computed looks at the same time, in each campaign")
    yield Setting("PETALITE_CAMPAIGNS", str(settings.campaigns), "campaigns that one worker advances at the same time")
    yield Setting("PETALITE_HOST", settings.host, "address that the service listens on")
    yield Setting("PETALITE_PORT", str(settings.port), "port that the service listens on")
    yield Setting("PETALITE_PUBLIC_URL", settings.public_url, "address that people reach the service by")
    yield Setting("PETALITE_TRUSTED_PROXIES", ", ".join(settings.trusted_proxies), "reverse proxies that are believed")
    yield Setting("PETALITE_NOTIFY_FILE", str(settings.notify_file or ""), "file of who is told what")
    yield Setting("PETALITE_LOOK_FILE_MIB", str(settings.look_file_MiB), "largest file of a look that is kept, MiB")
    yield Setting("PETALITE_LOG_LEVEL", settings.log_level, "the least important line that is logged")
    yield Setting("PETALITE_OIDC_ISSUER", oidc.issuer if oidc else "", "identity provider that people sign in through")
    yield Setting("PETALITE_OIDC_CLIENT_ID", oidc.client_id if oidc else "", "as what this service is registered there")
    yield Setting("PETALITE_OIDC_SCOPES", " ".join(oidc.scopes) if oidc else "", "what is asked of the provider")


def _targets(settings: Settings) -> tuple[tuple[Target, ...], str | None]:
    if settings.notify_file is None:
        return (), None
    try:
        return load_targets(settings.notify_file), None
    except PetaliteError as error:
        return (), f"{error.problem} {error.remedy}"


def _told(target: Target) -> Told:
    return Told(target.title, tuple(kind.value for kind in target.kinds), target.campaigns, target.groups)


def _web_address(url: str) -> str | None:
    """An address that may stand in a link: never a script."""
    parts = urlsplit(url)
    return url if parts.scheme in {"http", "https"} and parts.hostname else None
