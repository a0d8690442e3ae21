"""`/info/structures`: which properties there are, what they mean and in which unit."""

from collections.abc import Sequence
from typing import Final

from domain.json_value import JsonObject, JsonValue
from services.optimade.measured import PREFIX, MeasuredProperty

_STANDARD: Final[tuple[tuple[str, str, str, str | None], ...]] = (
    ("id", "string", "Name of the entry here.", None),
    ("type", "string", "Always structures.", None),
    ("immutable_id", "string", "Not kept: entries never change.", None),
    ("last_modified", "timestamp", "When the entry was recorded.", None),
    ("elements", "list", "Symbols in alphabetical order.", None),
    ("nelements", "integer", "How many elements there are.", None),
    ("elements_ratios", "list", "Share of each element in all atoms.", None),
    ("chemical_formula_descriptive", "string", "The formula as Petalite writes it.", None),
    ("chemical_formula_reduced", "string", "The formula in the smallest whole numbers, alphabetical.", None),
    ("chemical_formula_anonymous", "string", "Proportions alone, the largest first.", None),
    ("chemical_formula_hill", "string", "Not kept.", None),
    ("dimension_types", "list", "Periodic along all three lattice vectors.", None),
    ("nperiodic_dimensions", "integer", "Always 3.", None),
    ("lattice_vectors", "list", "Lattice vectors, one a row.", "Å"),
    ("space_group_it_number", "integer", "Space group that the structure was found to have.", None),
    ("cartesian_site_positions", "list", "Positions of the sites.", "Å"),
    ("nsites", "integer", "Sites in the cell.", None),
    ("species", "list", "What sites hold, vacancies named.", None),
    ("species_at_sites", "list", "Which species each site holds.", None),
    ("structure_features", "list", "disorder where a site is shared or partly vacant.", None),
    (f"{PREFIX}kind", "string", "material (known already) or realization (sites of a candidate).", None),
    (f"{PREFIX}source", "string", "Collection that a known material comes from.", None),
    (f"{PREFIX}source_id", "string", "Its name there.", None),
    (f"{PREFIX}blueprint_digest", "string", "Names the blueprint by its content.", None),
    (f"{PREFIX}blueprint_space_group", "integer", "Space group of the blueprint that was realised.", None),
    (f"{PREFIX}method", "string", "How the sites were found.", None),
    (f"{PREFIX}is_relaxed", "boolean", "Whether cell and sites were relaxed.", None),
    (f"{PREFIX}energy_ev_per_atom", "float", "Energy by which the sites were picked.", "eV/atom"),
    (f"{PREFIX}ranked_by", "string", "Potential that gave this energy.", None),
)


def describe_structures(measured: Sequence[MeasuredProperty]) -> JsonObject:
    """The data of `/info/structures`, the measured properties of some campaigns among them."""
    properties: dict[str, JsonValue] = {
        name: _described(kind, meaning, unit) for name, kind, meaning, unit in _STANDARD
    }
    for found in measured:
        meaning = (
            f"{found.quantity.replace('_', ' ')} of the candidate at fidelity {found.fidelity}, where it is exact."
        )
        properties[found.name] = _described("float", meaning, found.unit)
    return {
        "id": "structures",
        "type": "info",
        "description": "Known materials, and realizations of what campaigns imagined.",
        "properties": properties,
        "formats": ["json"],
        "output_fields_by_format": {"json": list(properties)},
    }


def _described(kind: str, meaning: str, unit: str | None) -> JsonObject:
    described: dict[str, JsonValue] = {"type": kind, "description": meaning, "sortable": False}
    if unit is not None:
        described["unit"] = unit
    return described
