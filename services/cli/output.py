"""How the command line speaks: tables for people, JSON for machines, errors in one sentence with a remedy."""

import json
import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum
from textwrap import wrap
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.errors import PetaliteError, UnconfirmedValueError
from domain.json_value import JsonValue

_FRAME_OF_COLUMN: Final = 3
"""Characters that a column of a table takes beside its text."""
_NARROWEST: Final = 20


class ExitCode(IntEnum):
    """What the exit status means."""

    DONE = 0
    FAILED = 1
    """Refused before anything was changed, or ended by an error; what was recorded is kept."""
    USAGE = 2
    """The command was misspelt."""
    WAITING = 3
    """The campaign waits for a laboratory, a machine or approval."""
    BUSY = 4
    """Another process is running the campaign."""
    HALTED = 5
    """The campaign has paused itself, because going on would only cost money."""
    INTERRUPTED = 130
    """Ctrl-C; everything recorded so far is kept."""


def console() -> Console:
    """The console for people, on standard output."""
    return Console(highlight=False)


def print_json(value: JsonValue) -> None:
    """Prints one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Prints a table, or a sentence that says what to do where it would be empty.

    Words are never cut: where the terminal is too narrow for every column, each row becomes lines of its own.
    """
    listed = [tuple(row) for row in rows]
    out = console()
    if not listed:
        out.print(empty)
        return
    widths = _column_widths([columns, *listed], out.width - _FRAME_OF_COLUMN * len(columns) - 1)
    if widths is None:
        _print_blocks(out, title, columns, listed)
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, width=width)
    for row in listed:
        table.add_row(*map(Text, row))  # as they are: brackets in a cell are no markup
    out.print(table)


def _column_widths(rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Characters for each column, as many as its longest word at least; None where that is more than there is room."""
    cells = list(zip(*rows, strict=True))
    least = [max(cell_len(word) for text in column for word in (*text.split(), "")) for column in cells]
    whole = [max(cell_len(line) for text in column for line in (*text.splitlines(), "")) for column in cells]
    spare, wanted = room - sum(least), sum(whole) - sum(least)
    if spare < 0:
        return None
    if spare >= wanted:
        return whole
    return [low + spare * (high - low) // wanted for low, high in zip(least, whole, strict=True)]


def _print_blocks(out: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints each row as lines `column: text`, the first of them at the margin."""
    out.print(Text(title, style="bold"), soft_wrap=True)
    for row in rows:
        for place, (column, text) in enumerate(zip(columns, row, strict=True)):
            if not text:
                continue
            margin = "  " if place else ""
            told = f"{column}: {' '.join(text.split())}" if column else text
            lines = wrap(
                told,
                max(out.width, _NARROWEST),
                initial_indent=margin,
                subsequent_indent=f"{margin}  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            out.print(Text("\n".join(lines)), soft_wrap=True)


def print_error(error: PetaliteError) -> None:
    """Prints an error on standard error: what is wrong, then what to do."""
    is_to_confirm = isinstance(error, UnconfirmedValueError)
    remedy = "Correct it, or say with --confirm that it is meant as it stands." if is_to_confirm else error.remedy
    told = Text.assemble(("Error: ", "bold red"), error.problem, ("\nRemedy: ", "bold"), remedy)
    Console(stderr=True, highlight=False).print(told, soft_wrap=True)
