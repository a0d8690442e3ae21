"""What the service runs with and how it fares, for administrators."""

from random import Random
from typing import Annotated

from fastapi import APIRouter, Depends

from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import TheService, TheStore, require
from services.health import Finding, examine
from services.installation import Installation, describe_installation
from services.notifications.trying import Delivery, try_targets

router = APIRouter(tags=["installation"])

Administrator = Annotated[Principal, Depends(require(Permission.ADMINISTER))]


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
