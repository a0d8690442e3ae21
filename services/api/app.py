"""The application: layers that guard every request, and the routes behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from services.access.oidc_provider import connect
from services.api.bodies import Bodies
from services.api.documentation import document, problem_responses
from services.api.express import Express
from services.api.guard import Guard
from services.api.head_requests import HeadRequests
from services.api.known_parameters import require_known_parameters
from services.api.problems import install_problems
from services.api.rate import Rates
from services.api.routers import (
    account,
    artifacts,
    campaigns,
    events,
    exports,
    health,
    identities,
    installation,
    laboratory,
    leaders,
    look_files,
    machines,
    materials,
    measurements,
    optimade,
    oracles,
    people,
    plots,
    queries,
    realizations,
    references,
    rounds,
    schedules,
    spaces,
    standings,
    tokens,
    upload_plots,
    uploads,
)
from services.api.service import Service
from services.api.trail import Trail
from services.settings import Settings

PREFIX: Final = "/api/v1"
PUBLIC_ROUTES: Final = frozenset(
    {
        ("GET", f"{PREFIX}/health/live"),
        ("GET", f"{PREFIX}/health/ready"),
        ("GET", f"{PREFIX}/openapi.json"),
        ("POST", f"{PREFIX}/login"),
        ("GET", f"{PREFIX}/login/oidc"),
        ("GET", f"{PREFIX}/login/oidc/callback"),
        ("POST", f"{PREFIX}/invitations/accept"),
        ("POST", f"{PREFIX}/password-links/take"),
    }
)
"""The only routes that are served to strangers, by exact method and path."""


def create_app(
    settings: Settings, *, rates: Rates | None = None, also_public: frozenset[tuple[str, str]] = frozenset()
) -> FastAPI:
    """Builds the API. The store is opened when it starts and closed when it stops.

    Args:
        settings: Where the store is and how the service is reached.
        rates: How often a caller may come; the usual rates where None.
        also_public: Routes beside the API that are served to strangers too, by exact method and path.
    """
    service = Service(settings, identity_provider=connect(settings.oidc) if settings.oidc else None)
    app = FastAPI(
        title="Petalite",
        version=version("petalite"),
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # a page of it would load scripts from strangers
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the layers below see to it
        generate_unique_id_function=_operation_id,
        lifespan=_lifespan,
    )
    app.state.service = service
    install_problems(app)
    for router in _routers():
        app.include_router(
            router, prefix=PREFIX, responses=problem_responses(), dependencies=[Depends(require_known_parameters)]
        )
    # At the address, and with the errors, that the specification prescribes.
    app.include_router(optimade.router, responses=problem_responses("application/json"))
    # Added last, met first.
    app.add_middleware(Express, service=service)
    app.add_middleware(Bodies)
    app.add_middleware(Guard, service=service, public=PUBLIC_ROUTES | also_public, rates=rates or Rates())
    app.add_middleware(Trail, meters=service.meters)
    app.add_middleware(HeadRequests)
    app.openapi = document(app, PUBLIC_ROUTES)  # type: ignore[method-assign]  # as FastAPI's manual says
    return app


def stop_streams(app: FastAPI) -> None:
    """Asks every open stream to end, so that a server that waits for its connections comes to an end."""
    service: Service = app.state.service
    service.stopping.set()


def _routers() -> tuple[APIRouter, ...]:
    return (
        # What is asked most often comes first; the machines before the queries, because `claim` is no number.
        machines.router,
        queries.router,
        look_files.router,
        health.router,
        account.router,
        identities.router,
        campaigns.router,
        standings.router,
        spaces.router,
        rounds.router,
        leaders.router,
        laboratory.router,
        measurements.router,
        events.router,
        schedules.router,
        oracles.router,
        materials.router,
        realizations.router,
        references.router,
        plots.router,
        exports.router,
        people.router,
        tokens.router,
        uploads.router,
        upload_plots.router,
        artifacts.router,
        installation.router,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    await run_in_threadpool(service.open)
    try:
        yield
    finally:
        service.stopping.set()
        await run_in_threadpool(service.close)


def _operation_id(route: APIRoute) -> str:
    return route.name
