"""Answers of the OPTIMADE endpoint: the specification's frame around what the store holds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Final
from urllib.parse import urlencode

from domain.errors import InvalidValueError, PermissionDeniedError
from domain.json_value import JsonObject, JsonValue
from services.optimade.entries import structure_resources
from services.optimade.filters import condition_of
from services.optimade.info import describe_structures
from services.optimade.measured import PREFIX, measured_properties
from services.optimade.properties import search_properties
from services.store import Store
from services.store.records import CampaignRecord

API_VERSION: Final = "1.2.0"
BASE_PATH: Final = "/optimade/v1"
LARGEST_PAGE: Final = 500
USUAL_PAGE: Final = 20
_NOT_ALL_ENTERED: Final = "Some realizations that were recorded lately are not searched yet: ask again."


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as it decides what may be seen, and where."""

    base_url: str
    """Scheme and host under which the service is reached, such as `https://petalite.example.org`."""
    request: str
    """Path below the base and query, as they came."""
    at: datetime
    groups: Collection[int] | None
    """Groups whose campaigns and materials may be seen; None for all there are."""


@dataclass(frozen=True, slots=True)
class StructuresQuery:
    """What is asked of the list of structures."""

    filter: str = ""
    page_limit: int = USUAL_PAGE
    page_after: int = 0
    response_fields: str = ""
    """Names between commas; empty for all."""
    response_format: str = "json"

    def __post_init__(self) -> None:
        if self.response_format != "json":
            raise InvalidValueError(
                f"There is no response_format '{self.response_format[:20]}'.", remedy="Ask for json."
            )
        if self.page_limit > LARGEST_PAGE:  # for which the specification wants a status of its own
            raise PermissionDeniedError(
                f"page_limit is {self.page_limit}; no page has more than {LARGEST_PAGE} entries.",
                remedy=f"Give a number from 1 to {LARGEST_PAGE}.",
            )

    @property
    def fields(self) -> frozenset[str] | None:
        """The only properties wanted; None for all."""
        names = frozenset(name.strip() for name in self.response_fields.split(",")) - {""}
        return names or None


def list_structures(
    store: Store, campaigns: Sequence[CampaignRecord], query: StructuresQuery, asker: Asker
) -> JsonObject:
    """Answers `/structures`.

    Raises:
        InvalidValueError: If the filter cannot be used.
    """
    measured = measured_properties(campaigns)
    condition = condition_of(query.filter, search_properties(measured))
    is_complete = store.structures.enter_realizations()
    page = store.structures.search(condition, groups=asker.groups, after=query.page_after, limit=query.page_limit)
    following = None
    if page.has_more:
        parameters = {
            "filter": query.filter,
            "page_limit": str(query.page_limit),
            "page_after": str(page.rows[-1].id),
            "response_fields": query.response_fields,
        }
        kept = {name: value for name, value in parameters.items() if value}
        following = f"{asker.base_url}{BASE_PATH}/structures?{urlencode(kept)}"
    data = structure_resources(store, page.rows, measured=measured, fields=query.fields)
    extra: dict[str, JsonValue] = {"data_returned": page.n_found, "data_available": page.n_visible}
    if page.rows:
        extra["last_id"] = page.rows[-1].name
    if not is_complete:
        extra["warnings"] = [{"type": "warning", "detail": _NOT_ALL_ENTERED}]
    return {
        "data": data,
        "links": {"next": following},
        "meta": _meta(asker, more=page.has_more, extra=extra),
    }


def one_structure(
    store: Store, campaigns: Sequence[CampaignRecord], name: str, query: StructuresQuery, asker: Asker
) -> JsonObject:
    """Answers `/structures/{id}`: what does not exist, or may not be seen, is null, as the specification wants it."""
    store.structures.enter_realizations()
    row = store.structures.find(name, groups=asker.groups)
    measured = measured_properties(campaigns)
    data = structure_resources(store, [] if row is None else [row], measured=measured, fields=query.fields)
    numbers = {"data_returned": len(data)}
    return {"data": data[0] if data else None, "meta": _meta(asker, more=False, extra=numbers)}


def base_info(asker: Asker) -> JsonObject:
    """Answers `/info`."""
    endpoints = ["info", "links", "structures"]
    return {
        "data": {
            "id": "/",
            "type": "info",
            "attributes": {
                "api_version": API_VERSION,
                "available_api_versions": [{"url": f"{asker.base_url}{BASE_PATH}/", "version": API_VERSION}],
                "formats": ["json"],
                "available_endpoints": list(endpoints),
                "entry_types_by_format": {"json": ["structures"]},
                "is_index": False,
            },
        },
        "meta": _meta(asker, more=False),
    }


def structures_info(campaigns: Sequence[CampaignRecord], asker: Asker) -> JsonObject:
    """Answers `/info/structures`."""
    return {"data": describe_structures(measured_properties(campaigns)), "meta": _meta(asker, more=False)}


def link_to_itself(asker: Asker) -> JsonObject:
    """Answers `/links`: this database is the root of nothing but itself."""
    return {
        "data": [
            {
                "id": "petalite",
                "type": "links",
                "attributes": {
                    "name": "Petalite",
                    "description": "Known materials and realizations of a Petalite store",
                    "base_url": f"{asker.base_url}/optimade",
                    "homepage": None,
                    "link_type": "root",
                },
            }
        ],
        "meta": _meta(asker, more=False, extra={"data_returned": 1, "data_available": 1}),
    }


def error_answer(status: HTTPStatus, detail: str, *, request: str) -> JsonObject:
    """An error in the specification's frame.

    Args:
        status: With which it is answered.
        detail: What is wrong, and what to do about it.
        request: Path below the base and query, as they came.
    """
    return {
        "errors": [{"status": str(status.value), "title": status.phrase, "detail": detail}],
        "meta": _frame(request, more=False),
    }


def _meta(asker: Asker, *, more: bool, extra: Mapping[str, JsonValue] | None = None) -> JsonObject:
    time_stamp = asker.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**_frame(asker.request, more=more), "time_stamp": time_stamp, **(extra or {})}


def _frame(request: str, *, more: bool) -> JsonObject:
    return {
        "query": {"representation": request},
        "api_version": API_VERSION,
        "more_data_available": more,
        "schema": f"https://schemas.optimade.org/openapi/v{API_VERSION.rsplit('.', 1)[0]}/optimade.json",
        "provider": {
            "name": "Petalite",
            "description": "A store of crystals that campaigns imagined, computed and measured",
            "prefix": PREFIX.strip("_"),
        },
        "implementation": {"name": "petalite", "version": version("petalite")},
    }
