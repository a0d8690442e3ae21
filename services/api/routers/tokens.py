"""Tokens of machines and scripts, and the audit log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from domain.errors import PermissionDeniedError
from services.access.principal import Principal
from services.access.roles import Permission
from services.access.tokens import DEFAULT_DAYS, LONGEST_DAYS, create_token, revoke_token
from services.api.change import Audited, Change, changing
from services.api.dependencies import LARGEST_NUMBER, Number, Reader, TheStore, require
from services.api.paging import After, Limit, Page, keyset, same
from services.store.audit import AuditFilter, AuditPage, AuditRecord
from services.store.tokens import TokenRecord

router = APIRouter(tags=["tokens and audit"])

Auditor = Annotated[Principal, Depends(require(Permission.AUDIT_READ))]


@dataclass(frozen=True, slots=True)
class WantedToken:
    """A token that a machine or a script is to show."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    label: Annotated[str, Field(min_length=1, max_length=200, examples=["cluster node 7"])]
    scopes: Annotated[frozenset[Permission], Field(min_length=1)]
    """What it may be used for, no more than its user may do."""
    user: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Whom it speaks for; the caller where left out."""
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] | None = DEFAULT_DAYS
    """Until it expires; null for never, which only administrators may ask for."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was just made. Its secret is shown here and kept nowhere."""

    token: TokenRecord
    secret: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the audit log is what was written."""

    is_intact: bool
    first_broken: int | None
    """Number of the first row that was changed, or that a removed one stood before."""
    checked_at: datetime


async def audit_filter(
    actor: Annotated[str, Query(max_length=200, description="Only what this one did.")] = "",
    action: Annotated[str, Query(max_length=64, description="Only what begins so, such as `user.`.")] = "",
    subject: Annotated[str, Query(max_length=200, description="Only what was done to this, such as `user ada`.")] = "",
) -> AuditFilter:
    """Reads which rows of the audit log are wanted."""
    return AuditFilter(actor.strip(), action.strip(), subject.strip())


@router.get("/tokens", summary="List tokens")
def list_tokens(
    store: TheStore,
    principal: Reader,
    after: After = 0,
    limit: Limit = 100,
    *,
    user: Annotated[str | None, Query(max_length=63, description="Whose; the caller's own where left out.")] = None,
    everybody: Annotated[bool, Query(description="Those of all users, for administrators.")] = False,
) -> Page[TokenRecord]:
    """Tokens without their secrets. Other people's are for administrators."""
    if everybody:
        principal.require(Permission.ADMINISTER)
        return keyset(lambda n: store.tokens.list(after=after, limit=n), same, limit=limit)
    if user is not None and user != principal.name:
        principal.require(Permission.ADMINISTER)
    if user is None and principal.user_id is None:
        raise PermissionDeniedError("The caller is no user.", remedy="Name the user.")
    user_id = principal.user_id if user is None else store.people.get(user).id
    return keyset(lambda n: store.tokens.list(user_id=user_id, after=after, limit=n), same, limit=limit)


@router.post("/tokens", summary="Make a token", status_code=201)
def issue_token(wanted: WantedToken, principal: Reader, store: TheStore) -> IssuedToken:
    """Makes a token. Whoever is signed in makes their own; administrators make anybody's.

    Takes no idempotency key: the secret is shown once and never kept.
    """
    made = create_token(
        store,
        wanted.user or principal.name,
        label=wanted.label,
        scopes=wanted.scopes,
        by=principal,
        days=wanted.days,
    )
    return IssuedToken(made.record, made.secret)


@router.post("/tokens/{token_id}/revoke", summary="Revoke a token", response_model=TokenRecord)
def end_token(token_id: Number, change: Annotated[Change, Depends(changing(Permission.READ))]) -> Response:
    """Ends a token for ever: one's own, or for administrators anybody's."""
    return change.make(lambda: Audited.elsewhere(revoke_token(change.store, token_id, by=change.principal)))


@router.get("/audit", summary="Read the audit log")
def list_audit(store: TheStore, _principal: Auditor, after: After = 0, limit: Limit = 100) -> Page[AuditRecord]:
    """Every change, oldest first: who, what, when. Each row is sealed with the hash of the one before."""
    return keyset(lambda n: store.audit.list(after=after, limit=n), same, limit=limit)


@router.get("/audit/newest", summary="Search the audit log")
def search_audit(
    store: TheStore,
    _principal: Auditor,
    wanted: Annotated[AuditFilter, Depends(audit_filter)],
    before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="`next` of the page before.")] = None,
    limit: Limit = 100,
) -> AuditPage:
    """Changes that fit, the newest first. A page may be short, or empty, where rows that fit are far apart."""
    return store.audit.search(wanted, before=before, limit=limit)


@router.get("/audit/verify", summary="Check the audit log")
def verify_audit(store: TheStore, _principal: Auditor) -> Verdict:
    """Recomputes every seal. May take a while."""
    broken = store.audit.verify()
    return Verdict(broken is None, None if broken is None else broken.id, store.now())
