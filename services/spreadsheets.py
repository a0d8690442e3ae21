"""Text that a spreadsheet may open: none of it is ever run as a formula."""

import re
from typing import Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What spreadsheets take for the beginning of a formula, some of them behind white space."""
_NUMBER: Final = re.compile(
    r"[+-](?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:\(\d{1,4}\))?(?:[eE][+-]?\d{1,3})?", re.ASCII
)


def harmless_cell(text: str) -> str:
    """A cell of a csv: what a spreadsheet would take for a formula begins with an apostrophe. Numbers stay numbers."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text
