"""The guard: whoever does not ask for one of the few public routes must say who they are, whatever stands behind."""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import NotAuthenticatedError, PetaliteError
from services.access.authenticate import Login, authenticate
from services.access.principal import Principal
from services.api.errors import ForeignOriginError
from services.api.rate import RateLimit, Rates
from services.api.recent import RecentTokens
from services.api.service import PRINCIPAL_KEY, Service

SESSION_COOKIE: Final = "petalite_session"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION: Final = 1008
"""Code with which web sockets are refused."""


class Guard:
    """Lets nobody pass without a token or a session but to routes that are public by exact method and path.

    It stands before the routes, so that what is mounted, misspelt or forgotten is guarded too.
    """

    def __init__(self, app: ASGIApp, *, service: Service, public: frozenset[tuple[str, str]], rates: Rates) -> None:
        self._app = app
        self._service = service
        self._public = public
        self._signed_in = RateLimit(rates.signed_in)
        self._anonymous = RateLimit(rates.anonymous)
        self._recent = RecentTokens()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection.

        Raises:
            NotAuthenticatedError: If the caller does not say who they are.
            ForeignOriginError: If another site's page uses the caller's cookie.
            TooManyRequestsError: If the caller comes too often.
        """
        match scope["type"]:
            case "http":
                await self._let_in(HTTPConnection(scope), method=scope["method"])
            case "websocket":
                try:
                    await self._let_in(HTTPConnection(scope), method="WEBSOCKET")
                except PetaliteError:
                    await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                    return
        await self._app(scope, receive, send)

    async def _let_in(self, connection: HTTPConnection, *, method: str) -> None:
        if (method, connection.scope["path"]) in self._public:
            self._anonymous.count(address_of(connection))
            return
        try:
            principal = await self._recognise(connection, method)
        except NotAuthenticatedError:
            self._anonymous.count(address_of(connection))
            raise
        self._signed_in.count(f"{principal.user_id}/{principal.token_id}")
        connection.scope[PRINCIPAL_KEY] = principal

    async def _recognise(self, connection: HTTPConnection, method: str) -> Principal:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer":
                raise NotAuthenticatedError(
                    "The Authorization header names another scheme than Bearer.",
                    remedy="Send 'Authorization: Bearer petalite_…'.",
                )
            return await self._holder(token.strip())
        session = session_of(connection)
        if session is None:
            raise NotAuthenticatedError(
                "This needs a token or a session.", remedy="Send 'Authorization: Bearer petalite_…', or sign in."
            )
        if method not in _SAFE_METHODS:
            require_same_origin(connection)
        return await run_in_threadpool(authenticate, self._service.open_store, session)

    async def _holder(self, token: str) -> Principal:
        principal = self._recent.find(token)
        if principal is not None:
            return principal
        # Many machines may show one token: what it is worth is then looked up once for all who wait.
        async with self._recent.turn(token):
            principal = self._recent.find(token)
            if principal is None:
                principal = await run_in_threadpool(authenticate, self._service.open_store, token)
                if principal.token_id is not None:
                    self._recent.keep(token, principal)
        return principal


def session_of(connection: HTTPConnection) -> str | None:
    """The session's secret from the browser's cookie; None without one."""
    return connection.cookies.get(SESSION_COOKIE) or None


def keep_session(response: Response, login: Login, *, is_https: bool) -> None:
    """Gives the session's secret to the browser, in a cookie that no script reads.

    Another site's page sends it only where it leads here (`lax`), so that a link in a mail opens what it names;
    whatever changes something is refused to other sites by `require_same_origin`.
    """
    response.set_cookie(
        SESSION_COOKIE,
        login.session_secret,
        expires=login.expires_at,
        path="/",
        secure=is_https,
        httponly=True,
        samesite="lax",
    )


def require_same_origin(connection: HTTPConnection) -> None:
    """Refuses a browser that another site's page sent: browsers add cookies to such requests by themselves.

    Raises:
        ForeignOriginError: If the request does not prove that it comes from a page of ours.
    """
    headers = connection.headers
    origin = headers.get("origin")
    # Its scheme is left out: behind a proxy this process sees http where the browser sees https.
    is_own_origin = origin is not None and origin.partition("://")[2] == headers.get("host")
    site = headers.get("sec-fetch-site")
    if site == "same-origin" if site is not None else is_own_origin:
        return
    raise ForeignOriginError(
        "A session may change something only from pages of this service.",
        remedy="Use the dashboard, or send a token instead of the cookie.",
    )


def address_of(connection: HTTPConnection) -> str:
    """The address that a connection comes from."""
    return connection.client.host if connection.client else "unknown"
