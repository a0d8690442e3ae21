"""What forms ask of pages: a field that was left blank asks nothing."""

from typing import Final

from pydantic import BeforeValidator


def _none_if_blank(given: object) -> object:
    return None if isinstance(given, str) and not given.strip() else given


BLANK: Final = BeforeValidator(_none_if_blank)
"""Stands last among what annotates a parameter, so that nothing before it meets a blank."""


def symbols_in(text: str | None) -> list[str]:
    """Symbols of elements as people list them: by commas or spaces."""
    return [] if text is None else text.replace(",", " ").split()
