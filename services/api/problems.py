"""Every error as `application/problem+json` (RFC 9457), by one table."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from domain.errors import (
    ConflictError,
    ExportError,
    IdentityProviderError,
    InvalidValueError,
    NotAuthenticatedError,
    NotFoundError,
    OracleError,
    PermissionDeniedError,
    PetaliteError,
    ProviderError,
    ServiceError,
    SpecError,
    StoreBusyError,
    StoreError,
    TooManyAttemptsError,
    UnreadableFileError,
)
from domain.parsing import LocatedError, Location, Problem, plain_message, to_json_value
from services.api.errors import (
    ForeignOriginError,
    MalformedRequestError,
    PreconditionFailedError,
    RequestTooLargeError,
    TooManyRequestsError,
)
from services.optimade.responses import BASE_PATH, error_answer

MEDIA_TYPE: Final = "application/problem+json"
_OPTIMADE: Final = f"{BASE_PATH.rpartition('/')[0]}/"
RETRY_AFTER_S: Final = 1
"""When to come back to a store that is busy."""

STATUS_OF_ERROR: Final[Mapping[type[PetaliteError], HTTPStatus]] = MappingProxyType(
    {
        PetaliteError: HTTPStatus.BAD_REQUEST,
        MalformedRequestError: HTTPStatus.BAD_REQUEST,
        NotAuthenticatedError: HTTPStatus.UNAUTHORIZED,
        PermissionDeniedError: HTTPStatus.FORBIDDEN,
        ForeignOriginError: HTTPStatus.FORBIDDEN,
        NotFoundError: HTTPStatus.NOT_FOUND,
        ConflictError: HTTPStatus.CONFLICT,
        PreconditionFailedError: HTTPStatus.PRECONDITION_FAILED,
        RequestTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        InvalidValueError: HTTPStatus.UNPROCESSABLE_ENTITY,
        SpecError: HTTPStatus.UNPROCESSABLE_ENTITY,
        OracleError: HTTPStatus.UNPROCESSABLE_ENTITY,
        UnreadableFileError: HTTPStatus.UNPROCESSABLE_ENTITY,
        ProviderError: HTTPStatus.BAD_GATEWAY,
        IdentityProviderError: HTTPStatus.BAD_GATEWAY,
        TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
        TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
        ExportError: HTTPStatus.INTERNAL_SERVER_ERROR,
        ServiceError: HTTPStatus.SERVICE_UNAVAILABLE,
        StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
        StoreBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""The nearest ancestor of an error in this table says which status it is answered with."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with what was sent."""

    field: str
    """Where it is, such as `body.ladder[2].cost`."""
    message: str


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    """Why a request was refused, and what to do about it."""

    type: str
    """Names the kind of problem, the same for ever."""
    title: str
    """The kind of problem in words."""
    status: int
    """The HTTP status once more."""
    detail: str
    """What is wrong with which value, and what was expected."""
    remedy: str
    """What the caller can do about it."""
    errors: tuple[FieldProblem, ...] = ()
    """Every field that was refused."""


def status_of(error: PetaliteError) -> HTTPStatus:
    """The status with which an error is answered."""
    return next(STATUS_OF_ERROR[cls] for cls in type(error).__mro__ if cls in STATUS_OF_ERROR)


def problem_response(error: PetaliteError, *, path: str = "") -> Response:
    """Answers an error in the caller's words; what the store says of itself stays inside.

    Args:
        error: The error.
        path: That was asked for: OPTIMADE has errors of its own form.
    """
    status = status_of(error)
    detail, remedy = error.problem, error.remedy
    if isinstance(error, StoreError) or isinstance(error.__cause__, IntegrityError):
        detail, remedy = _kept_inside(error)
    errors = _fields(error.problems) if isinstance(error, LocatedError) else ()
    return _response(status, detail, remedy=remedy, errors=errors, headers=_headers(error), path=path)


