"""The store as a database of the OPTIMADE specification. Served to whoever is signed in, like everything else."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import PlainTextResponse, Response

from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from services.access.principal import Principal
from services.api.dependencies import LARGEST_NUMBER, Reader, TheService, TheStore, visible_groups
from services.api.problems import represented
from services.api.service import Service
from services.optimade.filters import LONGEST_FILTER
from services.optimade.responses import (
    LARGEST_PAGE,
    USUAL_PAGE,
    Asker,
    StructuresQuery,
    base_info,
    link_to_itself,
    list_structures,
    one_structure,
    structures_info,
)
from services.store import Store
from services.store.records import CampaignRecord

router = APIRouter(prefix="/optimade", tags=["optimade"])

_MOST_CAMPAIGNS: Final = 1_000
_EXAMPLE: Final = 'elements HAS ALL "Li","O" AND nelements<4'
Fields = Annotated[str, Query(max_length=2000, description="Names of the only properties wanted, between commas.")]
Format = Annotated[str, Query(max_length=20, description="Only json.")]


@dataclass(frozen=True, slots=True)
class SearchParameters:
    """What is asked of the list of structures, by the names that the specification gives it."""

    filter: Annotated[
        str, Query(max_length=LONGEST_FILTER, description="In the OPTIMADE grammar, version 1.2.", examples=[_EXAMPLE])
    ] = ""
    page_limit: Annotated[int, Query(ge=1, description=f"At most {LARGEST_PAGE}.")] = USUAL_PAGE
    page_after: Annotated[int, Query(ge=0, le=LARGEST_NUMBER, description="From `links.next`.")] = 0
    response_fields: Fields = ""
    response_format: Format = "json"
    sort: Annotated[str, Query(max_length=200, description="Not supported.")] = ""

    def query(self) -> StructuresQuery:
        """The same as the store is asked it.

        Raises:
            InvalidValueError: If something is asked that is not supported.
        """
        if self.sort:
            raise InvalidValueError("Structures cannot be sorted.", remedy="Leave sort out.")
        return StructuresQuery(
            self.filter, self.page_limit, self.page_after, self.response_fields, self.response_format
        )


@router.get(
    "/versions",
    summary="List the versions served",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
def list_versions(_principal: Reader) -> Response:
    """Major versions of the OPTIMADE API, one a line."""
    return PlainTextResponse("version\n1\n", media_type="text/csv; header=present")


@router.get("/v1/info", summary="Describe the OPTIMADE API")
def show_info(request: Request, service: TheService, principal: Reader) -> JsonObject:
    """Which endpoints and formats there are."""
    return base_info(_asker(request, service, principal))


@router.get("/v1/links", summary="List related OPTIMADE databases")
def show_links(request: Request, service: TheService, principal: Reader) -> JsonObject:
    """This database alone."""
    return link_to_itself(_asker(request, service, principal))


@router.get("/v1/info/structures", summary="Describe the properties of structures")
def show_structures_info(request: Request, service: TheService, store: TheStore, principal: Reader) -> JsonObject:
    """Every property with its type, meaning and unit, those that visible campaigns measure among them."""
    return structures_info(_campaigns(store, principal), _asker(request, service, principal))


@router.get("/v1/structures", summary="Search structures")
def search_structures(
    request: Request,
    service: TheService,
    store: TheStore,
    principal: Reader,
    asked: Annotated[SearchParameters, Depends()],
) -> JsonObject:
    """Known materials and realizations that fulfil a filter."""
    return list_structures(store, _campaigns(store, principal), asked.query(), _asker(request, service, principal))


@router.get("/v1/structures/{entry_id}", summary="Show one structure")
def show_structure(
    request: Request,
    service: TheService,
    store: TheStore,
    principal: Reader,
    entry_id: Annotated[str, Path(max_length=63)],
    response_fields: Fields = "",
    response_format: Format = "json",
) -> JsonObject:
    """One known material or realization; `data` is null where there is none."""
    query = StructuresQuery(response_fields=response_fields, response_format=response_format)
    asker = _asker(request, service, principal)
    return one_structure(store, _campaigns(store, principal), entry_id, query, asker)


def _asker(request: Request, service: Service, principal: Principal) -> Asker:
    return Asker(
        base_url=service.settings.public_url.rstrip("/"),
        request=represented(request.url.path, request.url.query),
        at=service.open_store.now(),
        groups=visible_groups(principal),
    )


def _campaigns(store: Store, principal: Principal) -> tuple[CampaignRecord, ...]:
    return store.campaigns.list_page(visible_groups(principal), after_id=0, limit=_MOST_CAMPAIGNS)
