"""Whether the service lives, whether it can work, and how much it does."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from services.access.principal import Principal
from services.access.roles import Permission
from services.api.dependencies import TheService, TheStore, require
from services.store.metadata import SCHEMA_VERSION

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Liveness:
    """The process answers."""

    status: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """The store answers too."""

    status: str
    schema_version: str
    """Version of the store's schema."""


@router.get("/health/live", summary="Is the process alive?")
async def live() -> Liveness:
    """Answers as long as the process does. For whoever restarts it when it does not."""
    return Liveness("alive")


@router.get("/health/ready", summary="Can the service work?")
def ready(store: TheStore) -> Readiness:
    """Answers when the store does, else 503. For whoever sends it requests."""
    store.pages.count_campaigns()
    return Readiness("ready", SCHEMA_VERSION)


@router.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
def metrics(
    _principal: Annotated[Principal, Depends(require(Permission.METRICS))], service: TheService, store: TheStore
) -> Response:
    """Requests of this process, and campaigns and queries of the store by state, as Prometheus text."""
    registry = CollectorRegistry()
    for name, help_text, counts in (
        ("petalite_campaigns", "Campaigns by state.", store.pages.count_campaigns()),
        ("petalite_queries", "Queries by state.", store.pages.count_queries()),
    ):
        gauge = Gauge(name, help_text, ["state"], registry=registry)
        for state, count in counts.items():
            gauge.labels(state).set(count)
    text = generate_latest(service.meters.registry) + generate_latest(registry)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
