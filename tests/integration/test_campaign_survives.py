"""A campaign that is killed, interrupted or run twice spends the same money as one that nobody disturbed."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.events import EventKind

pytestmark = pytest.mark.campaign

Document = dict[str, list[dict[str, object]]]


def charges(document: Document) -> list[tuple[object, ...]]:
    """Every movement of money, named by what it was for and not by row numbers."""
    looks = {pick["query"]: (pick["blueprint_digest"], pick["fidelity"]) for pick in document["picks"]}
    return sorted((*looks[row["query_id"]], row["kind"], row["amount"]) for row in document["ledger"])


def answers(document: Document) -> list[tuple[object, ...]]:
    return sorted(
        (pick["blueprint_digest"], pick["fidelity"], measured["measurement"]["value"])
        for pick in document["picks"]
        for measured in pick["measurements"]
    )


@pytest.fixture(scope="module")
def undisturbed(make_terminal: Callable, density_spec: Path) -> Document:
    terminal = make_terminal("undisturbed")
    terminal.run("run", str(density_spec))
    return terminal.document("dense")


def test_every_number_can_be_traced(undisturbed: Document) -> None:
    assert len(undisturbed["rounds"]) == 3
    assert {pick["fidelity"] for pick in undisturbed["picks"]} == {"glance", "gaze"}
    for pick in undisturbed["picks"]:
        assert pick["cost_declared"]["amount"] in {1, 10}
        (measured,) = pick["measurements"]
        (cost,) = pick["cost_measured"]
        assert cost["core_seconds"] > 0
        assert measured["measurement"]["provenance"]["oracle"] == "density"
        assert measured["measurement"]["provenance"]["oracle_version"]
        assert len(measured["measurement"]["provenance"]["settings_digest"]) == 64
        assert pick["decision"]["reason"]


def test_the_balance_is_the_sum_of_the_ledger(undisturbed: Document) -> None:
    booked = sum(row["amount"] for row in undisturbed["ledger"] if row["kind"] == "book")
    assert undisturbed["balance"]["booked"] == pytest.approx(booked)
    assert undisturbed["balance"]["reserved"] == pytest.approx(0)
    assert booked <= 120


@pytest.mark.parametrize(
    ("kind", "nth"),
    [
        (EventKind.ROUND_OPENED, 1),
        (EventKind.QUERY_CLAIMED, 3),
        (EventKind.TRAINING, 3),
        (EventKind.QUERY_DONE, 14),
        (EventKind.ROUND_CLOSED, 2),
    ],
)
def test_killed_and_continued_equals_undisturbed(
    make_terminal: Callable, density_spec: Path, undisturbed: Document, kind: EventKind, nth: int
) -> None:
    terminal = make_terminal(f"killed-{kind.name}")
    terminal.kill_when(terminal.start("run", str(density_spec)), "dense", kind=kind, nth=nth)
    terminal.run("run", str(density_spec))
    continued = terminal.document("dense")
    assert charges(continued) == charges(undisturbed)
    assert answers(continued) == answers(undisturbed)


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


@pytest.fixture(scope="module")
def undisturbed_model(make_terminal: Callable, model_crystal_spec: Path) -> Document:
    terminal = make_terminal("undisturbed-model")
    terminal.run("run", str(model_crystal_spec))
    return terminal.document("model")


@pytest.mark.parametrize(("kind", "nth"), [(EventKind.REFERENCE_DONE, 1), (EventKind.QUERY_CLAIMED, 8)])
def test_killed_among_references_and_looks_equals_undisturbed(
    make_terminal: Callable, model_crystal_spec: Path, undisturbed_model: Document, kind: EventKind, nth: int
) -> None:
    assert any(pick["measurements"] for pick in undisturbed_model["picks"])
    terminal = make_terminal(f"killed-model-{kind.name}")
    terminal.kill_when(terminal.start("run", str(model_crystal_spec)), "model", kind=kind, nth=nth)
    terminal.run("run", str(model_crystal_spec))
    continued = terminal.document("model")
    assert charges(continued) == charges(undisturbed_model)
    assert answers(continued) == answers(undisturbed_model)
    assert len(continued["references"]) == len(undisturbed_model["references"])
