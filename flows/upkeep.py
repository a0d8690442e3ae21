"""Upkeep of the store, by whichever worker comes first: nothing here matters to the second."""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

from domain.errors import NotFoundError
from flows.look_folders import KeptLook, LookFolders, kept_look_folders
from services.access.throttle import WINDOW
from services.intake.idempotency import forget_old_keys
from services.scratch import EXPORT_PREFIX, LOOKS_PREFIX, sweep_files, sweep_folders
from services.settings import Settings
from services.store import Store
from services.uploads.artifacts import INCOMING

TENDS_EVERY: Final = timedelta(hours=1)
LONG: Final = timedelta(hours=1)
"""Claims that lapsed so long ago are ended even where nobody else wants them. Not at once: a machine whose service was
away hands its answer in when it is back, and that counts while nobody has taken the claim."""
SWEEPS_EVERY: Final = timedelta(days=1)
_SWEEPER: Final = "upkeep:sweeper"


class Upkeep:
    """What one worker does for the store and the disk between campaigns.

    Args:
        store: The store.
        settings: Name the folders.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._tended_at = store.now()
        sweep_leftovers(settings)

    def tend(self) -> int:
        """Every hour ends claims that lapsed long ago, and once a day forgets what nobody asks for any more.

        The first hour is left to machines that could not deliver their answers while nobody was there.

        Returns:
            How many claims were ended.

        Raises:
            StoreError: If the store does not answer; the next time makes up for it.
        """
        now = self._store.now()
        if now - self._tended_at < TENDS_EVERY:
            return 0
        n_ended = self._store.queries.requeue_lapsed(now - LONG)
        self._sweep_in_turn()
        sweep_leftovers(self._settings)
        forget_ended_looks(self._store, kept_look_folders(self._settings))
        self._tended_at = now
        return n_ended

    def _sweep_in_turn(self) -> None:
        cursors = self._store.cursors
        cursors.begin(_SWEEPER, 0)
        if cursors.take(_SWEEPER, SWEEPS_EVERY.total_seconds()) is not None:
            sweep(self._store)


def sweep_leftovers(settings: Settings) -> None:
    """Removes what killed processes left on the disk: folders of looks and exports, and files half received."""
    sweep_folders(settings.scratch, LOOKS_PREFIX)
    sweep_folders(Path(tempfile.gettempdir()), EXPORT_PREFIX)
    sweep_files(settings.artifacts, INCOMING, older_than_s=SWEEPS_EVERY.total_seconds())


def forget_ended_looks(store: Store, folders: LookFolders) -> None:
    """Removes what looks kept that nobody will go on with: ended ones, and those that nobody came back to."""
    for look in folders.kept():
        if look.is_abandoned or _has_ended(store, look):
            look.remove()


def _has_ended(store: Store, look: KeptLook) -> bool:
    try:
        query = store.queries.get(look.query_id)
        blueprint = store.candidates.get(query.candidate_id).blueprint
    except NotFoundError:
        return False  # it may be another store's that computes in the same folder
    return query.finished_at is not None and look.is_of(blueprint)


def sweep(store: Store) -> None:
    """Forgets idempotency keys that nobody repeats, and sessions, invitations and failed sign-ins that are over."""
    forget_old_keys(store)
    store.sessions.sweep()
    store.invitations.sweep()
    store.password_links.sweep()
    store.login_failures.sweep(store.now() - WINDOW)
