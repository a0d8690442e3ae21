"""Opening a store twice in one process must not cost the first one its locks."""

import subprocess
import sys
from pathlib import Path

from services.store import open_store


def test_a_second_opening_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'petalite.sqlite3'}"
    journal = tmp_path / "petalite.sqlite3-wal"
    with open_store(url) as first:
        first.campaigns.list()
        with open_store(url):
            pass
        visitor = f"from services.store import open_store\nwith open_store({url!r}) as s: s.campaigns.list()"
        subprocess.run([sys.executable, "-c", visitor], check=True, timeout=60)
        # whoever closes last removes the journal; the visitor may not believe that it was the last
        assert journal.exists()
        assert first.campaigns.list() == ()
