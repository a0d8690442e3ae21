"""A campaign that is interrupted, stopped or run twice spends the same money as one that nobody disturbed."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support.books import Document, charges

from domain.events import EventKind

pytestmark = pytest.mark.campaign


def test_interrupted_and_continued_equals_undisturbed(
    make_terminal: Callable, density_spec: Path, undisturbed: Document
) -> None:
    terminal = make_terminal("interrupted")
    process = terminal.start("run", str(density_spec))
    terminal.signal_when(process, "dense", kind=EventKind.QUERY_CLAIMED, nth=2, number=signal.SIGINT)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "petalite run dense" in output
    terminal.run("run", "dense")
    assert charges(terminal.document("dense")) == charges(undisturbed)


def test_a_second_runner_does_nothing(make_terminal: Callable, density_spec: Path, undisturbed: Document) -> None:
    terminal = make_terminal("twice")
    first = terminal.start("run", str(density_spec))
    second = None
    while second is None:
        if terminal._n_events("dense", EventKind.QUERY_CLAIMED) > 0 or first.poll() is not None:
            second = terminal.start("run", "dense")
    second.communicate(timeout=300)
    first.communicate(timeout=300)
    assert first.returncode == 0
    assert second.returncode in {0, 4}  # 0 where the first had finished by then
    assert charges(terminal.document("dense")) == charges(undisturbed)


@pytest.mark.slow
def test_stopped_and_resumed_equals_undisturbed(
    make_terminal: Callable, density_spec: Path, undisturbed: Document
) -> None:
    terminal = make_terminal("stopped")
    process = terminal.start("run", str(density_spec))
    while terminal._n_events("dense", EventKind.QUERY_CLAIMED) < 2:
        assert process.poll() is None
    terminal.run("campaign", "stop", "dense")
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "stopped" in output
    assert "--resume" in terminal.refused("run", "dense")
    terminal.run("run", "dense", "--resume")
    assert charges(terminal.document("dense")) == charges(undisturbed)


def test_a_completed_campaign_is_shown_again_and_charged_no_more(
    make_terminal: Callable, density_spec: Path, undisturbed: Document
) -> None:
    terminal = make_terminal("again")
    terminal.run("run", str(density_spec))
    output = terminal.run("run", str(density_spec))
    assert "completed" in output
    assert charges(terminal.document("dense")) == charges(undisturbed)
