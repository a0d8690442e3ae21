"""Materials that are known already, as far as the visitor may see them."""

from dataclasses import asdict, dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.api.dependencies import Number, Reader, TheStore
from services.api.paging import After
from services.api.routers import materials
from services.api.routers.materials import MaterialParameters
from services.api.routers.rounds import read_formula
from services.dashboard.pages.parameters import BLANK, symbols_in
from services.dashboard.view import TheView, address, link
from services.materials.formats import StructureFormat

router = APIRouter(prefix="/materials")

ON_A_PAGE: Final = 50
VALUES_ON_A_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class MaterialsAsked:
    """What the form above the list asks for."""

    formula: Annotated[str | None, Query(max_length=80), BLANK] = None
    elements: Annotated[str | None, Query(max_length=80), BLANK] = None
    space_group: Annotated[int | None, Query(ge=1, le=230), BLANK] = None
    source: Annotated[str | None, Query(max_length=200), BLANK] = None

    @property
    def parameters(self) -> MaterialParameters:
        """The same in the words of the API."""
        return MaterialParameters(
            formula=None if self.formula is None else read_formula(self.formula).reduced_formula,
            element=symbols_in(self.elements),
            space_group=self.space_group,
            source=self.source,
        )


@router.get("")
def show_materials(
    view: TheView,
    store: TheStore,
    principal: Reader,
    asked: Annotated[MaterialsAsked, Depends()],
    after: After = 0,
) -> Response:
    """The list, in the order in which they were added."""
    page = materials.list_materials(store, principal, asked.parameters, after=after, limit=ON_A_PAGE)
    filters = asdict(asked)
    return view.page(
        "pages/materials.html",
        page=page,
        asked=asked,
        is_asked=any(filters.values()),
        is_first=after == 0,
        next_url=address("/materials", **filters, after=page.next) if page.next else None,
    )


@router.get("/{material_id}")
def show_material(material_id: Number, view: TheView, store: TheStore, principal: Reader, after: After = 0) -> Response:
    """One material with its sites, and what was measured of it."""
    details = materials.show_material(material_id, store, principal)
    values = materials.list_measurements_of_material(material_id, store, principal, after=after, limit=VALUES_ON_A_PAGE)
    return view.page(
        "pages/material.html",
        details=details,
        values=values,
        superseded={value.supersedes for value in values.items},
        next_url=address(link("materials", material_id), after=values.next) if values.next else None,
        formats=tuple(StructureFormat),
    )
