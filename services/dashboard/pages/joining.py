"""The pages behind one-time links: to choose a name and a password, or a new password."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from services.access.password_links import PASSWORD_PAGE
from services.dashboard.view import TheView

router = APIRouter()

JOIN: Final = "/join"


@router.get(JOIN)
async def show_join(view: TheView) -> Response:
    """A form; the secret stays behind the # of the link until a script sends it in a body."""
    return view.page("pages/join.html")


@router.get(PASSWORD_PAGE)
async def show_new_password(view: TheView) -> Response:
    """The same for somebody who forgot their password."""
    return view.page("pages/new_password.html")
