"""`petalite backup` and `petalite restore`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import console
from services.settings import load_settings


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write, such as petalite-2026-01-01.tar.")],
    *,
    note: Annotated[Path | None, typer.Option(hidden=True, help="Where the service reads that it is written.")] = None,
) -> None:
    """Write the store and all files handed in into one archive. The service may go on working meanwhile.

    The archive holds what its campaigns know and the hashes of passwords: keep it as safe as the store itself.
    Exit status 1 if files that the store names are missing or damaged: the archive holds everything else.
    """
    from services.backup import write_backup
    from services.backup.asked import note_finished
    from services.backup.manifest import BackupError
    from services.installation import BACKUP_SIGN
    from services.store import open_store

    settings = load_settings(os.environ)
    manifest = write_backup(settings, file)
    with open_store(settings.store_url) as store:
        store.cursors.give_sign(BACKUP_SIGN)  # administrators see when it was
    if note is not None:
        note_finished(note, file)
    size_MiB = file.stat().st_size / 2**20
    out = console()
    out.print(f"Wrote {len(manifest.files)} files ({size_MiB:.1f} MiB) to {file}", soft_wrap=True)
    if not manifest.is_complete:
        for digest, fault in manifest.flaws.items():
            out.print(f"  {digest} is {fault}", markup=False, soft_wrap=True)
        raise BackupError(
            f"The backup is not complete: {len(manifest.flaws)} files that the store names are missing or damaged.",
            remedy="Bring them back into the artifacts folder from an older backup; petalite doctor --artifacts.",
        )


def restore(
    file: Annotated[Path, typer.Argument(help="An archive that petalite backup wrote.")],
    *,
    into: Annotated[Path | None, typer.Option(help="New home folder; PETALITE_HOME by default.")] = None,
) -> None:
    """Check an archive and bring it back where nothing is yet; an older store is migrated.

    A store on PostgreSQL goes into the empty database that PETALITE_STORE_URL names. Exit status 1 if files that the
    store names did not come back: everything else did.
    """
    from services.backup import restore_backup
    from services.backup.manifest import BackupError
    from services.store import open_store
    from services.uploads.artifacts import ArtifactFolder
    from services.uploads.soundness import find_flaws, named_files

    environ = dict(os.environ)
    if into is not None:
        environ["PETALITE_HOME"] = str(into)
        environ.pop("PETALITE_ARTIFACTS", None)
        if not environ.get("PETALITE_STORE_URL", "").startswith("postgresql"):
            environ.pop("PETALITE_STORE_URL", None)
    settings = load_settings(environ)
    manifest = restore_backup(file, settings)
    out = console()
    out.print(f"Restored {len(manifest.files)} files of {manifest.made_at} into {settings.home}", soft_wrap=True)
    with open_store(settings.store_url) as store:
        flaws = find_flaws(named_files(store), ArtifactFolder(settings.artifacts))
    if flaws:
        for flaw in flaws:
            out.print(f"  {flaw.title}", markup=False, soft_wrap=True)
        raise BackupError(
            f"{len(flaws)} files that the store names did not come back; everything else did.",
            remedy="They were missing or damaged when the backup was made: look in an older one.",
        )
