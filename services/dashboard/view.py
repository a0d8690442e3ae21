"""What every page is made with: who looks, at what, and the templates."""

from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import quote, urlencode

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.access.principal import Principal
from services.access.roles import Permission
from services.api.service import PRINCIPAL_KEY
from services.dashboard.navigation import places_for
from services.dashboard.rendering import Templates

POLICY = (
    "default-src 'none'; script-src 'self'; "
    # Plotly makes one empty style element and fills it by script: the first is the hash of nothing. The second is that
    # of the styles of its maps, which it adds to every page. Browser tests fail when an update changes them.
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='; "
    "img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""What a page may load and run: nothing but what this service serves, and no script or style inside the page."""
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
"""Of every page. Without a referrer, browsers would not say either that a form came from here."""


@dataclass(frozen=True, slots=True)
class View:
    """One visitor's look at one page."""

    request: Request
    templates: Templates

    @property
    def is_partial(self) -> bool:
        """Whether a part of a page that is open already asks for its newer self."""
        return self.request.headers.get("hx-request") == "true"

    def page(self, template: str, *, status: int = 200, **context: object) -> Response:
        """A page, or a part of one, filled with what is given; whose turn it is and where they may go is there too."""
        principal = self.request.scope.get(PRINCIPAL_KEY)
        known = principal if isinstance(principal, Principal) else None
        filled = {
            "principal": known,
            "may": (lambda name: known is not None and Permission(name) in known.permissions),
            "places": places_for(known) if known is not None else (),
            "path": self.request.url.path,
            "is_partial": self.is_partial,
            **context,
        }
        return HTMLResponse(self.templates.render(template, filled), status_code=status, headers=HEADERS)

    def go(self, path: str) -> Response:
        """Sends the browser on after something was changed, so that loading again changes nothing twice."""
        if self.is_partial:
            return Response(status_code=204, headers={"HX-Redirect": path})
        return RedirectResponse(path, status_code=303)


async def the_view(request: Request) -> View:
    """The dependency of every page."""
    return View(request, cast(Templates, request.app.state.templates))


TheView = Annotated[View, Depends(the_view)]


def link(*parts: str | int) -> str:
    """The path of a page: `link("campaigns", name)`."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def address(path: str, **asked: str | int | list[str] | None) -> str:
    """A path with what is asked of it, but for what is blank."""
    return path + (f"?{text}" if (text := urlencode({k: v for k, v in asked.items() if v}, doseq=True)) else "")
