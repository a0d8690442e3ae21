"""The whole service: the API, and the pages beside it."""

from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.access.password_links import PASSWORD_PAGE
from services.api.app import create_app
from services.api.head_requests import HeadRequests
from services.api.rate import Rates
from services.dashboard import assets
from services.dashboard.assets import Assets
from services.dashboard.pages import (
    account,
    administration,
    approvals,
    campaign,
    campaigns,
    comparison,
    crystal,
    crystals,
    history,
    joining,
    laboratory,
    machines,
    materials,
    measurement,
    new_campaign,
    people,
    person,
    sample,
    schedules,
    signing_in,
    spec,
    upload,
    uploads,
)
from services.dashboard.problem_pages import SIGN_IN, ProblemPages
from services.dashboard.rendering import Templates
from services.settings import Settings

PUBLIC_PAGES: Final = frozenset({("GET", SIGN_IN), ("POST", SIGN_IN), ("GET", joining.JOIN), ("GET", PASSWORD_PAGE)})
"""The only pages that are served to strangers, by exact method and path."""


def create_service(settings: Settings, *, rates: Rates | None = None) -> FastAPI:
    """Builds the API with the dashboard.

    Args:
        settings: Where the store is and how the service is reached.
        rates: How often a caller may come; the usual rates where None.
    """
    files = Assets()
    public = files.public | PUBLIC_PAGES
    app = create_app(settings, rates=rates, also_public=public)
    app.state.templates = Templates(files)
    for router in (
        signing_in.router,
        campaigns.router,
        new_campaign.router,  # before the campaign's own page, whose path would fit too
        campaign.router,
        crystals.router,
        comparison.router,
        crystal.router,
        history.router,
        laboratory.router,
        sample.router,
        measurement.router,
        uploads.router,
        upload.router,
        materials.router,
        spec.router,
        schedules.router,
        machines.router,
        approvals.router,
        account.router,
        joining.router,
        people.router,
        person.router,
        administration.router,
        _assets(files),
    ):
        app.include_router(router, include_in_schema=False)
    app.add_middleware(ProblemPages, templates=app.state.templates)
    app.add_middleware(HeadRequests)  # again, because problems are to be pages without content too
    return app


def _assets(files: Assets) -> APIRouter:
    router = APIRouter()

    @router.get(f"{assets.PREFIX}/{{name}}")
    async def send_asset(request: Request, name: str) -> Response:
        return files.respond(request, name)

    return router
