"""What a machine sets for every campaign on it: the environment, read once and handed on."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL

from domain.errors import InvalidValueError

_PREFIX: Final = "PETALITE_"
_HOME: Final = "PETALITE_HOME"
_STORE_URL: Final = "PETALITE_STORE_URL"
_WORKERS: Final = "PETALITE_WORKERS"
_KNOWN: Final = (_HOME, _STORE_URL, _WORKERS)
_TEST_PREFIX: Final = "PETALITE_TEST_"
"""Variables of the test suite, of no meaning here."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a machine keeps its data and how much it does at once."""

    home: Path
    """Folder of everything that Petalite writes."""
    store_url: str
    """Address of the store."""
    workers: int
    """Computed looks at the same time."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InvalidValueError(f"{_WORKERS} is {self.workers}.", remedy="Allow at least 1.")


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Reads the settings from environment variables.

    | variable | meaning | without it |
    |---|---|---|
    | PETALITE_HOME | folder of everything that Petalite writes | petalite-data, here |
    | PETALITE_STORE_URL | address of the store | an SQLite file in that folder |
    | PETALITE_WORKERS | computed looks at the same time | 2 |

    Raises:
        InvalidValueError: If a variable has an impossible value, or begins with PETALITE_ and is unknown.
    """
    for name in environ:
        if name.startswith(_PREFIX) and name not in _KNOWN and not name.startswith(_TEST_PREFIX):
            close = difflib.get_close_matches(name, _KNOWN, n=1, cutoff=0.8)
            remedy = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(_KNOWN)}."
            raise InvalidValueError(f"The environment variable {name} is unknown.", remedy=remedy)
    # Absolute, so that a later change of the working folder leads to the same store.
    home = Path(environ.get(_HOME) or "petalite-data").expanduser().absolute()
    own_store = URL.create("sqlite", database=str(home / "petalite.sqlite3")).render_as_string()
    return Settings(
        home=home, store_url=environ.get(_STORE_URL) or own_store, workers=_whole_number(environ.get(_WORKERS) or "2")
    )


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidValueError(f"{_WORKERS} is '{text}'.", remedy="Give a whole number.") from error
