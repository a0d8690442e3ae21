"""Surrogates by the names that a campaign's spec uses. Importing it loads no numerical library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import SpecError
from domain.parsing import parse
from surrogates.settings import GaussianProcessSettings

if TYPE_CHECKING:
    from domain.campaign import Component
    from domain.fidelity import Ladder
    from domain.quantity import Objective
    from domain.search_space import SearchSpace
    from surrogates.ports import Surrogate

MULTI_FIDELITY: Final = "multi-fidelity-gp"
"""Learns from every fidelity how much it says about the target."""
TARGET_ONLY: Final = "target-only-gp"
"""Learns from the target alone: the baseline that a ladder has to beat."""
SURROGATES: Final = (MULTI_FIDELITY, TARGET_ONLY)


def require_surrogate(component: Component) -> None:
    """Refuses what no surrogate can be built from, and loads none.

    Raises:
        SpecError: If no surrogate has that name, or a setting is unknown or impossible.
    """
    _settings(component)


def build_surrogate(component: Component, *, space: SearchSpace, ladder: Ladder, objective: Objective) -> Surrogate:
    """Builds the surrogate that a spec names.

    Raises:
        SpecError: If no surrogate has that name, or a setting is unknown or impossible.
    """
    settings = _settings(component)
    from surrogates.gaussian_process import GaussianProcessSurrogate

    return GaussianProcessSurrogate(
        name=component.name,
        settings=settings,
        space=space,
        ladder=ladder,
        objective=objective,
        is_target_only=component.name == TARGET_ONLY,
    )


def _settings(component: Component) -> GaussianProcessSettings:
    if component.name not in SURROGATES:
        raise SpecError(
            f"surrogate.name: '{component.name}' is unknown.", remedy=f"Choose one of {', '.join(SURROGATES)}."
        )
    return parse(
        GaussianProcessSettings,
        dict(component.settings),
        what="The surrogate's settings",
        prefix=("surrogate", "settings"),
    )
