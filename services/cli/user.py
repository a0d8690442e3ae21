"""`petalite user`: who may sign in, and what for."""

import os
import sys
from typing import Annotated

import typer

from domain.errors import ConflictError
from domain.roles import Role
from services.access import people
from services.access.invitations import first_administrator_link
from services.access.invitations import invite as make_invitation
from services.access.password_links import make_password_link
from services.access.principal import local_operator
from services.cli import identity
from services.cli.options import AsJson
from services.cli.output import console, print_json, print_table
from services.settings import load_settings
from services.store import Store, open_store
from services.store.people import UserRecord

app = typer.Typer(help="Users: add, invite, list, change.", no_args_is_help=True)
app.command()(identity.link)
app.command()(identity.unlink)
app.command("identities")(identity.list_identities)

UserName = Annotated[str, typer.Argument(help="Name of a user.")]
RoleOption = Annotated[Role, typer.Option("--role", help="What the user is here for.")]
PasswordFromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


@app.command()
def add(
    name: UserName,
    role: RoleOption,
    groups: Annotated[list[str] | None, typer.Option("--group", help="A group to belong to; may be repeated.")] = None,
    *,
    password_stdin: PasswordFromInput = False,
) -> None:
    """Add a user. Asks for a password, except for a machine, which is given a token instead."""
    has_password = password_stdin or role is not Role.MACHINE
    password = _read_password(from_input=password_stdin) if has_password else None
    with _open() as store:
        people.add_user(store, name, role=role, password=password, groups=groups or (), by=local_operator())
    console().print(f"{name} is a user now, in the role {role.value}.", markup=False, soft_wrap=True)
    if password is None:
        console().print(
            f"Make a token for it: petalite token create {name} --label WHAT-FOR --scope query:claim",
            markup=False,
            soft_wrap=True,
        )


@app.command()
def invite(
    role: RoleOption,
    group: Annotated[str | None, typer.Option(help="A group that the user will belong to.")] = None,
) -> None:
    """Print a link with which somebody becomes a user, good once and for a day. They choose name and password."""
    settings = load_settings(os.environ)
    with open_store(settings.store_url) as store:
        link = make_invitation(store, settings.public_url, role=role, group=group, by=local_operator())
    typer.echo(link)


@app.command("first-link")
def first_link() -> None:
    """Print a new link that makes the first administrator. Each makes the one before worthless."""
    settings = load_settings(os.environ)
    with open_store(settings.store_url) as store:
        link = first_administrator_link(store, settings.public_url)
    if link is None:
        raise ConflictError(
            "There are users already.", remedy="Invite an administrator: petalite user invite --role administrator"
        )
    typer.echo(link)


@app.command("list")
def list_users(*, as_json: AsJson = False) -> None:
    """List users with their roles and groups."""
    with _open() as store:
        shown = [(user, _group_names(store, user)) for user in store.people.list()]
    if as_json:
        print_json(
            [
                {
                    "id": user.id,
                    "name": user.name,
                    "role": user.role.value,
                    "groups": groups,
                    "is_active": user.is_active,
                    "has_password": user.has_password,
                    "created_at": user.created_at.isoformat(),
                }
                for user, groups in shown
            ]
        )
        return
    rows = (
        (
            user.name,
            user.role.value,
            ", ".join(groups),
            "" if user.is_active else "deactivated",
            f"{user.created_at.astimezone():%Y-%m-%d}",
        )
        for user, groups in shown
    )
    empty = "No user yet. Add one: petalite user add NAME --role administrator"
    print_table("Users", ("name", "role", "groups", "", "since"), rows, empty=empty)


@app.command("set-role")
def set_role(name: UserName, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Give a user another role; it counts at once, for their tokens too."""
    with _open() as store:
        people.set_role(store, name, role, by=local_operator())
    console().print(f"{name} is in the role {role.value}.", markup=False, soft_wrap=True)


@app.command("set-password")
def set_password(name: UserName, *, password_stdin: PasswordFromInput = False) -> None:
    """Give a user another password and end their sessions."""
    password = _read_password(from_input=password_stdin)
    with _open() as store:
        people.set_password(store, name, password, by=local_operator())
    console().print(f"{name} has a new password, and has to sign in again.", markup=False, soft_wrap=True)


@app.command("reset-link")
def reset_link(name: UserName) -> None:
    """Print a link with which a user takes a new password, good once and for a day. Their former link is worthless."""
    settings = load_settings(os.environ)
    with open_store(settings.store_url) as store:
        link = make_password_link(store, settings.public_url, name, by=local_operator())
    typer.echo(link)


@app.command()
def deactivate(name: UserName) -> None:
    """Let a user in no more, neither by password nor by token. What they did stays theirs."""
    with _open() as store:
        people.deactivate(store, name, by=local_operator())
    console().print(
        f"{name} is let in no more. Undo it with: petalite user activate {name}", markup=False, soft_wrap=True
    )


@app.command()
def activate(name: UserName) -> None:
    """Let a user in again."""
    with _open() as store:
        people.activate(store, name, by=local_operator())
    console().print(f"{name} is let in again.", markup=False, soft_wrap=True)


def _open() -> Store:
    return open_store(load_settings(os.environ).store_url)


def _read_password(*, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _group_names(store: Store, user: UserRecord) -> list[str]:
    return sorted(store.people.group_by_id(group_id).name for group_id in store.people.groups_of(user.id))
