"""Rounds of campaigns, and the crystals that they chose."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query

from domain.composition import Composition
from domain.errors import InvalidValueError
from services.api.dependencies import (
    LARGEST_NUMBER,
    Name,
    Number,
    Reader,
    TheStore,
    visible_campaign,
    visible_candidate,
    visible_groups,
)
from services.api.paging import After, Limit, Page, keyset, same
from services.api.views import CandidateDetails, CandidateView, candidate_details, candidate_view
from services.materials.novelty import Novelty, novelty
from services.materials.stability import Stability, stability
from services.store.records import CandidateRecord, RoundHead, RoundRecord

router = APIRouter(tags=["rounds and candidates"])

_TERM: Final = re.compile(r"([A-Z][a-z]?)([1-9][0-9]{0,3})?")
_FORMULA: Final = re.compile(rf"(?:{_TERM.pattern}){{1,20}}")


@dataclass(frozen=True, slots=True)
class CandidateFilter:
    """Which crystals are listed."""

    formula: Annotated[
        str | None,
        Query(max_length=80, description="Only those of this composition, in any multiple.", examples=["LiCl"]),
    ] = None
    space_group: Annotated[int | None, Query(ge=1, le=230, description="Only those of this space group.")] = None
    round_index: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER, description="Only those of this round.")] = None

    def fits(self) -> Callable[[CandidateRecord], bool] | None:
        """Tells whether a crystal has the formula and the group; None where neither is asked for.

        Raises:
            InvalidValueError: If the formula is none.
        """
        if self.formula is None and self.space_group is None:
            return None
        wanted = None if self.formula is None else _reduced(read_formula(self.formula))

        def fits(record: CandidateRecord) -> bool:
            blueprint = record.blueprint
            is_group = self.space_group in {None, blueprint.space_group.number}
            return is_group and (wanted is None or _reduced(blueprint.composition) == wanted)

        return fits


@router.get("/campaigns/{name}/rounds", summary="List a campaign's rounds")
def list_rounds(
    name: Name, store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[RoundHead]:
    """Rounds in order, with what was known when each opened. What a round knew when it closed stands in the round."""
    campaign = visible_campaign(store, principal, name)
    return keyset(lambda n: store.rounds.list_page(campaign.id, after_id=after, limit=n), same, limit=limit)


@router.get("/campaigns/{name}/rounds/{index}", summary="Show a round")
def show_round(
    name: Name, index: Annotated[int, Path(ge=0, le=LARGEST_NUMBER)], store: TheStore, principal: Reader
) -> RoundRecord:
    """One round, counted from 0, with what it expected of every crystal when it closed."""
    return store.rounds.at(visible_campaign(store, principal, name).id, index)


@router.get("/campaigns/{name}/candidates", summary="List a campaign's crystals")
def list_candidates(
    name: Name,
    store: TheStore,
    principal: Reader,
    only: Annotated[CandidateFilter, Depends()],
    after: After = 0,
    limit: Limit = 100,
) -> Page[CandidateView]:
    """The crystals that its rounds chose, in that order."""
    campaign = visible_campaign(store, principal, name)
    fits = only.fits()
    return keyset(
        lambda n: store.pages.candidates(campaign.id, after_id=after, limit=n, round_index=only.round_index, fits=fits),
        candidate_view,
        limit=limit,
    )


@router.get("/candidates/{candidate_id}", summary="Show a crystal with all its looks")
def show_candidate(candidate_id: Number, store: TheStore, principal: Reader) -> CandidateDetails:
    """A crystal's blueprint, and everything that was asked and answered about it."""
    campaign, candidate = visible_candidate(store, principal, candidate_id)
    return candidate_details(store, campaign, candidate)


@router.get("/candidates/{candidate_id}/novelty", summary="Tell how new a crystal is")
def show_novelty(candidate_id: Number, store: TheStore, principal: Reader) -> Novelty:
    """The known materials nearest to it that the caller may see, and a sentence that says how new it is.

    Compositions are compared by the element mover's distance (Hargreaves et al., Chemistry of Materials 32, 10610,
    2020) along the modified Pettifor scale, materials of the same reduced formula by their volume for an atom. Sites
    are not compared.
    """
    _, candidate = visible_candidate(store, principal, candidate_id)
    return novelty(store, candidate.blueprint, groups=visible_groups(principal))


@router.get("/candidates/{candidate_id}/hull", summary="Tell how far a crystal is above the convex hull")
def show_hull(candidate_id: Number, store: TheStore, principal: Reader) -> Stability:
    """Its energy above the hull of all phases of its elements that the caller may see, and what it falls apart into.

    Only energies of one kind are compared: by the same oracle in the same version with the same settings, counted from
    the same energies of the elements. Formation energies that a collection says of its materials make a hull of their
    own. The elements are always among the phases, at 0.
    """
    _, candidate = visible_candidate(store, principal, candidate_id)
    return stability(store, candidate.id, candidate.blueprint, groups=visible_groups(principal))


def read_formula(formula: str) -> Composition:
    """Reads a formula as people write it.

    Raises:
        InvalidValueError: If it is none.
    """
    if not _FORMULA.fullmatch(formula):
        raise InvalidValueError(f"'{formula}' is no formula.", remedy="Write it like Li7La3Zr2O12.")
    counts: dict[str, int] = {}
    for symbol, count in _TERM.findall(formula):
        counts[symbol] = counts.get(symbol, 0) + int(count or 1)
    return Composition.of(counts)


def _reduced(composition: Composition) -> tuple[tuple[int, int], ...]:
    divisor = gcd(*(count for _, count in composition.counts))
    return tuple((atomic_number, count // divisor) for atomic_number, count in composition.counts)
