"""`petalite group`: who shares which campaigns."""

import os
from typing import Annotated

import typer

from services.access import people
from services.access.principal import local_operator
from services.cli.options import AsJson, CampaignName
from services.cli.output import console, print_json, print_table
from services.settings import load_settings
from services.store import Store, open_store

app = typer.Typer(help="Groups: who shares which campaigns.", no_args_is_help=True)

GroupName = Annotated[str, typer.Argument(help="Name of a group.")]
UserName = Annotated[str, typer.Argument(help="Name of a user.")]


@app.command()
def add(name: GroupName) -> None:
    """Add a group."""
    with _open() as store:
        people.add_group(store, name, by=local_operator())
    console().print(
        f"{name} is a group now. Add to it: petalite group add-member {name} USER", markup=False, soft_wrap=True
    )


@app.command("list")
def list_groups(*, as_json: AsJson = False) -> None:
    """List groups with their members and campaigns."""
    with _open() as store:
        groups = store.people.list_groups()
        members = {group.id: [user.name for user in store.people.members(group.id)] for group in groups}
        campaigns = {group.id: [c.name for c in store.campaigns.list() if c.group_id == group.id] for group in groups}
    if as_json:
        print_json(
            [
                {
                    "id": group.id,
                    "name": group.name,
                    "members": members[group.id],
                    "campaigns": campaigns[group.id],
                    "created_at": group.created_at.isoformat(),
                }
                for group in groups
            ]
        )
        return
    rows = ((group.name, ", ".join(members[group.id]), ", ".join(campaigns[group.id])) for group in groups)
    empty = "No group yet. Add one: petalite group add NAME"
    print_table("Groups", ("name", "members", "campaigns"), rows, empty=empty)


@app.command("add-member")
def add_member(group: GroupName, user: UserName) -> None:
    """Let a user see and do, as their role allows, what belongs to a group."""
    with _open() as store:
        people.add_member(store, group, user, by=local_operator())
    console().print(f"{user} belongs to {group}.", markup=False, soft_wrap=True)


@app.command("remove-member")
def remove_member(group: GroupName, user: UserName) -> None:
    """End a membership; it counts at once."""
    with _open() as store:
        people.remove_member(store, group, user, by=local_operator())
    console().print(f"{user} does not belong to {group}.", markup=False, soft_wrap=True)


@app.command()
def give(
    campaign: CampaignName,
    group: Annotated[str | None, typer.Option(help="The group; without one only administrators see it.")] = None,
) -> None:
    """Make a campaign a group's."""
    with _open() as store:
        people.give_campaign(store, campaign, group, by=local_operator())
    console().print(f"{campaign} belongs to {group or 'administrators only'}.", markup=False, soft_wrap=True)


def _open() -> Store:
    return open_store(load_settings(os.environ).store_url)
