"""The sites that a dear look is made at: the lowest relaxed ones that are known, or drawn, ranked and relaxed here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.blueprint import Realization
from domain.digest import content_digest
from domain.json_value import JsonObject, JsonValue
from domain.look import LookRequest
from domain.parsing import ParseError, parse_json, to_json
from oracles.dynamics.checkpoint import write_atomically
from oracles.potential import PotentialSettings, require_admitted
from oracles.potentials import Potential
from oracles.relaxed_sites import relax_lowest
from oracles.sites import Placement, Placements, disorder_of, lowest_relaxed, rank, unrelaxed_placements


@dataclass(frozen=True, slots=True)
class SettledSites:
    """Where the atoms are, and what the store has yet to keep."""

    chosen: Realization
    new: tuple[Realization, ...]
    """Everything that was found on the way; the chosen one is among them unless it was known."""
    details: JsonObject

    @property
    def placement(self) -> Placement:
        """The chosen ones with their atoms."""
        return Placement.of(self.chosen, is_new=self.chosen in self.new)


def settle(request: LookRequest, settings: PotentialSettings, load: Callable[[], Potential]) -> SettledSites:
    """Takes the lowest relaxed sites that are known, or draws, ranks and, where asked, relaxes some.

    Args:
        request: The look.
        settings: How sites are drawn, ranked and relaxed.
        load: The potential, which is not needed where relaxed sites are known.

    Raises:
        PermanentLookError: If no sites can be drawn, or the crystal does not survive its relaxation.
        UnsupportedCrystalError: If the potential does not admit the crystal.
    """
    known = lowest_relaxed(request)
    if known is not None:
        return SettledSites(known.realization, (), disorder_of(known.realization))
    return settle_drawn(unrelaxed_placements(request, settings.drawing), settings, load())


def settle_drawn(unranked: Placements, settings: PotentialSettings, potential: Potential) -> SettledSites:
    """Ranks placements and, where asked, relaxes the lowest of them.

    Raises:
        PermanentLookError: If the crystal does not survive its relaxation.
        UnsupportedCrystalError: If the potential does not admit the crystal.
    """
    require_admitted(unranked, potential)
    ranked = rank(unranked, potential.calculator, ranked_by=potential.name)
    if settings.relax == "none":
        chosen = ranked.lowest.realization
        return SettledSites(chosen, ranked.new_realizations, {**ranked.details, **disorder_of(chosen)})
    relaxed = relax_lowest(ranked, potential, settings.relaxing)
    found = (*ranked.new_realizations, *relaxed.every)
    details = {**ranked.details, **relaxed.details, **disorder_of(relaxed.chosen)}
    return SettledSites(relaxed.chosen, found, details)


def settle_once(
    request: LookRequest, settings: PotentialSettings, load: Callable[[], Potential], *, folder: Path
) -> SettledSites:
    """The same, found only once in a folder: whoever takes up a look that was killed goes on with the same sites.

    Raises:
        PermanentLookError: If no sites can be drawn, or the crystal does not survive its relaxation.
        UnsupportedCrystalError: If the potential does not admit the crystal.
    """
    known = (realization.digest for realization in request.realizations)
    follows_from: list[JsonValue] = [to_json(settings), settings.name, request.blueprint.digest, request.seed, *known]
    path = folder / f"sites-{content_digest(follows_from)[:16]}.json"
    if path.exists():
        with suppress(ParseError):  # of another Petalite; found anew then
            return parse_json(SettledSites, path.read_bytes())
    settled = settle(request, settings, load)
    write_atomically(path, to_json(settled).encode())
    return settled
