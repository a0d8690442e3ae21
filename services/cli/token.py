"""`petalite token`: what machines and scripts show to be let in."""

import os
from datetime import datetime
from typing import Annotated

import typer

from domain.json_value import JsonObject
from domain.parsing import to_json_object
from domain.roles import Permission
from services.access.principal import local_operator
from services.access.tokens import DEFAULT_DAYS, create_token, revoke_token
from services.cli.options import AsJson
from services.cli.output import console, print_json, print_table
from services.settings import load_settings
from services.store import Store, open_store
from services.store.tokens import TokenRecord

app = typer.Typer(help="Tokens: create, list, revoke.", no_args_is_help=True)


@app.command()
def create(
    user: Annotated[str, typer.Argument(help="Whom the token speaks for.")],
    label: Annotated[str, typer.Option(help="What it is for.")],
    scopes: Annotated[list[Permission], typer.Option("--scope", help="What it may be used for; may be repeated.")],
    days: Annotated[int, typer.Option(help="Until it expires.")] = DEFAULT_DAYS,
    *,
    never: Annotated[bool, typer.Option("--never", help="It never expires, whatever --days says.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a token and print it. It is shown this once and kept nowhere."""
    with _open() as store:
        made = create_token(store, user, label=label, scopes=scopes, days=None if never else days, by=local_operator())
    if as_json:
        print_json({**_document(made.record, user), "secret": made.secret})
        return
    # The token alone on standard output, so that a script can read it from there.
    typer.echo(made.secret)
    until = f"until {_told(made.record.expires_at)}" if made.record.expires_at else "for ever"
    typer.echo(f"Keep it now: it is not shown again. Token {made.record.id} is good {until}.", err=True)


@app.command("list")
def list_tokens(
    user: Annotated[str | None, typer.Option(help="Only this user's tokens.")] = None, *, as_json: AsJson = False
) -> None:
    """List tokens: whose, what for, until when, and when last used."""
    with _open() as store:
        names = {record.id: record.name for record in store.people.list()}
        tokens = store.tokens.list(user_id=None if user is None else store.people.get(user).id)
        now = store.now()
    if as_json:
        print_json([_document(token, names[token.user_id]) for token in tokens])
        return
    rows = (
        (
            str(token.id),
            names[token.user_id],
            token.label,
            f"{token.prefix}…",
            " ".join(sorted(token.scopes)),
            _standing(token, now),
            _told(token.last_used_at),
        )
        for token in tokens
    )
    columns = ("token", "user", "label", "begins", "scopes", "good until", "last used")
    print_table("Tokens", columns, rows, empty="No token yet. Create one: petalite token create --help")


@app.command()
def revoke(token: Annotated[int, typer.Argument(help="Number of the token.")]) -> None:
    """End a token for ever."""
    with _open() as store:
        revoked = revoke_token(store, token, by=local_operator())
    console().print(f"Token {token} ({revoked.label}) opens nothing any more.", markup=False)


def _open() -> Store:
    return open_store(load_settings(os.environ).store_url)


def _standing(token: TokenRecord, now: datetime) -> str:
    if token.revoked_at is not None:
        return f"revoked {_told(token.revoked_at)}"
    if token.expires_at is None:
        return "for ever"
    return _told(token.expires_at) if token.is_good(now) else f"expired {_told(token.expires_at)}"


def _told(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if at else "never"


def _document(token: TokenRecord, user: str) -> JsonObject:
    return {**to_json_object(token), "user": user, "scopes": sorted(scope.value for scope in token.scopes)}
