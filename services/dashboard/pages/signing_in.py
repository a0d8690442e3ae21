"""The door: signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.errors import NotAuthenticatedError, PetaliteError, TooManyAttemptsError
from services.access.oidc import is_own_path
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import Reader, TheService, TheStore, require
from services.api.problems import status_of
from services.api.routers import account
from services.api.service import Service
from services.dashboard.view import TheView, View

router = APIRouter()


@router.get("/")
async def show_start(_principal: Reader) -> Response:
    """Where most people want to go first."""
    return RedirectResponse("/campaigns", status_code=303)


@router.get("/login")
async def show_sign_in(
    view: TheView,
    service: TheService,
    next: str = "/",  # noqa: A002 - the name in the address
    *,
    new_password: bool = False,
) -> Response:
    """The page to sign in at."""
    return _page(view, service, next, is_password_new=new_password)


@router.post("/login")
def sign_in(
    request: Request,
    view: TheView,
    service: TheService,
    store: TheStore,
    name: Annotated[str, Form(max_length=63)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002 - the name of the field
) -> Response:
    """Opens a session and goes on to where the visitor wanted to go."""
    try:
        signed_in = account.sign_in(account.Credentials(name, password), request, service, store)
    except (NotAuthenticatedError, TooManyAttemptsError) as error:
        return _page(view, service, next, name=name, problem=error)
    response = view.go(_own_path(next))
    response.headers["set-cookie"] = signed_in.headers["set-cookie"]
    return response


@router.post("/logout")
def sign_out(
    request: Request, view: TheView, store: TheStore, principal: Annotated[Principal, Depends(require(Permission.READ))]
) -> Response:
    """Ends the session."""
    signed_out = account.sign_out(request, store, principal)
    response = view.go("/login")
    response.headers["set-cookie"] = signed_out.headers["set-cookie"]
    return response


def _page(
    view: View,
    service: Service,
    next_path: str,
    *,
    name: str = "",
    problem: PetaliteError | None = None,
    is_password_new: bool = False,
) -> Response:
    return view.page(
        "pages/sign_in.html",
        status=200 if problem is None else status_of(problem).value,
        next=_own_path(next_path),
        name=name,
        problem=problem,
        is_password_new=is_password_new,
        provider=service.identity_provider,
    )


def _own_path(path: str) -> str:
    """The path where it is one of this site; the start page for addresses that lead elsewhere."""
    return path if is_own_path(path) else "/"
