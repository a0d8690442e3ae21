"""What the service runs with and how it fares, for administrators."""

from random import Random
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import TheService, TheStore, require
from services.backup.asked import Backups, ask_for_backup, list_backups
from services.health import Finding, examine
from services.installation import Installation, describe_installation
from services.notifications.trying import Delivery, try_targets

router = APIRouter(tags=["installation"])

Administrator = Annotated[Principal, Depends(require(Permission.ADMINISTER))]
Administering = Annotated[Change, Depends(changing(Permission.ADMINISTER, takes_key=False))]


@router.get("/installation", summary="Show what the service runs with")
def show_installation(service: TheService, store: TheStore, _principal: Administrator) -> Installation:
    """Settings without secrets, who is told what, and when the last backup was made."""
    return describe_installation(service.settings, service.environ, store)


@router.get("/installation/health", summary="Examine the installation")
def show_health(service: TheService, _principal: Administrator) -> list[Finding]:
    """What `petalite doctor` finds of the store, the folders, the workers and the address. May take some seconds."""
    return list(examine(service.settings, service.environ, Random()))  # noqa: S311 - draws files, no secret


@router.post("/installation/test-notification", summary="Send a test note")
def test_notification(service: TheService, store: TheStore, principal: Administrator) -> list[Delivery]:
    """Sends a test note to everybody who is told something, and says who took it."""
    outcome = list(try_targets(service.settings, store.now()))
    details = {delivery.title: delivery.is_taken for delivery in outcome}
    with store.writing():
        store.audit.append(principal.name, "notification.test", "notifications", details)
    return outcome


@router.get("/installation/backups", summary="List the backups")
def show_backups(service: TheService, _principal: Administrator) -> Backups:
    """What lies in the server's folder of backups, and how far one is that is being made."""
    return list_backups(service.settings)


@router.post("/installation/backups", summary="Make a backup", status_code=202, response_model=Backups)
def make_backup(service: TheService, change: Administering) -> Response:
    """Begins what `petalite backup` does, in a process of its own, and answers at once: ask again how far it is.

    It lies in a folder of the server. It is not served: it holds everybody's data and the hashes of passwords.
    """
    settings, store = service.settings, change.store

    def begin() -> Audited:
        # Before it begins: no copy of everybody's data is made of which no log knows.
        with store.writing():
            store.audit.append(change.principal.name, "backup.ask", str(settings.backup_folder), {})
        asked = ask_for_backup(settings, service.environ, by=change.principal.name, now=store.now())
        return Audited("backup.make", asked.file, list_backups(settings), status=202)

    return change.hand_on(begin)  # looking at all files takes its time, in which others must be able to write
