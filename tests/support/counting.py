"""An oracle whose looks take six steps, keep what they did, and die where they are told to, the first time."""

import textwrap
from pathlib import Path

import pytest

from oracles.testing import install_plugin

_SOURCE = textwrap.dedent(
    """
    import os, pathlib, signal, time
    from dataclasses import replace
    from domain.look import FileNote, LookFile, LookProgress
    from domain.measurement import SeriesPoint
    from oracles.density import DensityOracle

    def leave(folder, name, size):
        (folder / name).write_bytes(b"x" * size)
        return LookFile(FileNote(name, "application/octet-stream", "What was counted."), name)

    def build(settings):
        class Counting(DensityOracle):
            def resume(self, request, workbench):
                kept = workbench.folder / "steps"
                began_at = n_done = len(kept.read_text()) if kept.exists() else 0
                while n_done < 6:
                    n_done += 1
                    kept.write_text("x" * n_done)
                    workbench.report(LookProgress(n_done / 6, f"{n_done} of 6 steps"))
                    if n_done == settings.get("dies_at") and began_at == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                while "waits_for" in settings and not pathlib.Path(settings["waits_for"]).exists():
                    time.sleep(0.01)
                return replace(
                    self.look(request),
                    details={"began_at": began_at, "steps": n_done},
                    series=tuple(SeriesPoint(kelvin, 2.0, 0.1) for kelvin in settings.get("series_K", ())),
                    files=tuple(leave(workbench.folder, *left) for left in settings.get("leaves", {}).items()),
                )
        return Counting(name="counting")
    """
)


def install_counting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs it as the oracle `counting`.

    Its settings are `dies_at` (a step), `waits_for` (a file), `series_K` (temperatures of a series) and `leaves`
    (sizes of files by name).
    """
    install_plugin(folder, "counting", _SOURCE)
    monkeypatch.syspath_prepend(folder)
