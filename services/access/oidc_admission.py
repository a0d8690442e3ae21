"""Who may come in by the identity provider's word: whoever is linked, and whomever the claim map makes a user."""

from dataclasses import replace

from domain.errors import ConflictError, InvalidValueError, NotAuthenticatedError, NotFoundError
from services.access.names import require_name
from services.access.oidc_claims import ClaimMap, Grant
from services.access.oidc_tokens import Identity
from services.access.people import add_member, enrol, remove_member, set_role
from services.access.principal import Principal, local_operator
from services.access.roles import Role
from services.store import Store
from services.store.identities import IdentityRecord
from services.store.people import UserRecord


def admit(store: Store, identity: Identity, claim_map: ClaimMap | None) -> None:
    """Makes an identity a user where the claim map says so, and gives and takes what it says of one that it made.

    Raises:
        NotAuthenticatedError: If the identity is nobody's here, or has lost what it was let in for.
    """
    grant = None if claim_map is None else claim_map.grant(identity.claims)
    with store.writing():
        found = store.identities.find(identity.issuer, identity.subject)
        if found is None:
            if claim_map is None or grant is None:
                raise _nobody(identity)
            _make(store, identity, grant, name=claim_map.user_name(identity.claims))
            return
        record, user = found
        if not record.is_mapped or not user.is_active:
            return
        _follow(store, user, record, grant or Grant(Role.VIEWER, frozenset()))
        if grant is None:
            _shut_out(store, user)
    if grant is None:
        raise NotAuthenticatedError(
            "The identity provider no longer says anything of you for which you would be let in.",
            remedy="Ask whoever runs the provider, or an administrator.",
        )


def _make(store: Store, identity: Identity, grant: Grant, *, name: str) -> None:
    """Makes a user of an identity that nobody has."""
    if store.people.is_empty():
        raise NotAuthenticatedError(
            "There is no administrator yet.", remedy="Open the link that the service printed when it started."
        )
    try:
        require_name(name, what="user")
        group_ids = [_require_group(store, group) for group in sorted(grant.groups)]
        user = enrol(store, name, role=grant.role, password_hash=None, group_ids=group_ids)
    except (InvalidValueError, ConflictError) as error:
        # Never the user who has that name: that the provider calls somebody so proves nothing.
        raise NotAuthenticatedError(
            f"No user can be made of the identity '{identity.subject}': {error.problem}",
            remedy=f"Ask an administrator to link it: petalite user link NAME {identity.subject}",
        ) from error
    record = store.identities.create(user.id, issuer=identity.issuer, subject=identity.subject, is_mapped=True)
    store.identities.set_given_groups(record.id, grant.groups)
    details = {
        "role": grant.role.value,
        "groups": sorted(grant.groups),
        "issuer": identity.issuer,
        "subject": identity.subject,
    }
    store.audit.append(_provider().name, "user.create", f"user {name}", details)


def _follow(store: Store, user: UserRecord, record: IdentityRecord, grant: Grant) -> None:
    """Gives a user what the provider says now, and takes what it no longer says; groups joined by hand stay."""
    by = _provider()
    try:
        set_role(store, user.name, grant.role, by=by)
    except ConflictError as error:
        raise NotAuthenticatedError(error.problem, remedy=error.remedy) from error
    own = {store.people.group_by_id(group_id).name for group_id in store.people.groups_of(user.id)}
    given = own.intersection(record.given_groups)
    for group in sorted(given - grant.groups):
        remove_member(store, group, user.name, by=by)
    for group in sorted(grant.groups - own):
        _require_group(store, group)
        add_member(store, group, user.name, by=by)
    store.identities.set_given_groups(record.id, grant.groups - (own - given))


def _shut_out(store: Store, user: UserRecord) -> None:
    """Ends what would go on without signing in: sessions and tokens."""
    store.sessions.end_all(user.id)
    revoked = [token.id for token in store.tokens.list(user_id=user.id) if store.tokens.revoke(token.id)]
    store.audit.append(_provider().name, "user.shut-out", f"user {user.name}", {"revoked_tokens": revoked})


def _require_group(store: Store, name: str) -> int:
    try:
        return store.people.group(name).id
    except NotFoundError as error:
        raise NotAuthenticatedError(
            f"The claim map names the group '{name}', which is not there.",
            remedy=f"Ask an administrator to make it: petalite group add {name}",
        ) from error


def _nobody(identity: Identity) -> NotAuthenticatedError:
    return NotAuthenticatedError(
        f"The identity provider knows you as '{identity.subject}', but here that is nobody.",
        remedy=f"Ask an administrator to link it to you: petalite user link NAME {identity.subject}",
    )


def _provider() -> Principal:
    """In whose name what the provider says is done."""
    return replace(local_operator(), name="identity provider")
