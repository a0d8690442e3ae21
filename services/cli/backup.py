"""`petalite backup` and `petalite restore`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import console
from services.settings import load_settings


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write, such as petalite-2026-01-01.tar.")],
) -> None:
    """Write the store and all files handed in into one archive. The service may go on working meanwhile.

    The archive holds what its campaigns know and the hashes of passwords: keep it as safe as the store itself.
    """
    from services.backup import write_backup

    manifest = write_backup(load_settings(os.environ), file)
    size_MiB = file.stat().st_size / 2**20
    console().print(f"Wrote {len(manifest.files)} files ({size_MiB:.1f} MiB) to {file}", soft_wrap=True)


def restore(
    file: Annotated[Path, typer.Argument(help="An archive that petalite backup wrote.")],
    *,
    into: Annotated[Path | None, typer.Option(help="New home folder; PETALITE_HOME by default.")] = None,
) -> None:
    """Check an archive and bring it back where nothing is yet; an older store is migrated.

    A store on PostgreSQL goes into the empty database that PETALITE_STORE_URL names.
    """
    from services.backup import restore_backup

    environ = dict(os.environ)
    if into is not None:
        environ["PETALITE_HOME"] = str(into)
        environ.pop("PETALITE_ARTIFACTS", None)
        if not environ.get("PETALITE_STORE_URL", "").startswith("postgresql"):
            environ.pop("PETALITE_STORE_URL", None)
    settings = load_settings(environ)
    manifest = restore_backup(file, settings)
    console().print(f"Restored {len(manifest.files)} files of {manifest.made_at} into {settings.home}", soft_wrap=True)
