"""Whether everything that a service needs is there and set up as it should be."""

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

from domain.errors import PetaliteError
from domain.states import CampaignState
from services.settings import Settings
from services.store import Store, open_store
from services.store.cursors import Sign

WORKER_PREFIX: Final = "worker:"
"""Begins the name under which a worker gives signs of life."""
_SILENT_AFTER: Final = timedelta(seconds=60)
_LEAST_FREE_GiB: Final = 1.0
_EARLIEST: Final = 2026
"""No clock that is right shows an earlier year."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_TIMEOUT_S: Final = 5.0
_N_SAMPLED_FILES: Final = 200
_N_SHOWN_FLAWS: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_well: bool
    detail: str
    remedy: str = ""
    """What to do about it; empty where all is well."""


def examine(
    settings: Settings, environ: Mapping[str, str], random: Random, *, reads_all_files: bool = False
) -> tuple[Finding, ...]:
    """Looks at the store, the folders, Prefect, the workers, the notifications, the identity provider and the address.

    Args:
        settings: Those of this machine.
        environ: Names Prefect's server.
        random: Draws the files handed in that are looked at.
        reads_all_files: Whether every one of them is read instead.
    """
    findings = [_home(settings.home), _disk(settings.home), _notifications(settings), _address(settings)]
    findings += [_identity_provider(settings), _prefect(environ)]
    try:
        with open_store(settings.store_url) as store:
            findings += [_store(store), _clock(store), _workers(store)]
            findings.append(_artifacts(store, settings.artifacts, None if reads_all_files else random))
    except PetaliteError as error:
        findings.append(Finding("store", is_well=False, detail=error.problem, remedy=error.remedy))
    return tuple(findings)


def _home(home: Path) -> Finding:
    existing = _nearest(home)
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "home folder", is_well=False, detail=f"{existing} cannot be written.", remedy="Give this user the right to."
        )
    if home.exists() and home.stat().st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        return Finding(
            "home folder", is_well=False, detail=f"{home} can be written by others.", remedy=f"chmod go-w {home}"
        )
    return Finding("home folder", is_well=True, detail=str(home))


def _disk(home: Path) -> Finding:
    free_GiB = shutil.disk_usage(_nearest(home)).free / 2**30
    detail = f"{free_GiB:.1f} GiB free"
    if free_GiB < _LEAST_FREE_GiB:
        return Finding("disk", is_well=False, detail=f"{detail}.", remedy=f"Make room beside {home}.")
    return Finding("disk", is_well=True, detail=detail)


def _nearest(path: Path) -> Path:
    """The folder itself, or the nearest one above that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _notifications(settings: Settings) -> Finding:
    if settings.notify_file is None:
        return Finding("notifications", is_well=True, detail="nobody is told; see PETALITE_NOTIFY_FILE")
    from services.notifications.rules import load_targets

    try:
        targets = load_targets(settings.notify_file)
    except PetaliteError as error:
        return Finding("notifications", is_well=False, detail=error.problem, remedy=error.remedy)
    if settings.notify_file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        return Finding(
            "notifications",
            is_well=False,
            detail=f"{settings.notify_file} holds secrets and can be read by everybody.",
            remedy=f"chmod o-rwx {settings.notify_file}",
        )
    return Finding("notifications", is_well=True, detail=f"{len(targets)} targets")


