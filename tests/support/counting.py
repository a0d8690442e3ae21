"""An oracle whose looks take six steps, keep what they did, and die where they are told to, the first time."""

import textwrap
from pathlib import Path

import pytest

from oracles.testing import install_plugin

_SOURCE = textwrap.dedent(
    """
    import os, pathlib, signal, time
    from dataclasses import replace
    from domain.look import LookProgress
    from oracles.density import DensityOracle

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
                return replace(self.look(request), details={"began_at": began_at, "steps": n_done})
        return Counting(name="counting")
    """
)


def install_counting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs it as the oracle `counting`, whose settings are `dies_at` (a step) and `waits_for` (a file)."""
    install_plugin(folder, "counting", _SOURCE)
    monkeypatch.syspath_prepend(folder)
