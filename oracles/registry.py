"""The oracles that are installed, found through the entry points of group `petalite.oracles`."""

import difflib
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from domain.errors import ConflictError, SpecError, UnknownOracleError
from domain.json_value import JsonObject
from domain.ports import Oracle

GROUP: Final = "petalite.oracles"
"""An entry point names a function `build(settings: JsonObject) -> Oracle` that loads no heavy software."""


def oracle_names() -> tuple[str, ...]:
    """Names of all registered oracles, in alphabetical order.

    Raises:
        ConflictError: If two distributions register the same name.
    """
    return tuple(sorted(_registered()))


def build_oracle(name: str, settings: JsonObject) -> Oracle:
    """Builds a registered oracle.

    Args:
        name: Name of the entry point.
        settings: Validated by the oracle; unknown keys are refused.

    Raises:
        UnknownOracleError: If no oracle has that name.
        ConflictError: If two distributions register the same name.
        SpecError: If a setting is unknown or impossible, or what is registered cannot be imported.
    """
    registered = _registered()
    if name not in registered:
        raise UnknownOracleError(
            f"There is no oracle '{name}'.",
            remedy=f"{_guess(name, registered)}Choose one of {', '.join(sorted(registered))}, or install its plug-in.",
        )
    try:
        build = registered[name].load()
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"The oracle '{name}' ({registered[name].value}) cannot be imported: {error}.",
            remedy="Install its package, with what it needs, wherever a worker of this store runs.",
        ) from error
    oracle: Oracle = build(settings)
    return oracle


def _guess(name: str, registered: Collection[str]) -> str:
    close = difflib.get_close_matches(name, registered, n=1)
    return f"Did you mean '{close[0]}'? " if close else ""


def _registered() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry_point in entry_points(group=GROUP):
        other = found.setdefault(entry_point.name, entry_point)
        if other.value != entry_point.value:
            raise ConflictError(
                f"The oracle '{entry_point.name}' is registered twice, as {other.value} and as {entry_point.value}.",
                remedy="Uninstall one of the two packages, or rename its entry point.",
            )
    return found
