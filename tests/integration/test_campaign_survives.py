"""A campaign that is killed spends the same money as one that nobody disturbed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.books import Document, answers, charges

from domain.events import EventKind

pytestmark = pytest.mark.campaign


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
        pytest.param(EventKind.ROUND_OPENED, 1, marks=pytest.mark.slow),
        pytest.param(EventKind.QUERY_CLAIMED, 3, marks=pytest.mark.slow),
        pytest.param(EventKind.TRAINING, 3, marks=pytest.mark.slow),
        (EventKind.QUERY_DONE, 14),
        pytest.param(EventKind.ROUND_CLOSED, 2, marks=pytest.mark.slow),
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
