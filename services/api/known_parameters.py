"""A parameter that a route does not know is refused: a misspelt filter must not be answered with everything."""

import difflib
from collections.abc import Iterator
from typing import Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request

from domain.parsing import LocatedError, Problem

_CALLED_BY_OTHERS: Final = frozenset({"come_back"})
"""Routes that an identity provider sends people to, with whatever it likes to say."""


async def require_known_parameters(request: Request) -> None:
    """A dependency of every route.

    Raises:
        LocatedError: If the query has parameters that the route does not know; says which it may have meant.
    """
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute) or route.name in _CALLED_BY_OTHERS:
        return
    known = sorted(set(_names(route.dependant)))
    problems = tuple(
        Problem(("query", name[:64]), f"unknown parameter{_guess(name, known)}")
        for name in dict.fromkeys(request.query_params)
        if name not in known
    )
    if problems:
        listed = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
        remedy = f"This route knows {', '.join(known)}." if known else "This route knows no parameters."
        raise LocatedError(f"The query has unknown parameters: {listed}.", remedy=remedy, problems=problems)


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for dependency in dependant.dependencies:
        yield from _names(dependency)


def _guess(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
