"""Logs are JSON, carry the request's id, and hold no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from services.logging import configure_logging, without_secrets

TOKEN = "petalite_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(output=stream)
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = before
    root.setLevel(level)


def _lines(output: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_lines_carry_what_is_bound(output: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("petalite.test").info("done", took_ms=3, path="/api/v1/me")
    (line,) = _lines(output)
    assert line | {"timestamp": ""} == {
        "event": "done",
        "logger": "petalite.test",
        "level": "info",
        "request_id": "r1",
        "took_ms": 3,
        "path": "/api/v1/me",
        "timestamp": "",
    }


def test_libraries_log_the_same_way(output: io.StringIO) -> None:
    logging.getLogger("some.library").warning("connecting to %s", "postgresql://ada:hunter2@db/petalite")
    (line,) = _lines(output)
    assert line["event"] == "connecting to postgresql://***@db/petalite"


def test_debug_lines_are_left_out(output: io.StringIO) -> None:
    structlog.get_logger("petalite.test").debug("detail")
    assert _lines(output) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter2"},
        {"api_token": "hunter2"},
        {"headers": {"Authorization": "Bearer hunter2hunter2", "Cookie": "a=hunter2"}},
        {"url": "https://ada:hunter2@example.org/x"},
        {"url": "https://example.org/x?token=hunter2&a=1"},
        {"note": "sent Authorization: Basic hunter2hunter2=="},
        {"note": "petalite_hunter2hunter2hunter2"},
        {"items": ["ok", {"secret": "hunter2"}]},
        {"raw": b"petalite_session=hunter2"},
        {"PREFECT_API_AUTH_STRING": "petalite:hunter2"},
    ],
)
def test_secrets_are_hidden(output: io.StringIO, fields: dict[str, object]) -> None:
    structlog.get_logger("petalite.test").info("something", **fields)
    assert "hunter2" not in output.getvalue()
    assert "***" in output.getvalue()


def test_a_traceback_holds_no_secret(output: io.StringIO) -> None:
    try:
        raise ValueError(f"cannot use {TOKEN}")
    except ValueError:
        structlog.get_logger("petalite.test").exception("failed")
    assert TOKEN not in output.getvalue()
    assert "ValueError" in output.getvalue()


def test_ordinary_text_stays() -> None:
    text = "Campaign tokens-of-li2o: 3 looks at https://example.org/a?page=2 took 4 s"
    assert without_secrets(text) == text