def unexpected_response(request_id: str, *, path: str = "") -> Response:
    """Answers what nobody foresaw, with nothing but the number under which it was logged."""
    return _response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"Something unforeseen happened; it was logged as request {request_id}.",
        remedy="Tell whoever runs this service that number.",
        path=path,
    )


def represented(path: str, query: str = "") -> str:
    """A request to the OPTIMADE endpoint as its answers repeat it: without the base."""
    return path.removeprefix(BASE_PATH) + (f"?{query}" if query else "")


def install_problems(app: FastAPI) -> None:
    """Makes an application answer every error that it can name as a problem."""
    app.exception_handler(PetaliteError)(_on_petalite_error)
    app.exception_handler(RequestValidationError)(_on_invalid_request)
    app.exception_handler(HTTPException)(_on_http_exception)


async def _on_petalite_error(request: Request, error: PetaliteError) -> Response:
    return problem_response(error, path=request.url.path)


async def _on_invalid_request(request: Request, error: RequestValidationError) -> Response:
    # What was sent is never echoed: it may be a secret, or no text at all.
    problems = tuple(_problem(found["type"], found["msg"], tuple(found["loc"])) for found in error.errors())
    return _response(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"The request is not valid: {'; '.join(f'{problem.field}: {problem.message}' for problem in problems[:5])}.",
        remedy="Correct the fields named; /api/v1/openapi.json says what is expected.",
        errors=_fields(problems),
        path=request.url.path,
    )


def _problem(kind: str, message: str, location: Location) -> Problem:
    if "Expected UploadFile" in message:  # how the framework names a file in a form
        return Problem(location, "Input should be a file")
    return Problem(location, plain_message(kind, message, location))


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    details = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible here.",
        HTTPStatus.BAD_REQUEST: "The body cannot be read.",
    }
    return _response(
        status,
        details.get(status, status.phrase + "."),
        remedy="See /api/v1/openapi.json for what there is.",
        headers=error.headers,
        path=request.url.path,
    )


def _response(
    status: HTTPStatus,
    detail: str,
    *,
    remedy: str,
    errors: tuple[FieldProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
    path: str,
) -> Response:
    if path.startswith(_OPTIMADE):
        # What cannot be used is a bad request there, whether it can be read or not.
        told = HTTPStatus.BAD_REQUEST if status is HTTPStatus.UNPROCESSABLE_ENTITY else status
        answer = error_answer(told, _text(f"{detail} {remedy}"), request=_text(represented(path)))
        return JSONResponse(answer, status_code=told.value, headers=headers)
    kind = status.phrase.lower().replace(" ", "-")
    body = ProblemDetails(f"urn:petalite:problem:{kind}", status.phrase, status.value, _text(detail), remedy, errors)
    content = json.dumps(to_json_value(body), allow_nan=False)
    return Response(content, status_code=status.value, media_type=MEDIA_TYPE, headers=headers)


def _headers(error: PetaliteError) -> dict[str, str] | None:
    match error:
        case NotAuthenticatedError():
            return {"WWW-Authenticate": 'Bearer realm="petalite"'}
        case TooManyAttemptsError() | TooManyRequestsError():
            return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
        case StoreBusyError():
            return {"Retry-After": str(RETRY_AFTER_S)}
        case _:
            return None


def _kept_inside(error: PetaliteError) -> tuple[str, str]:
    structlog.get_logger("petalite.api").warning("store.refused", problem=error.problem, remedy=error.remedy)
    if isinstance(error, ConflictError):
        return "Something else was recorded at the same moment.", "Read again and repeat the step."
    if isinstance(error, StoreBusyError):
        return "The store is busy.", "Repeat the request in a moment."
    return "The store cannot be used at the moment.", "Tell whoever runs this service; its log says why."


def _fields(problems: Sequence[Problem]) -> tuple[FieldProblem, ...]:
    return tuple(FieldProblem(_text(problem.field), _text(problem.message)) for problem in problems)


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
