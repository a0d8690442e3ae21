"""What the service runs with, how it fares, all tokens, and the audit log."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError, PetaliteError, SpecError
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import LARGEST_NUMBER, Number, TheService, TheStore, require
from services.api.paging import After
from services.api.problems import status_of
from services.api.routers import installation, tokens
from services.api.service import Service
from services.dashboard.pages.people import Administering, Administrator
from services.dashboard.view import TheView, View, address
from services.notifications.trying import Delivery
from services.store.audit import AuditFilter

router = APIRouter(prefix="/administration")

ON_A_PAGE: Final = 50

Auditor = Annotated[Principal, Depends(require(Permission.AUDIT_READ))]
Wanted = Annotated[AuditFilter, Depends(tokens.audit_filter)]


@router.get("")
def show_installation(view: TheView, service: TheService, principal: Administrator) -> Response:
    """Settings, notifications, backup."""
    return _installation(view, service, principal)


@router.get("/health")
def show_health(view: TheView, service: TheService, principal: Administrator) -> Response:
    """What an examination finds."""
    return view.page("pages/health.html", findings=installation.show_health(service, principal))


@router.post("/test-notification")
def test_notification(view: TheView, service: TheService, principal: Administrator) -> Response:
    """Sends a test note to everybody who is told something, and says who took it."""
    try:
        outcome = installation.test_notification(service, service.open_store, principal)
    except (InvalidValueError, SpecError) as error:
        return _installation(view, service, principal, problem=error)
    return _installation(view, service, principal, deliveries=outcome)


@router.post("/backup")
def make_backup(view: TheView, service: TheService, change: Administering) -> Response:
    """Begins a backup; the page says how far it is."""
    try:
        installation.make_backup(service, change)
    except ConflictError as error:
        return _installation(view, service, change.principal, problem=error)
    return view.go("/administration")


@router.get("/tokens")
def show_tokens(view: TheView, store: TheStore, principal: Administrator, after: After = 0) -> Response:
    """Everybody's tokens."""
    page = tokens.list_tokens(store, principal, after=after, limit=ON_A_PAGE, everybody=True)
    owners = {number: store.people.by_id(number).name for number in {token.user_id for token in page.items}}
    return view.page("pages/tokens.html", page=page, tokens=page.items, owners=owners, now=store.now())


@router.post("/tokens/{token_id}/revoke")
def revoke_token(token_id: Number, view: TheView, change: Administering) -> Response:
    """Ends anybody's token for ever."""
    tokens.end_token(token_id, change)
    return view.go("/administration/tokens")


@router.get("/audit")
def show_audit(
    view: TheView,
    store: TheStore,
    principal: Auditor,
    wanted: Wanted,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None,
) -> Response:
    """Who changed what, the newest first."""
    page = tokens.search_audit(store, principal, wanted, before=before, limit=ON_A_PAGE)
    asked = {"actor": wanted.actor, "action": wanted.action, "subject": wanted.subject}
    return view.page(
        "pages/audit.html",
        page=page,
        wanted=wanted,
        next_url=address("/administration/audit", before=page.next, **asked) if page.next else None,
    )


@router.get("/audit/verify")
def verify_audit(view: TheView, store: TheStore, principal: Auditor) -> Response:
    """Recomputes every seal."""
    verdict = tokens.verify_audit(store, principal)
    return view.page("pages/audit_verdict.html", verdict=verdict, seal=store.audit.last_hash())


def _installation(
    view: View,
    service: Service,
    principal: Principal,
    *,
    deliveries: list[Delivery] | None = None,
    problem: PetaliteError | None = None,
) -> Response:
    return view.page(
        "pages/administration.html",
        status=200 if problem is None else status_of(problem).value,
        installed=installation.show_installation(service, service.open_store, principal),
        backups=installation.show_backups(service, principal),
        deliveries=deliveries,
        problem=problem,
    )
