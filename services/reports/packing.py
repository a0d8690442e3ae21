"""A campaign as one file to take away."""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from domain.errors import ExportError
from services.reports.crate import CrateOptions, write_crate
from services.reports.document import campaign_document
from services.reports.export import write_files
from services.reports.figures import write_plots
from services.reports.tables import measurement_rows, write_csv
from services.scratch import EXPORT_PREFIX, held_folder
from services.store import Store
from services.store.records import CampaignRecord


class ExportFormat(StrEnum):
    """How a campaign can be taken away."""

    RO_CRATE = "ro-crate"
    """A zip that says of every number where it comes from, in the vocabulary of RO-Crate."""
    ZIP = "zip"
    """A zip of CIF, CSV and JSON."""
    CSV = "csv"
    """Every measurement, a row each."""
    JSON = "json"
    """The whole campaign as one document."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A file that is ready to be taken away, until the context that made it ends."""

    path: Path
    name: str
    """What to call it elsewhere."""
    media_type: str


MEDIA_TYPES: Final[Mapping[ExportFormat, str]] = MappingProxyType(
    {
        ExportFormat.RO_CRATE: "application/zip",
        ExportFormat.ZIP: "application/zip",
        ExportFormat.CSV: "text/csv; charset=utf-8",
        ExportFormat.JSON: "application/json",
    }
)


@contextmanager
def packed(store: Store, campaign: CampaignRecord, wanted: ExportFormat, options: CrateOptions) -> Iterator[Packed]:
    """Packs a campaign into a temporary file that is gone afterwards.

    Raises:
        ExportError: If there is no room for it.
    """
    with held_folder(Path(tempfile.gettempdir()), EXPORT_PREFIX) as folder:
        try:
            path = _pack(store, campaign, wanted, options, folder)
        except OSError as error:
            raise ExportError(
                f"The export cannot be written: {error.strerror}.", remedy="Free some disk space and try again."
            ) from error
        name = f"{campaign.name}-ro-crate.zip" if wanted is ExportFormat.RO_CRATE else f"{campaign.name}{path.suffix}"
        yield Packed(path, name, MEDIA_TYPES[wanted])


def _pack(store: Store, campaign: CampaignRecord, wanted: ExportFormat, options: CrateOptions, folder: Path) -> Path:
    path = folder / f"export.{'zip' if wanted is ExportFormat.RO_CRATE else wanted.value}"
    match wanted:
        case ExportFormat.RO_CRATE:
            write_crate(store, campaign, options, path)
        case ExportFormat.ZIP:
            _zip_files(store, campaign, folder / "files", path)
        case ExportFormat.CSV:
            with path.open("w", newline="", encoding="utf-8") as file:
                write_csv(file, measurement_rows(store, campaign))
        case ExportFormat.JSON:
            document = json.dumps(campaign_document(store, campaign.name), ensure_ascii=False, allow_nan=False)
            path.write_text(document + "\n", encoding="utf-8")
    return path


def _zip_files(store: Store, campaign: CampaignRecord, folder: Path, path: Path) -> None:
    write_files(store, campaign.name, folder)
    write_plots(store, campaign, folder / "plots")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(found for found in folder.rglob("*") if found.is_file()):
            archive.write(file, f"{campaign.name}/{file.relative_to(folder).as_posix()}")
