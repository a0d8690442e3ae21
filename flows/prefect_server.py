"""A Prefect server of our own, which ends when the process that started it ends, however that ends.

Prefect can start a server by itself, but a campaign that is killed would leave it running for ever.
Run as `python -m flows.prefect_server` this module is that server; it ends at the end of its standard input.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import PetaliteError

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = "127.0.0.1"
STARTUP_S = 180.0
"""How long the server may take; nine seconds are usual, forty were seen on a busy machine."""


@contextmanager
def prefect_server(environ: MutableMapping[str, str], *, home: Path) -> Iterator[None]:
    """Starts a server on the loopback address and names it in the environment, unless the user named one.

    Only this process and its children know the password, so that other users of the machine are kept out.
    It must run before Prefect is imported, because Prefect reads the environment then.

    Raises:
        PetaliteError: If the server does not start, with the place of its log.
    """
    if environ.get("PREFECT_API_URL"):
        yield
        return
    password = f"petalite:{secrets.token_urlsafe(32)}"
    environ["PREFECT_SERVER_API_AUTH_STRING"] = environ["PREFECT_API_AUTH_STRING"] = password
    log = home / "prefect" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, _start(environ, output.fileno()) as server:
        try:
            environ["PREFECT_API_URL"] = f"http://{LOOPBACK}:{_await_port(server, log)}/api"
            yield
        finally:
            server.kill()


def _await_port(server: subprocess.Popen[bytes], log: Path) -> int:
    patience = threading.Timer(STARTUP_S, server.kill)
    patience.start()
    try:
        port = server.stdout.readline().strip() if server.stdout is not None else b""
    finally:
        patience.cancel()
    if not port:
        raise PetaliteError("The embedded Prefect server did not start.", remedy=f"Read {log}.")
    return int(port)


def _start(environ: MutableMapping[str, str], output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "flows.prefect_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=output,
        env=dict(environ),
        start_new_session=True,  # Ctrl-C is for the campaign; the server ends after it
    )


def main() -> None:
    """Serves until standard input ends; prints the port once requests are answered."""
    import uvicorn
    from prefect.server.api.server import create_app

    listening = socket.create_server((LOOPBACK, 0))
    server = uvicorn.Server(uvicorn.Config(create_app(ephemeral=True, final=True), log_level="error"))
    threading.Thread(target=_announce, args=(server, listening.getsockname()[1]), daemon=True).start()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server.run(sockets=[listening])


def _announce(server: uvicorn.Server, port: int) -> None:
    while not server.started:
        threading.Event().wait(0.05)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
