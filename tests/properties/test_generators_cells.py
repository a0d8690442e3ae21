import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.lattice import LatticeParameters, relative_volume
from domain.search_space import SearchSpace
from domain.space_groups import CellShape
from generators.cell_limits import SMALLEST_FREE_RELATIVE_VOLUME, CellLimits
from generators.cells import CellMap
from generators.states import UNSET

N_CELLS = 64


@st.composite
def limits(draw: st.DrawFn) -> CellLimits:
    shortest = draw(st.floats(1.0, 5.0))
    narrowest = draw(st.floats(40.0, 110.0))
    smallest = draw(st.floats(3.0, 20.0))
    space = SearchSpace(
        elements=("Li", "O"),
        space_groups=(1,),
        length_A=(shortest, shortest * draw(st.floats(1.2, 10.0))),
        angle_deg=(narrowest, narrowest + draw(st.floats(1.0, 60.0))),
        volume_per_atom_A3=(smallest, smallest * draw(st.floats(1.1, 8.0))),
    )
    return CellLimits.of(space, draw(st.sampled_from(list(CellShape))))


@given(limits(), st.integers(1, 40), st.integers(0, 2**32 - 1), st.booleans())
def test_every_cube_is_a_cell_of_the_space(limits: CellLimits, n_atoms: int, seed: int, at_corners: bool):
    assume(limits.admits(n_atoms))
    cube = torch.rand(N_CELLS, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    cube = cube.round() if at_corners else cube
    lattice = CellMap(limits).to_lattice(cube, torch.full((N_CELLS,), n_atoms))

    for row in lattice.tolist():
        cell = LatticeParameters(*row)
        assert cell.parameters == tuple(row)
        assert cell.obeys(limits.shape)
        assert all(limits.length_A[0] <= length <= limits.length_A[1] for length in cell.lengths)
        assert all(a in (90, 120) or limits.angle_deg[0] <= a <= limits.angle_deg[1] for a in cell.angles)
        low, high = limits.volume_per_atom_A3
        assert low * (1 - 5e-3) <= cell.volume_A3 / n_atoms <= high * (1 + 5e-3)
        assert relative_volume(*cell.angles) > SMALLEST_FREE_RELATIVE_VOLUME - 1e-3


@given(st.sampled_from(list(CellShape)), st.integers(4, 40), st.integers(0, 2**32 - 1))
def test_coordinates_come_back_from_the_lattice(shape: CellShape, n_atoms: int, seed: int):
    cells = CellMap(CellLimits.of(SearchSpace(elements=("Li",), space_groups=(1,)), shape))
    cube = torch.rand(N_CELLS, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    n_each = torch.full((N_CELLS,), n_atoms)
    back = cells.to_cube(cells.to_lattice(cube, n_each), n_each)

    free = list(cells.slots)
    assert torch.allclose(back[:, free], cube[:, free], atol=1e-2)
    assert (back[:, free] - cube[:, free]).abs().median() < 1e-4
    assert (back[:, [slot for slot in range(6) if slot not in free]] == UNSET).all()


@given(st.integers(0, 2**32 - 1))
def test_triclinic_angles_reach_the_whole_region(seed: int):
    """Any admissible triple of angles has coordinates inside the cube: the intervals cut nothing away."""
    cells = CellMap(CellLimits.of(SearchSpace(elements=("Li",), space_groups=(1,)), CellShape.TRICLINIC))
    angles = 60 + 60 * torch.rand(256, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    keep = torch.tensor([relative_volume(*row) > SMALLEST_FREE_RELATIVE_VOLUME + 1e-3 for row in angles.tolist()])
    angles = angles[keep]
    lengths = torch.full_like(angles, 5.0)
    cube = cells.to_cube(torch.cat([lengths, angles], dim=1), torch.full((len(angles),), 6))

    assert ((cube[:, :3] >= 0) & (cube[:, :3] <= 1)).all()
