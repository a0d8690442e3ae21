"""`petalite user link | unlink | identities`: who may sign in through the identity provider."""

import os
from typing import Annotated

import typer

from domain.errors import NotFoundError
from domain.parsing import to_json_value
from services.access import identities
from services.access.principal import local_operator
from services.cli.options import AsJson
from services.cli.output import console, print_json, print_table
from services.settings import load_settings
from services.store import open_store

UserName = Annotated[str, typer.Argument(help="Name of a user.")]


def link(
    name: UserName,
    subject: Annotated[str, typer.Argument(help="What the provider calls them in its claim `sub`.")],
) -> None:
    """Let a user sign in through the identity provider. A refused sign-in shows the subject, as does the audit log."""
    settings = load_settings(os.environ)
    if settings.oidc is None:
        raise NotFoundError("No identity provider is set up here.", remedy="Set PETALITE_OIDC_ISSUER and its like.")
    with open_store(settings.store_url) as store:
        identities.link(store, name, subject, issuer=settings.oidc.issuer, by=local_operator())
    console().print(f"{name} may sign in at {settings.oidc.issuer} as {subject}.", markup=False, soft_wrap=True)


def unlink(
    name: UserName,
    identity: Annotated[int, typer.Argument(help="Number of the identity; see `petalite user identities`.")],
) -> None:
    """Let a user sign in with an identity no more, and end their sessions."""
    with open_store(load_settings(os.environ).store_url) as store:
        removed = identities.unlink(store, name, identity, by=local_operator())
    console().print(f"{name} no longer signs in as {removed.subject}.", markup=False, soft_wrap=True)


def list_identities(name: UserName, *, as_json: AsJson = False) -> None:
    """List the identities with which a user may sign in."""
    with open_store(load_settings(os.environ).store_url) as store:
        found = store.identities.of_user(store.people.get(name).id)
    if as_json:
        print_json([to_json_value(record) for record in found])
        return
    rows = (
        (str(record.id), record.issuer, record.subject, "the provider" if record.is_mapped else "administrators")
        for record in found
    )
    empty = f"{name} signs in with a password. Link an identity: petalite user link {name} SUBJECT"
    print_table(f"Identities of {name}", ("number", "provider", "subject", "role decided by"), rows, empty=empty)
