"""Logs are JSON, carry the request's id, and hold no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from services.logging import configure_logging, log_briefly, without_secrets
from services.notifications.rules import Target
from services.notifications.senders import deliver, example_note
from services.notifications.webhook import UndeliveredError
from services.store.database import utc_now

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


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own import
def test_an_address_that_nobody_understands_is_not_repeated(output: io.StringIO) -> None:
    target = Target(url="no-such-scheme://hunter2/hunter3")
    with pytest.raises(UndeliveredError, match="is not understood"):
        deliver(target, [example_note("https://petalite.example.org", utc_now())], now=utc_now())
    assert output.getvalue() == ""


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
        {"raw": "petalite_oidc=hunter2"},
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


def test_brief_lines_are_lines_like_others_and_hold_no_secret(output: io.StringIO) -> None:
    fields = {"path": f"/api/v1/invitations/{TOKEN}", "actor": "ada", "status": 201, "took_ms": 0.5, "more": None}
    log_briefly("petalite.test", "request", [fields])
    structlog.get_logger("petalite.test").info("request", **fields)
    brief, other = (line | {"timestamp": ""} for line in _lines(output))
    assert brief == other
    assert TOKEN not in output.getvalue()


@pytest.mark.parametrize("path", ["/invitation/abcdefghijklmnop", "/x?key=abc", "petalite_abcdefgh", "a://b@c"])
def test_brief_lines_let_no_secret_pass_for_harmless(output: io.StringIO, path: str) -> None:
    log_briefly("petalite.test", "request", [{"path": path}])
    assert "***" in output.getvalue()


def test_brief_lines_that_are_logged_together_are_lines_each(output: io.StringIO) -> None:
    log_briefly("petalite.test", "request", [{"path": "/1"}, {"path": "/2"}])
    assert [(line["event"], line["path"]) for line in _lines(output)] == [("request", "/1"), ("request", "/2")]


def test_brief_lines_are_left_out_where_they_are_not_wanted() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logging(level="warning", output=stream)
    log_briefly("petalite.test", "request", [{"path": "/"}])
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    assert stream.getvalue() == ""
