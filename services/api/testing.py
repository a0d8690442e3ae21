"""An application in the caller's process, with somebody of every role and a campaign of theirs."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import httpx
from anyio import sleep
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from structlog.testing import capture_logs

from domain.campaign import CampaignSpec
from domain.fidelity import AnsweredBy
from domain.json_value import JsonObject
from services.access.people import add_group, add_user, give_campaign
from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.app import create_app
from services.api.rate import Rate, Rates
from services.api.service import Service
from services.logging import brief_lines
from services.settings import Settings, load_settings
from services.store import Store
from services.store.examples import example_pick, example_spec, open_round
from services.store.records import CampaignRecord

OWN_GROUP = "petrology"
OTHER_GROUP = "metallurgy"
OBJECTS = frozenset(
    {
        "name",
        "index",
        "query_id",
        "candidate_id",
        "measurement_id",
        "realization_id",
        "artifact_id",
        "upload_id",
        "schedule_id",
        "material_id",
        "reference_id",
        "material_measurement_id",
    }
)
"""Path parameters that name what belongs to a campaign or a group."""
_UNLIMITED = Rate(per_s=1e9, burst=1e9)


class Create(Protocol):
    """Builds an application."""

    def __call__(self, settings: Settings, *, rates: Rates | None = None) -> FastAPI:
        """Builds it."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """A running application."""

    app: FastAPI
    client: httpx.Client
    store: Store
    tokens: Mapping[Role, str]
    """Of a user of each role in `OWN_GROUP`, named like the role; the administrator is in no group."""
    strangers: Mapping[Role, str]
    """Of a user of each role but the administrator's in `OTHER_GROUP`."""
    logged: Sequence[Mapping[str, object]]
    """What the service has written to its log so far."""

    def acting_as(self, role: Role, *, stranger: bool = False) -> dict[str, str]:
        """Headers with which somebody calls."""
        return {"Authorization": f"Bearer {(self.strangers if stranger else self.tokens)[role]}"}

    def new_campaign(self, name: str, *, n_picks: int = 3) -> CampaignRecord:
        """A campaign of `OWN_GROUP` with an open round: looks for machines, one of a laboratory, one to approve."""
        record = self.store.campaigns.create(example_campaign(name))
        give_campaign(self.store, name, OWN_GROUP, by=local_operator())
        fidelities = ["lab", "approved", *["static"] * n_picks]
        open_round(self.store, record.id, 0, [example_pick(n, fidelity) for n, fidelity in enumerate(fidelities)])
        return self.store.campaigns.get(name)


def example_campaign(name: str) -> CampaignSpec:
    """A campaign that machines and a laboratory answer, on a ladder of which one rung needs approval."""
    spec = example_spec(name)
    static, costly, laboratory = spec.ladder
    ladder = (
        replace(static, answered_by=AnsweredBy.MACHINES),
        replace(laboratory, cost=60.0, settings={"quantity": spec.objective.quantity}),
        replace(costly, name="approved", cost=200.7, answered_by=AnsweredBy.MACHINES, settings={"calculator": "emt"}),
    )
    return replace(spec, ladder=ladder, budget=replace(spec.budget, approval_above=100.0))


def timely(body: JsonObject, at: datetime) -> JsonObject:
    """The body of a request, with a measurement in it, if there is one, that was made at some time."""
    measurement = body.get("measurement")
    if not isinstance(measurement, Mapping) or "measured_at" not in measurement:
        return body
    return {**body, "measurement": {**measurement, "measured_at": at.isoformat()}}


@contextmanager
def serving(
    home: Path, *, create: Create = create_app, rates: Rates | None = None, store_url: str = ""
) -> Iterator[Served]:
    """Runs an application on a new store.

    Args:
        home: A folder for its files.
        create: Builds the application: the API, or the API with the dashboard.
        rates: How often callers may come; without limits where None.
        store_url: Address of the store; an SQLite file in the folder where empty.
    """
    settings = load_settings({"PETALITE_HOME": str(home), "PETALITE_STORE_URL": store_url})
    app = create(settings, rates=rates or Rates(_UNLIMITED, _UNLIMITED))
    with _captured_logs() as logged, running(app) as client:
        service: Service = app.state.service
        store = service.open_store
        for group in (OWN_GROUP, OTHER_GROUP):
            add_group(store, group, by=local_operator())
        yield Served(
            app=app,
            client=client,
            logged=logged,
            store=store,
            tokens={role: _token(store, role, role.value, group=OWN_GROUP) for role in Role},
            strangers={
                role: _token(store, role, f"other-{role.value}", group=OTHER_GROUP)
                for role in Role
                if role is not Role.ADMINISTRATOR
            },
        )


@contextmanager
def running(app: FastAPI) -> Iterator[httpx.Client]:
    """Starts an application on an event loop of its own; gives a client that calls it without a network.

    Answers arrive whole: a stream must end before its client sees any of it.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        httpx.Client(transport=_InProcess(app, portal), base_url="http://petalite.test") as client,
    ):
        yield client


@contextmanager
def _captured_logs() -> Iterator[Sequence[Mapping[str, object]]]:
    """What is logged, briefly or not, instead of its being written anywhere."""
    logger = logging.getLogger("petalite.api")
    before = logger.level
    with capture_logs() as logged:

        def note(record: logging.LogRecord) -> bool:
            lines = brief_lines(record)
            logged.extend(dict(line) for line in lines or ())
            return lines is None

        logger.addFilter(note)
        logger.setLevel(logging.INFO)
        try:
            yield logged
        finally:
            logger.setLevel(before)
            logger.removeFilter(note)


class _InProcess(httpx.BaseTransport):
    """Hands requests to an application on another thread's event loop."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._app = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Waits for the whole answer."""
        request.read()
        answer = self._portal.call(self._answer, request)
        self._portal.call(sleep, 0)  # what the event loop does right after an answer, such as logging it
        return answer

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        content = httpx.ByteStream(await answer.aread())
        return httpx.Response(answer.status_code, headers=answer.headers, stream=content)


def _token(store: Store, role: Role, name: str, *, group: str) -> str:
    operator = local_operator()
    groups = () if role is Role.ADMINISTRATOR else (group,)
    add_user(store, name, role=role, by=operator, groups=groups)
    return create_token(store, name, label="tests", scopes=PERMISSIONS_OF_ROLE[role], by=operator).secret
