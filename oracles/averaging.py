"""The energy of a disordered crystal: the mean of those of its ordered choices, by their weights."""

from __future__ import annotations

from collections.abc import Sequence

from domain.blueprint import Realization
from domain.disorder import DISORDER, TOLD
from domain.errors import InvalidValueError
from domain.json_value import JsonObject, JsonValue


def mean_energy_eV_per_atom(found: Sequence[Realization]) -> tuple[float, JsonObject]:
    """Averages energies over ordered choices for one disordered crystal.

    Entropy is left out. Where choices broke in relaxation, the weights of the rest are scaled up, and that is told.

    Args:
        found: The choices that have an energy, each with its weight.

    Returns:
        The mean, eV/atom, and what a result's details say of it.

    Raises:
        InvalidValueError: If one has no energy or no weight.
    """
    parts: list[tuple[float, float, str]] = []
    for one in found:
        if one.arrangement is None or one.energy_eV_per_atom is None:
            raise InvalidValueError(
                f"Sites by {one.method} have no weight or no energy.", remedy="Rank ordered choices alone."
            )
        parts.append((one.arrangement.weight, one.energy_eV_per_atom, one.digest))
    total = sum(weight for weight, _, _ in parts)
    mean = sum(weight * energy for weight, energy, _ in parts) / total
    spread = (sum(weight * (energy - mean) ** 2 for weight, energy, _ in parts) / total) ** 0.5
    first = found[0].arrangement
    words, by = ("", "") if first is None else (first.words, first.weighed_by)
    left = "" if first is None or first.n_kept == len(found) else f"; {first.n_kept - len(found)} of them broke"
    arrangements: list[JsonValue] = [
        {"sites": digest, "weight": weight / total, "energy_eV_per_atom": energy} for weight, energy, digest in parts
    ]
    return mean, {
        DISORDER: {
            TOLD: f"{words}, their mean by {by}{left}",
            "taken": "average",
            "weighed_by": by,
            "spread_eV_per_atom": spread,
            "arrangements": arrangements,
        }
    }
