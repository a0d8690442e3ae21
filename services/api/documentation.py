"""The OpenAPI document: every error, who may call what, and how to say who one is."""

import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import TypeAdapter

from domain.json_value import JsonObject
from services.access.roles import Permission
from services.api.body_examples import BODY_EXAMPLES
from services.api.dependencies import Requirement
from services.api.guard import SESSION_COOKIE
from services.api.links import LINKS
from services.api.problems import MEDIA_TYPE, ProblemDetails

EXAMPLES_FILE: Final = Path(__file__).with_name("response_examples.json")
"""Real answers by operation, which `tools/api_examples.py` writes."""
_PROBLEM: Final = "#/components/schemas/ProblemDetails"
_REASONS: Final[Mapping[HTTPStatus, str]] = MappingProxyType(
    {
        HTTPStatus.BAD_REQUEST: "The request cannot be read.",
        HTTPStatus.UNAUTHORIZED: "Neither a token nor a session says who is calling.",
        HTTPStatus.FORBIDDEN: "The caller lacks the permission that the route needs.",
        HTTPStatus.NOT_FOUND: "There is no such thing, or it belongs to others.",
        HTTPStatus.CONFLICT: "Its state does not allow it, or the idempotency key was used for something else.",
        HTTPStatus.PRECONDITION_FAILED: "It has changed since the caller read it.",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
        HTTPStatus.UNPROCESSABLE_ENTITY: "A value is impossible or implausible.",
        HTTPStatus.TOO_MANY_REQUESTS: "The caller comes too often; Retry-After says when to come back.",
        HTTPStatus.INTERNAL_SERVER_ERROR: "Something unforeseen happened; it is in the service's log.",
        HTTPStatus.BAD_GATEWAY: "A provider that was asked on the way cannot be read.",
        HTTPStatus.SERVICE_UNAVAILABLE: "The store is busy or away; Retry-After says when to come back.",
    }
)
DESCRIPTION: Final = """
Campaigns that discover crystals: what they ask, what was answered, what it cost.

Send `Authorization: Bearer petalite_…`. Lists are read page by page: give `next` of one page as `after` of the next.
Refusals are `application/problem+json` with a `remedy`. A POST may carry an `Idempotency-Key`: sent again it is
answered as the first time and does nothing twice.
"""


def problem_responses(*others: str) -> dict[int | str, dict[str, object]]:
    """How every route may refuse a request.

    Args:
        others: Media types of refusals in a form that another specification prescribes.
    """
    content = {MEDIA_TYPE: {"schema": {"$ref": _PROBLEM}}, **{media_type: {} for media_type in others}}
    return {status.value: {"description": reason, "content": content} for status, reason in _REASONS.items()}


def permissions_of(dependant: Dependant) -> Iterator[Permission]:
    """The permissions that a route requires, by whatever dependency."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Requirement):
            yield dependency.call.permission
        yield from permissions_of(dependency)


def operations(app: FastAPI) -> Iterator[RouteContext]:
    """Every route of the API as it is served, with its whole path."""
    return (found for found in iter_route_contexts(app.routes) if isinstance(found.original_route, APIRoute))


def document(app: FastAPI, public: frozenset[tuple[str, str]]) -> Callable[[], dict[str, object]]:
    """Makes the function that describes an application; it describes once and remembers."""

    def describe() -> dict[str, object]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, public)
        return app.openapi_schema

    return describe


def _described(app: FastAPI, public: frozenset[tuple[str, str]]) -> dict[str, object]:
    schema = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, tags=app.openapi_tags
    )
    components = schema.setdefault("components", {})
    problem = TypeAdapter(ProblemDetails).json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update(problem.pop("$defs", {}), ProblemDetails=problem)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token, `petalite_…`."},
        "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
    }
    described = {}
    for found in operations(app):
        for method in found.methods or ():
            operation = schema["paths"].get(found.path_format, {}).get(method.lower())
            if operation is None:
                continue
            described[found.name] = operation
            if (method, found.path) not in public:
                operation["security"] = [{"token": []}, {"session": []}]
                needed = ", ".join(f"`{permission.value}`" for permission in permissions_of(found.dependant))
                operation["description"] = f"{operation.get('description', '')}\n\nNeeds {needed}.".strip()
    for name, example in BODY_EXAMPLES.items():
        described[name]["requestBody"]["content"]["application/json"]["example"] = example
    for name, answer in _answers().items():
        for status, response in described[name]["responses"].items() if name in described else ():
            if status.startswith("2") and "application/json" in response.get("content", {}):
                response["content"]["application/json"]["example"] = answer
    for link in LINKS:
        described[link.source]["responses"][str(link.status)].setdefault("links", {})[link.target] = link.description
    return schema


def _answers() -> JsonObject:
    answers: JsonObject = json.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))
    return answers
