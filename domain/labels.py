"""Short texts that people choose and that are shown everywhere: in tables, figures, file names and messages."""

import re
from typing import Final

from domain.errors import InvalidValueError

LONGEST_LABEL: Final = 63
_LABEL: Final = re.compile(r"[\w€$£¥%][\w .,:;+%°²³/()'€$£¥-]*(?<! )")


def require_label(text: str, what: str, *, example: str) -> None:
    """Refuses what cannot stand in a heading, the legend of a figure or a file as it is, markup above all.

    Args:
        text: The text.
        what: What it is, as a sentence begins with it.
        example: One that is taken.

    Raises:
        InvalidValueError: If it is empty, too long, or holds other than letters, digits, spaces and common signs.
    """
    if len(text) <= LONGEST_LABEL and _LABEL.fullmatch(text):
        return
    raise InvalidValueError(
        f"{what} {text[:LONGEST_LABEL]!r} cannot be used.",
        remedy=f"Write at most {LONGEST_LABEL} letters, digits, spaces and signs such as . - / ( ), for example "
        f"'{example}'.",
    )
