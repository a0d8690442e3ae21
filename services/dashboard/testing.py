"""A served dashboard for tests and pictures: people of every role, and a campaign that has something to show."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from services.access.people import add_group, add_user
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.rate import Rate, Rates
from services.api.service import Service
from services.dashboard.app import create_service
from services.settings import load_settings
from services.store import Store

GROUP: Final = "petrology"
OTHER_GROUP: Final = "metallurgy"
PASSWORD: Final = "a sentence that is only for tests"  # noqa: S105 - of people who exist nowhere else
_UNLIMITED: Final = Rate(per_s=1e9, burst=1e9)


@dataclass(frozen=True, slots=True)
class ServedDashboard:
    """A dashboard that listens."""

    url: str
    store: Store
    """The service's own."""


@contextmanager
def served_dashboard(home: Path, *, store_url: str = "") -> Iterator[ServedDashboard]:
    """Serves the API with the dashboard from a thread of this process, without a worker.

    There is a user of every role, named like the role, with `PASSWORD`, in `GROUP`; and `stranger`, a scientist of
    `OTHER_GROUP`.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    settings = load_settings({"PETALITE_HOME": str(home), "PETALITE_PORT": str(port), "PETALITE_STORE_URL": store_url})
    app = create_service(settings, rates=Rates(_UNLIMITED, _UNLIMITED))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    service: Service = app.state.service
    service.open()  # once more when the server starts; this one lets people be made before anybody knocks
    try:
        make_people(service.open_store)
        service.close()
        thread.start()
        while not server.started:
            thread.join(0.02)
        yield ServedDashboard(settings.public_url, service.open_store)
    finally:
        service.stopping.set()
        server.should_exit = True
        thread.join()
        listening.close()


def make_people(store: Store) -> None:
    """Adds a user of every role, named like the role, and a stranger, who is in another group."""
    operator = local_operator()
    for group in (GROUP, OTHER_GROUP):
        add_group(store, group, by=operator)
    for role in Role:
        groups = () if role is Role.ADMINISTRATOR else (GROUP,)
        add_user(store, role.value, role=role, by=operator, password=PASSWORD, groups=groups)
    add_user(store, "stranger", role=Role.SCIENTIST, by=operator, password=PASSWORD, groups=(OTHER_GROUP,))
