"""How the command line speaks: tables for people, JSON for machines, errors in one sentence with a remedy."""

import json
import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.errors import PetaliteError
from domain.json_value import JsonValue


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
    """Prints a table, or a sentence that says what to do where it would be empty."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    n_rows = 0
    for n_rows, row in enumerate(rows, start=1):  # noqa: B007 - the last number is the count
        table.add_row(*map(Text, row))  # as they are: brackets in a cell are no markup
    console().print(table if n_rows else empty)


def print_error(error: PetaliteError) -> None:
    """Prints an error on standard error: what is wrong, then what to do."""
    told = Text.assemble(("Error: ", "bold red"), error.problem, ("\nRemedy: ", "bold"), error.remedy)
    Console(stderr=True, highlight=False).print(told, soft_wrap=True)
