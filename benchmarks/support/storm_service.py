"""The API's server as a storm sees it: on a socket that is there before it, until it is told to end."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvicorn
from support.served import HOST

from services.api.app import create_app
from services.settings import load_settings


def serve(url: str, home: Path, listening: socket.socket, stop: int) -> None:
    """Serves a store in this process until something comes through the pipe, or its other end closes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings = load_settings({"PETALITE_HOME": str(home), "PETALITE_STORE_URL": url})
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="critical"))

    def wait_for_the_end() -> None:
        os.read(stop, 1)
        server.should_exit = True

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    server.run(sockets=[listening])


@contextmanager
def service_beside(url: str, home: Path) -> Iterator[int]:
    """Serves a store in a child that nobody kills; yields its port."""
    with socket.create_server((HOST, 0)) as listening:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                serve(url, home, listening, reading)
            finally:
                os._exit(0)
        try:
            yield listening.getsockname()[1]
        finally:
            os.write(writing, b"x")
            os.close(writing)
            os.close(reading)
            os.waitpid(child, 0)
