"""What a visitor finds at the top of every page."""

from dataclasses import dataclass
from typing import Final

from services.access.principal import Principal
from services.access.roles import Permission


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the site."""

    title: str
    path: str
    permission: Permission = Permission.READ
    """Who lacks it is not led there."""


PLACES: Final = (
    Place("Campaigns", "/campaigns"),
    Place("Laboratory", "/laboratory", Permission.LABORATORY),
    Place("Machines", "/machines"),
    Place("Approvals", "/approvals", Permission.QUERY_APPROVE),
    Place("Materials", "/materials"),
    Place("Administration", "/administration", Permission.ADMINISTER),
)


def places_for(principal: Principal) -> tuple[Place, ...]:
    """The parts of the site that somebody may see."""
    return tuple(place for place in PLACES if place.permission in principal.permissions)
