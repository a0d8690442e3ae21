"""Logs as lines of JSON (or coloured text in a terminal), without secrets."""

import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TextIO, TypeAlias

import structlog
from structlog.types import EventDict, WrappedLogger

HIDDEN: Final = "***"
"""What stands in the place of a secret."""
Fields: TypeAlias = Mapping[str, str | float | None]
"""What a line that is logged briefly holds, by name."""
_BRIEF: Final = "petalite_brief"
"""Note on a record of the standard library: what the lines hold that were logged briefly with it."""
_SECRET_NAMES: Final = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|cookie|authori[sz]ation|api_?key|credential|auth_string|(^|_)dsn$",
    re.IGNORECASE,
)
_PATTERNS: Final = (
    (re.compile(r"petalite_[A-Za-z0-9_]{8,}"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@\"']+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(cookie|petalite_session|petalite_oidc)(\s*[:=]\s*)[^\s;,\"']+"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)([?&](?:token|secret|key|password|invitation|code)=)[^&\s\"'#]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(/invitations?/)[\w-]{16,}"), rf"\1{HIDDEN}"),
)
_HARMLESS: Final = re.compile(r"[A-Za-z0-9]*|(?:/[A-Za-z0-9]{1,15})+")
"""What none of the patterns can match."""


def configure_logging(*, level: str = "info", output: TextIO | None = None) -> None:
    """Sends what Petalite and its libraries log to standard error.

    A request's id and whatever else is bound by `structlog.contextvars` stands in each of its lines.

    Args:
        level: The least important line that is kept: debug, info, warning or error.
        output: Where to; standard error by default.
    """
    stream = output or sys.stderr
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    is_terminal = stream.isatty()
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer(default=str)
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        (structlog.stdlib.ProcessorFormatter if is_terminal else _JsonFormatter)(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "urllib3", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It repeats addresses that it does not understand, and those are secrets; what it cannot deliver is told by us.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    for server in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(server)
        logger.handlers.clear()
        logger.propagate = server != "uvicorn.access"  # the application writes a line for each request itself


def log_briefly(logger: str, event: str, lines: Sequence[Fields]) -> None:
    """Logs lines of level info like any others, at a fraction of the cost: for what happens thousands of times.

    They are written together. Secrets are hidden by what they look like; no field may be named like one.

    Args:
        logger: Name of the logger.
        event: What happened.
        lines: What else each line holds.
    """
    target = logging.getLogger(logger)
    if target.isEnabledFor(logging.INFO):
        message = "\n".join(" ".join([event, *(f"{name}={value}" for name, value in line.items())]) for line in lines)
        record = logging.LogRecord(logger, logging.INFO, "", 0, message, None, None)
        record.__dict__[_BRIEF] = [{"event": event, **line} for line in lines]
        target.handle(record)


def brief_lines(record: logging.LogRecord) -> Sequence[Fields] | None:
    """The event and the fields of lines that were logged briefly; None for any other record."""
    lines: Sequence[Fields] | None = record.__dict__.get(_BRIEF)
    return lines


class _JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Writes lines of JSON; those that were logged briefly without going through the processors."""

    def format(self, record: logging.LogRecord) -> str:
        lines = brief_lines(record)
        if lines is None:
            return super().format(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        rest = {"logger": record.name, "level": record.levelname.lower(), "timestamp": at}
        return "\n".join(
            json.dumps({**{name: _shown(value) for name, value in line.items()}, **rest}) for line in lines
        )


def _shown(value: str | float | None) -> str | float | None:
    if not isinstance(value, str) or _HARMLESS.fullmatch(value):
        return value
    return without_secrets(value)


def redact(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """Hides secrets in a line: by the name of what holds them, and by what they look like."""
    del logger, method
    return {name: _without_secrets(name, value) for name, value in line.items()}


def without_secrets(text: str) -> str:
    """A text with everything hidden that looks like a token, a password in an address, or a cookie."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _without_secrets(name: str, value: object) -> object:
    if name.startswith("_") or value is None or isinstance(value, bool):
        return value  # an underscore marks structlog's own
    if _SECRET_NAMES.search(name):
        return HIDDEN
    match value:
        case int() | float():
            return value
        case Mapping():
            return {str(key): _without_secrets(str(key), item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_without_secrets("item", item) for item in value]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return without_secrets(text)
