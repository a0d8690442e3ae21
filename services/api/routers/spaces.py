"""Search spaces: how much there is in one, before a campaign is made of it."""

from typing import Annotated

from fastapi import APIRouter, Depends

from domain.search_space import SearchSpace
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import TheService, require
from services.api.spec_checker import SpaceCount

router = APIRouter(prefix="/spaces", tags=["campaigns"])


@router.post("/count", summary="Count what a search space holds")
def count_space(
    space: SearchSpace,
    service: TheService,
    _principal: Annotated[Principal, Depends(require(Permission.CAMPAIGN_WRITE))],
) -> SpaceCount:
    """Counts the neutral compositions on the space groups that can host them; lattices are not counted.

    A space that holds no crystal is refused, with the constraint that empties it.
    """
    return service.checker.count(space)
