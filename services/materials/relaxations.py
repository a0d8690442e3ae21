"""What looks tell of the relaxations that they made: read from details of measurements, which anybody may send."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from domain.errors import SpecError
from domain.json_value import JsonObject
from domain.parsing import parse
from domain.relaxation import RELAXATIONS, Relaxation

_MOST: Final = 100
"""Relaxations that are read of one measurement."""


def relaxations_told(details: JsonObject) -> tuple[Relaxation, ...]:
    """The relaxations that a measurement's details list; what is none is left out."""
    listed = details.get(RELAXATIONS)
    if not isinstance(listed, list):
        return ()
    found = []
    for one in listed[:_MOST]:
        try:
            found.append(parse(Relaxation, one, what="A relaxation"))
        except SpecError:
            continue
    return tuple(found)


def relaxations_by_sites(every: Iterable[JsonObject]) -> Mapping[str, tuple[Relaxation, ...]]:
    """Relaxations by the realizations that they began from or led to.

    Args:
        every: Details of all measurements of a crystal. What several of them tell alike is told once.

    Returns:
        By digest of the realization.
    """
    found: defaultdict[str, dict[Relaxation, None]] = defaultdict(dict)
    for details in every:
        for relaxation in relaxations_told(details):
            for digest in (relaxation.start, relaxation.sites):
                if digest is not None:
                    found[digest][relaxation] = None
    return {digest: tuple(relaxations) for digest, relaxations in found.items()}
