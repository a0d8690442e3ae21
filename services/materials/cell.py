"""A cell in numbers, so that what was imagined and what was relaxed can stand beside each other."""

from dataclasses import dataclass

from domain.blueprint import GRAMS_PER_CM3_FROM_U_PER_A3, Blueprint
from domain.elements import element
from domain.errors import InvalidValueError
from services.materials.plain_cif import read_plain_cif


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell."""

    lengths_A: tuple[float, float, float]
    angles_deg: tuple[float, float, float]
    n_atoms: float
    """In the cell; a fraction where sites are shared."""
    volume_per_atom_A3: float
    density_g_cm3: float


def cell_of_blueprint(blueprint: Blueprint) -> CellView:
    """The conventional cell that was imagined."""
    lattice = blueprint.lattice
    return CellView(
        lengths_A=(lattice.a, lattice.b, lattice.c),
        angles_deg=(lattice.alpha, lattice.beta, lattice.gamma),
        n_atoms=blueprint.composition.n_atoms,
        volume_per_atom_A3=blueprint.volume_per_atom_A3,
        density_g_cm3=blueprint.density_g_cm3,
    )


def cell_of_cif(cif: str) -> CellView | None:
    """The cell of a CIF in P1, as it is written there; None where it cannot be read."""
    try:
        structure = read_plain_cif(cif)
    except InvalidValueError:
        return None
    amounts = structure.amounts
    n_atoms = sum(amounts.values())
    mass_u = sum(element(symbol).mass_u * amount for symbol, amount in amounts.items())
    return CellView(
        lengths_A=structure.lengths_A,
        angles_deg=structure.angles,
        n_atoms=n_atoms,
        volume_per_atom_A3=structure.volume_A3 / n_atoms,
        density_g_cm3=mass_u / structure.volume_A3 * GRAMS_PER_CM3_FROM_U_PER_A3,
    )
