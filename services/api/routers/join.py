"""The page behind a one-time link: whoever was invited chooses a name and a password there."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter(tags=["account"])

_PAGES: Final = Path(__file__).parents[1] / "pages"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


@router.get("/join", summary="Page of an invitation", include_in_schema=False)
def show_page() -> Response:
    """A form; the secret stays behind the # of the link until it is sent in a body."""
    return _page("join.html", "text/html")


@router.get("/join.js", include_in_schema=False)
def show_script() -> Response:
    """What sends the form."""
    return _page("join.js", "text/javascript")


@router.get("/join.css", include_in_schema=False)
def show_style() -> Response:
    """How it looks."""
    return _page("join.css", "text/css")


def _page(name: str, media_type: str) -> Response:
    return Response((_PAGES / name).read_bytes(), media_type=media_type, headers={"Content-Security-Policy": _POLICY})
