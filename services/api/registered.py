"""Which oracles are registered here, known by name without importing what computes."""

import difflib
from importlib.metadata import entry_points
from typing import Final

from domain.campaign import CampaignSpec
from domain.errors import UnknownOracleError
from domain.fidelity import AnsweredBy

_GROUP: Final = "petalite.oracles"


def registered_oracles() -> frozenset[str]:
    """Names of the oracles that are registered where the service runs."""
    return frozenset(found.name for found in entry_points(group=_GROUP))


def require_registered_oracles(spec: CampaignSpec) -> None:
    """Refuses a spec that names an oracle which is not here; what machines answer may be elsewhere.

    Raises:
        UnknownOracleError: If it does; says which names are close.
    """
    known = sorted(registered_oracles())
    for rung in spec.ladder:
        if rung.oracle not in known and rung.answered_by is not AnsweredBy.MACHINES:
            close = difflib.get_close_matches(rung.oracle, known, n=1)
            raise UnknownOracleError(
                f"Fidelity '{rung.name}': there is no oracle '{rung.oracle}'.",
                remedy=f"Did you mean '{close[0]}'?" if close else f"Choose one of {', '.join(known)}.",
            )
