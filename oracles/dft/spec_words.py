"""What a spec says to a code, word by word: names of settings and of files may stand anywhere in it.

Codes with free-form input take a setting within the text of another one, so that keys alone do not tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from domain.json_value import JsonValue

_BETWEEN_WORDS: Final = re.compile(r"[\s=,;'\"]+")
_INDEX: Final = re.compile(r"\([\d:]*\)?$")
_UNIT: Final = re.compile(r"\[[^\]\s]*\]")
_PATH: Final = re.compile(r"(?<![\d)])/|/(?![\d(])|\.\.")
"""A slash, unless it divides numbers, or a way upwards."""


def texts_of(value: JsonValue) -> Iterator[str]:
    """Every text within a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from texts_of(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from texts_of(inner)


def words_of(value: JsonValue) -> Iterator[str]:
    """Every word of these texts, in small letters and without an index, such as `hubbard_u` of `Hubbard_U(1)`."""
    for text in texts_of(value):
        yield from (_INDEX.sub("", word) for word in _BETWEEN_WORDS.split(text.lower()) if word)


def names_path(text: str) -> bool:
    """Whether a text leads out of the folder that it is looked for in. Units such as `[eV/angstrom]` do not."""
    return _PATH.search(_UNIT.sub("", text)) is not None
