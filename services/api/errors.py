"""What is wrong with a request before anybody looks at what it asks for.

PetaliteError
└── RequestError
    ├── MalformedRequestError    bytes that cannot be read as what they claim to be
    ├── RequestTooLargeError     a body beyond the limit of its route
    ├── ForeignOriginError       another site's page sent a signed-in browser here
    ├── PreconditionFailedError  what the caller saw has changed since
    └── TooManyRequestsError     faster than any honest client
"""

from domain.errors import PetaliteError


class RequestError(PetaliteError):
    """A request that cannot be heeded, whatever it asks for."""


class MalformedRequestError(RequestError):
    """Bytes that cannot be read as what they claim to be."""


class RequestTooLargeError(RequestError):
    """A body beyond the limit of its route."""


class ForeignOriginError(RequestError):
    """A browser that is signed in here was sent by another site's page."""


class PreconditionFailedError(RequestError):
    """What the caller saw has changed since."""


class TooManyRequestsError(RequestError):
    """Requests come faster than any honest client sends them."""

    def __init__(self, problem: str, *, remedy: str, retry_after_s: float) -> None:
        super().__init__(problem, remedy=remedy)
        self.retry_after_s = retry_after_s
