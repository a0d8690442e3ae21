"""Known materials: listed, shown, taken away, handed in one by one or imported from a provider."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from domain.errors import NotFoundError
from domain.json_value import JsonObject
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Audited, Change, changing
from services.api.dependencies import Number, Reader, TheStore, own_group, visible_groups
from services.api.paging import After, Limit, Page, keyset, same
from services.api.structure_answer import FORMAT_RESPONSES, WantedFormat, structure_response
from services.materials.formats import StructureFormat, write_material
from services.materials.importing import Holder, ImportTally, keep_page, read_page
from services.materials.optimade_entry import material_from_optimade
from services.materials.provider import Provider, ProviderLimits
from services.materials.show import MaterialDetails, MaterialView, material_details, material_view
from services.store import Store
from services.store.material_values import MaterialMeasurementRecord
from services.store.materials import MaterialFilter, MaterialRecord

router = APIRouter(prefix="/materials", tags=["materials"])

Writing = Annotated[Change, Depends(changing(Permission.MATERIAL_WRITE))]
Symbol = Annotated[str, Field(pattern="^[A-Z][a-z]?$")]
_PAGE: Final = ProviderLimits(page_entries=50, answer_bytes=16 * 2**20, page_s=20.0)


@dataclass(frozen=True, slots=True)
class NewMaterial:
    """A structure in the words of the OPTIMADE specification."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    structure: JsonObject
    """A resource object: `id`, `type` (structures) and `attributes` with lattice vectors, positions and species."""
    source: Annotated[str, Field(min_length=1, max_length=200)]
    """What to call the collection that it belongs to."""
    group: Annotated[str, Field(max_length=63)] | None = None
    """Name of the group whose members alone may see it; may be left out by whoever is in one group."""


@dataclass(frozen=True, slots=True)
class NewImport:
    """Structures that a provider has."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    url: Annotated[str, Field(min_length=1, max_length=500, examples=["https://optimade.example.org/v1"])]
    """The provider's base address."""
    filter: Annotated[str, Field(max_length=2000, examples=['elements HAS "Li" AND nelements=2'])] = ""
    """In the OPTIMADE grammar."""
    group: Annotated[str, Field(max_length=63)] | None = None
    """As for one material."""
    next: Annotated[str, Field(max_length=4000)] | None = None
    """`next` of the answer before, to go on; begins without."""


@dataclass(frozen=True, slots=True)
class ImportedPage:
    """What one page of a provider brought."""

    next: str | None
    """Send it again as `next` to go on; null at the end."""
    n_read: int
    n_new: int
    n_refused: int
    problems: tuple[str, ...]
    n_found: int | None
    """Structures that fulfil the filter, where the provider says."""


@dataclass(frozen=True, slots=True)
class MaterialParameters:
    """Which materials are listed."""

    formula: Annotated[str | None, Query(max_length=200, description="Reduced formula, such as LiCl.")] = None
    element: Annotated[list[Symbol] | None, Query(max_length=20, description="Elements all of which it contains.")] = (
        None
    )
    space_group: Annotated[int | None, Query(ge=1, le=230, description="Number of its space group.")] = None
    source: Annotated[str | None, Query(max_length=200, description="Collection that it comes from.")] = None

    @property
    def wanted(self) -> MaterialFilter:
        """The same for the store."""
        return MaterialFilter(
            formula=self.formula,
            elements=frozenset(self.element or ()),
            space_group=self.space_group,
            source=self.source,
        )


@router.get("", summary="List known materials")
def list_materials(
    store: TheStore,
    principal: Reader,
    only: Annotated[MaterialParameters, Depends()],
    after: After = 0,
    limit: Limit = 100,
) -> Page[MaterialView]:
    """Everyone's materials and those of the caller's groups, in the order in which they were added."""
    groups = visible_groups(principal)
    return keyset(
        lambda n: store.materials.list(groups=groups, wanted=only.wanted, after=after, limit=n),
        material_view,
        limit=limit,
    )


@router.post("", summary="Hand a known material in", status_code=201, response_model=MaterialDetails)
def add_material(new: NewMaterial, change: Writing) -> Response:
    """Keeps a structure. One of the same source and name in the same hands stays as it is and is shown."""
    material = material_from_optimade(dict(new.structure), source=new.source)

    def add() -> Audited:
        group_id = own_group(change.store, change.principal, new.group)
        record = change.store.materials.add(material, group_id=group_id, added_by=change.principal.name)
        details: JsonObject = {"source": new.source, "source_id": material.source_id, "group_id": group_id}
        return Audited("material.add", f"material {record.id}", material_details(record), details, status=201)

    return change.make(add)


@router.post("/imports", summary="Import a page from an OPTIMADE provider", response_model=ImportedPage)
def import_materials(wanted: NewImport, change: Writing) -> Response:
    """Fetches one page of a provider's structures and keeps them. Repeating it is harmless: nothing is kept twice.

    Providers inside this network cannot be reached.
    """
    # Asked before anything is written: nobody may wait for a stranger's answer with the store in hand.
    provider = Provider(wanted.url, limits=_PAGE)
    page = read_page(provider.fetch(wanted.next or provider.first_page(wanted.filter)), source=provider.name)

    def keep() -> Audited:
        group_id = own_group(change.store, change.principal, wanted.group)
        progress = keep_page(change.store, page, Holder(group_id, change.principal.name), tally=ImportTally())
        tally = progress.tally
        shown = ImportedPage(
            next=progress.next,
            n_read=tally.n_read,
            n_new=tally.n_new,
            n_refused=tally.n_refused,
            problems=tally.problems,
            n_found=tally.n_found,
        )
        details: JsonObject = {"provider": provider.base_url, "filter": wanted.filter, "new": tally.n_new}
        return Audited("material.import", "materials", shown, details)

    return change.make(keep)


@router.get("/{material_id}", summary="Show a known material")
def show_material(material_id: Number, store: TheStore, principal: Reader) -> MaterialDetails:
    """A material with its sites and everything that its collection says of it."""
    return material_details(_visible(store, principal, material_id))


@router.get("/{material_id}/measurements", summary="List what was measured of a known material")
def list_measurements_of_material(
    material_id: Number, store: TheStore, principal: Reader, after: After = 0, limit: Limit = 100
) -> Page[MaterialMeasurementRecord]:
    """For the campaigns of the caller's groups, in the order in which it came: superseded ones too."""
    _visible(store, principal, material_id)
    groups = visible_groups(principal)
    return keyset(
        lambda n: store.material_values.of_material(material_id, groups=groups, after_id=after, limit=n),
        same,
        limit=limit,
    )


@router.get(
    "/{material_id}/structure",
    summary="Take a known material's structure away",
    response_class=Response,
    responses=FORMAT_RESPONSES,
)
def take_material(
    material_id: Number, store: TheStore, principal: Reader, wanted: WantedFormat = StructureFormat.CIF
) -> Response:
    """The sites as CIF, POSCAR, extxyz or MSON."""
    material = _visible(store, principal, material_id).material
    return structure_response(write_material(material, wanted), wanted, name=f"material-{material_id}")


def _visible(store: Store, principal: Principal, material_id: int) -> MaterialRecord:
    record = store.materials.get(material_id)
    groups = visible_groups(principal)
    if groups is None or record.group_id is None or record.group_id in groups:
        return record
    raise NotFoundError(f"There is no material number {material_id}.", remedy="List the materials.")
