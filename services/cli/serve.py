"""`petalite serve`: the dashboard and the API, with a worker beside them."""

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from domain.errors import PetaliteError
from services.cli.output import ExitCode, console
from services.settings import Settings, load_settings, own_url

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

_WORKER_PATIENCE_S: Final = 90.0
"""How long a worker may take to give back what it has under way."""
_REQUESTS_PATIENCE_S: Final = 20
"""How long requests that are under way may take once the service is to stop."""
_LOOK_S: Final = 1.0
_COLLECT_AFTER: Final = 20_000
"""New objects after which the garbage collector looks at them; Python's own 700 suits programs that hold little."""
_TURN_S: Final = 0.0005
"""How long a thread may keep the others waiting. The event loop and the store's writer hand the interpreter to each
other many times for each result; with Python's own 5 ms most of an answer's time is spent waiting for that."""


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on; PETALITE_HOST or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; PETALITE_PORT or 8642.")] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Serve only; workers run elsewhere.")] = False,
) -> None:
    """Serve the dashboard and the API, with a worker and an embedded Prefect beside them, until Ctrl-C or SIGTERM.

    Where PREFECT_API_URL names a Prefect server, that one is used.
    """
    from services.api.app import stop_streams
    from services.dashboard.app import create_service
    from services.logging import configure_logging

    settings = load_settings(os.environ)
    settings = _at(settings, host or settings.host, settings.port if port is None else port)
    configure_logging(level=settings.log_level)
    sys.setswitchinterval(_TURN_S)
    end_on_signals()  # before the server takes signals over, and when it hands them on after its own end
    with _listening(settings) as listening:
        settings = _at(settings, settings.host, listening.getsockname()[1])
        # Not before it listens: the link makes the one worthless that a service printed which is there already.
        _announce(settings)
        application = create_service(settings)
        with _worker(settings, is_wanted=not no_worker):
            _server(settings, application, lambda: stop_streams(application)).run(sockets=[listening])


def end_on_signals() -> None:
    """Lets Ctrl-C and SIGTERM end this process as asked for, not as an error."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: sys.exit(ExitCode.DONE))


def _at(settings: Settings, host: str, port: int) -> Settings:
    """The same settings with another place to listen at, where links lead too unless they lead elsewhere on purpose."""
    place = replace(settings, host=host, port=port)
    if settings.public_url != own_url(settings.host, settings.port):
        return place
    return replace(place, public_url=own_url(host, port))


def _announce(settings: Settings) -> None:
    """Prints where the service is, and while nobody can sign in, the link that makes the administrator."""
    from services.access.invitations import first_link_at_start
    from services.store import open_store

    with open_store(settings.store_url) as store:
        link = first_link_at_start(store, settings.public_url)
    out = console()
    out.print(
        f"The dashboard is served at {settings.public_url}, the API at {settings.public_url}/api/v1", soft_wrap=True
    )
    if link is not None and link.text is not None:
        out.print("Nobody can sign in yet. This link makes the administrator, once:", soft_wrap=True)
        out.print(f"  {link.text}", soft_wrap=True, markup=False)
    elif link is not None:
        made_at = f"{link.made_at.astimezone():%Y-%m-%d %H:%M}"
        out.print(f"Nobody can sign in yet. The administrator's link was printed at {made_at}.", soft_wrap=True)
        out.print("Where it is lost, this prints another: petalite user first-link", soft_wrap=True)
    sys.stdout.flush()


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise PetaliteError(
            f"The service cannot listen on {settings.host}, port {settings.port}: {_plain(error)}.",
            remedy="Give another --port, or end what listens there.",
        ) from error
    with listening:
        yield listening


def _plain(error: OSError) -> str:
    return (error.strerror or str(error)).partition(" (while")[0]


@contextmanager
def _worker(settings: Settings, *, is_wanted: bool) -> Iterator[None]:
    """A worker beside the service, which is replaced when it dies and ends with it."""
    if not is_wanted:
        yield
        return
    from services.children import Child

    environ = {**os.environ, "PETALITE_HOME": str(settings.home), "PETALITE_PUBLIC_URL": settings.public_url}
    over = threading.Event()
    with Child(
        "worker", ["services.cli", "worker", "--ends-with-parent"], environ, patience_s=_WORKER_PATIENCE_S
    ) as child:
        watch = threading.Thread(target=_keep_alive, args=(child.keep_alive, over), name="worker-watch", daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()


def _keep_alive(keep_alive: Callable[[], None], over: threading.Event) -> None:
    while not over.wait(_LOOK_S):
        keep_alive()


def _settle() -> None:
    """Lets the garbage collector leave alone what is there when the service starts, and look less often at the rest.

    Going through some hundred thousand objects takes a tenth of a second, in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


def _server(settings: Settings, application: "FastAPI", on_stop: Callable[[], None]) -> "uvicorn.Server":
    import uvicorn

    class Server(uvicorn.Server):
        """Ends streams as soon as it is to stop; else it would wait for them."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            _settle()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            on_stop()
            super().handle_exit(sig, frame)

    return Server(
        uvicorn.Config(
            application,
            loop="uvloop",
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=_REQUESTS_PATIENCE_S,
        )
    )
