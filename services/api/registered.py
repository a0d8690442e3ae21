"""Which oracles are registered here, known by name without importing what computes."""

from importlib.metadata import entry_points
from typing import Final

_GROUP: Final = "petalite.oracles"


def registered_oracles() -> frozenset[str]:
    """Names of the oracles that are registered where the service runs."""
    return frozenset(found.name for found in entry_points(group=_GROUP))
