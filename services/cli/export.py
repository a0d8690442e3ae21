"""`petalite campaign export`: a campaign as files to take away."""

import os
import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import ExportError
from services.access.principal import local_operator
from services.cli.leaders import crystals_written
from services.cli.options import CampaignName
from services.cli.output import console
from services.reports.crate import CrateOptions
from services.reports.export import export_campaign
from services.reports.packing import ExportFormat, packed
from services.settings import load_settings
from services.store import Store, open_store
from services.uploads.artifacts import ArtifactFolder


class Wanted(StrEnum):
    """What to write: a folder, or one of the files that the service hands out."""

    FOLDER = "folder"
    RO_CRATE = ExportFormat.RO_CRATE.value
    ZIP = ExportFormat.ZIP.value
    CSV = ExportFormat.CSV.value
    JSON = ExportFormat.JSON.value


def export(
    name: CampaignName,
    path: Annotated[
        Path | None, typer.Argument(help="Folder to write to; exports/NAME in Petalite's home by default.")
    ] = None,
    wanted: Annotated[Wanted, typer.Option("--format", help="A folder of files, or one file in it.")] = Wanted.FOLDER,
    licence: Annotated[
        str | None, typer.Option(help="Address of the licence under which the data may be used (ro-crate).")
    ] = None,
    author: Annotated[list[str] | None, typer.Option(help="Name of an author (ro-crate); may be repeated.")] = None,
) -> None:
    """Write a campaign as CIF, CSV, JSON and a picture, or as one file: RO-Crate, zip, CSV or JSON.

    An RO-Crate says of every number who or what made it, when, of which sites and at what cost.
    """
    settings = load_settings(os.environ)
    folder = path or settings.home / "exports" / name
    with open_store(settings.store_url) as store:
        if wanted is Wanted.FOLDER:
            written = export_campaign(store, name, folder)
            told = f"Wrote {crystals_written(written.n_crystals)} to {written.folder}"
        else:
            options = CrateOptions(
                licence=licence,
                authors=tuple(author or ()),
                with_audit=True,
                find_file=ArtifactFolder(settings.artifacts).path,
            )
            told = f"Wrote {_write_one(store, name, ExportFormat(wanted.value), options, folder)}"
        store.audit.append(local_operator().name, "campaign.export", f"campaign {name}", {"format": wanted.value})
    console().print(told, soft_wrap=True)


def _write_one(store: Store, name: str, wanted: ExportFormat, options: CrateOptions, folder: Path) -> Path:
    with packed(store, store.campaigns.get(name), wanted, options) as file:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return Path(shutil.copyfile(file.path, folder / file.name))
        except OSError as error:
            raise ExportError(
                f"{folder} cannot be written: {error.strerror}.", remedy="Give a folder in which you may write."
            ) from error