def _identity_provider(settings: Settings) -> Finding:
    what = "identity provider"
    if settings.oidc is None:
        return Finding(what, is_well=True, detail="none; people sign in with passwords")
    from services.access.oidc_provider import connect

    try:
        provider = connect(settings.oidc)
        provider.signing_keys()
        secret_file = settings.oidc.client_secret_file
        is_open = bool(secret_file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
    except PetaliteError as error:
        return Finding(what, is_well=False, detail=error.problem, remedy=error.remedy)
    if is_open:
        return Finding(
            what,
            is_well=False,
            detail=f"{secret_file} holds a secret and can be read by everybody.",
            remedy=f"chmod o-rwx {secret_file}",
        )
    admitted = "whoever is linked" if provider.claim_map is None else "whoever is linked or fits the claim map"
    return Finding(what, is_well=True, detail=f"{provider.issuer}; lets in {admitted}")


def _address(settings: Settings) -> Finding:
    host = urlsplit(settings.public_url).hostname or ""
    if not settings.is_https and host not in _LOOPBACK:
        return Finding(
            "public address",
            is_well=False,
            detail=f"{settings.public_url} is not https: passwords and tokens can be read on the way.",
            remedy="Put a reverse proxy with TLS before the service and set PETALITE_PUBLIC_URL to https://…",
        )
    if settings.host not in _LOOPBACK and host in _LOOPBACK:
        return Finding(
            "public address",
            is_well=False,
            detail=f"The service listens on {settings.host}, but links lead to {settings.public_url}.",
            remedy="Set PETALITE_PUBLIC_URL to the address that others use.",
        )
    if settings.is_https and settings.host in _LOOPBACK and not settings.trusted_proxies:
        return Finding(
            "public address",
            is_well=False,
            detail="The service is reached through a proxy that is not trusted: all clients look like one.",
            remedy="Set PETALITE_TRUSTED_PROXIES to the proxy's address, such as 127.0.0.1.",
        )
    return Finding("public address", is_well=True, detail=settings.public_url)


def _prefect(environ: Mapping[str, str]) -> Finding:
    url = environ.get("PREFECT_API_URL")
    if not url:
        return Finding("prefect server", is_well=True, detail="each worker has one of its own")
    import httpx

    from services.logging import without_secrets

    user, _, password = environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    try:
        answer = httpx.get(f"{url}/health", auth=(user, password) if user else None, timeout=_TIMEOUT_S)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(
            "prefect server",
            is_well=False,
            detail=f"{without_secrets(url)} does not answer: {type(error).__name__}.",
            remedy="Start it, or correct PREFECT_API_URL; unset it for an embedded one.",
        )
    return Finding("prefect server", is_well=True, detail=without_secrets(url))


def _store(store: Store) -> Finding:
    from services.store.metadata import SCHEMA_VERSION

    return Finding(
        "store", is_well=True, detail=f"{store.address}, schema {SCHEMA_VERSION}, {_n_campaigns(store)} campaigns"
    )


def _n_campaigns(store: Store) -> int:
    return len(store.campaigns.list())


def _artifacts(store: Store, folder: Path, random: Random | None) -> Finding:
    """Whether files handed in are there as they were: all of them, or a sample where it is to be drawn."""
    from services.uploads.artifacts import ArtifactFolder
    from services.uploads.soundness import find_flaws, named_files, sampled_files

    records = tuple(named_files(store)) if random is None else sampled_files(store, _N_SAMPLED_FILES, random)
    flaws = find_flaws(records, ArtifactFolder(folder), is_sample=random is not None)
    looked_at = f"{len(records)} looked at" + ("" if random is None else "; all with --artifacts")
    if not flaws:
        return Finding("files handed in", is_well=True, detail=looked_at)
    shown = "; ".join(flaw.title for flaw in flaws[:_N_SHOWN_FLAWS])
    more = f"; and {len(flaws) - _N_SHOWN_FLAWS} more" if len(flaws) > _N_SHOWN_FLAWS else ""
    return Finding(
        "files handed in",
        is_well=False,
        detail=f"{shown}{more} ({looked_at}).",
        remedy=f"Bring the files back into {folder} from a backup; check PETALITE_ARTIFACTS.",
    )


def _clock(store: Store) -> Finding:
    now = store.now()
    latest = _latest_event(store)
    if now.year < _EARLIEST or (latest is not None and latest - now > _SILENT_AFTER):
        return Finding(
            "clock",
            is_well=False,
            detail=f"This machine's clock shows {now:%Y-%m-%d %H:%M:%S} UTC, which is before events in the store.",
            remedy="Set it, and keep it by NTP: leases and schedules live by it.",
        )
    return Finding("clock", is_well=True, detail=f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _latest_event(store: Store) -> datetime | None:
    newest = store.events.newest_id()
    found = store.events.since(newest - 1, until=datetime.max.replace(tzinfo=store.now().tzinfo)) if newest else ()
    return found[-1].event.at if found else None


def live_workers(store: Store) -> tuple[Sign, ...]:
    """The workers that have been heard of a moment ago, the latest first."""
    return tuple(sign for sign in store.cursors.signs(WORKER_PREFIX) if store.now() - sign.at <= _SILENT_AFTER)


def _workers(store: Store) -> Finding:
    signs, alive = store.cursors.signs(WORKER_PREFIX), live_workers(store)
    open_states = {CampaignState.READY, CampaignState.RUNNING, CampaignState.WAITING}
    waiting = [record.name for record in store.campaigns.waking(store.now()) if record.state in open_states]
    if not alive and (waiting or signs):
        silent = f"the last one was heard at {signs[0].at:%Y-%m-%d %H:%M} UTC" if signs else "none was ever heard"
        waits = f"; {waiting[0]} waits for one" if waiting else ""
        return Finding(
            "workers", is_well=False, detail=f"None is alive, {silent}{waits}.", remedy="Start one: petalite worker"
        )
    return Finding("workers", is_well=True, detail=f"{len(alive)} alive")
