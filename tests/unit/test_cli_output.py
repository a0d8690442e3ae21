"""Tables of the command line in terminals of any width."""

import re
from contextlib import redirect_stdout
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.errors import InvalidValueError, UnconfirmedValueError
from services.cli.output import print_error, print_table

COLUMNS = ("query", "campaign", "crystal", "measure", "state")
ROW = ("133", "conductors-of-tomorrow", "Li8Br4Cl4 Fm-3m", "pellet: ionic conductivity (S/cm)", "claimed by anna")
FRAME = re.compile(r"[┃│┏┓┗┛┡┩└┘━─┳┴┬╇]+")


@pytest.fixture
def narrow(monkeypatch, capsys):
    def printed(width: int, columns, rows) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        print_table("Laboratory queue", columns, rows, empty="Nothing waits.")
        return capsys.readouterr().out

    return printed


@pytest.mark.parametrize("width", [200, 80, 72, 60, 40])
def test_no_width_cuts_a_word(narrow, width):
    told = narrow(width, COLUMNS, [ROW, ("134", "b", "Li3YCl6 P-3m1", "pellet: ionic conductivity (S/cm)", "queued")])
    words = set(FRAME.sub(" ", told).replace(":", " ").split())
    assert {word for cell in ROW for word in cell.replace(":", " ").split()} <= words
    assert max(map(len, told.splitlines())) <= width


def test_what_does_not_fit_beside_each_other_stands_below(narrow):
    assert narrow(40, COLUMNS, [ROW]).splitlines()[1:3] == ["query: 133", "  campaign: conductors-of-tomorrow"]
    assert "┃ query ┃" in narrow(80, COLUMNS, [ROW])


def cells() -> SearchStrategy[str]:
    return st.lists(st.text("abcé12-_./", min_size=1, max_size=30), max_size=6).map(" ".join)


@given(st.integers(30, 120), st.lists(st.tuples(cells(), cells(), cells()), min_size=1, max_size=4))
def test_every_word_of_every_table_stays_whole(width, rows):
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as told:
        patch.setenv("COLUMNS", str(width))
        print_table("Title", ("a", "b", "c"), rows, empty="")
    shown = set(FRAME.sub(" ", told.getvalue()).split())
    assert {word for row in rows for cell in row for word in cell.split()} <= shown


def test_brackets_are_no_markup_and_nothing_is_a_sentence(narrow):
    assert "[bold]x[/]" in narrow(80, ("a",), [("[bold]x[/]",)])
    assert narrow(80, ("a",), []) == "Nothing waits.\n"


def test_an_unconfirmed_value_names_the_option_that_confirms_it(capsys):
    print_error(UnconfirmedValueError("9 S/cm is unusually high.", remedy="Confirm it."))
    assert "say with --confirm that it is meant as it stands" in capsys.readouterr().err
    print_error(InvalidValueError("No unit.", remedy="Write it."))
    assert "Remedy: Write it." in capsys.readouterr().err
