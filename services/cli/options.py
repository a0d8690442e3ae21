"""Options that several commands share."""

from typing import Annotated, TypeAlias

import typer

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
CampaignName: TypeAlias = Annotated[str, typer.Argument(help="Name of a campaign in the store.")]
