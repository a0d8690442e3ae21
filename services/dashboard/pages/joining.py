"""The page behind a one-time link: whoever was invited chooses a name and a password there."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from services.dashboard.view import TheView

router = APIRouter()

JOIN: Final = "/join"


@router.get(JOIN)
async def show_join(view: TheView) -> Response:
    """A form; the secret stays behind the # of the link until a script sends it in a body."""
    return view.page("pages/join.html")
