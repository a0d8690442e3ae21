"""A strategy for relaxations."""

from hypothesis import strategies as st

from domain.relaxation import Relaxation, RelaxationOutcome
from domain.testing.plain import digests, numbers, texts


@st.composite
def relaxations(draw: st.DrawFn) -> Relaxation:
    """Relaxations that ended in any way; those of broken crystals have no energy."""
    outcome = draw(st.sampled_from(RelaxationOutcome))
    energy = None if outcome.is_broken else draw(numbers(-100, 100))
    return Relaxation(
        start=draw(digests()),
        sites=None if outcome.is_broken else draw(digests()),
        outcome=outcome,
        n_steps=draw(st.integers(0, 1000)),
        space_group_before=draw(st.integers(1, 230)),
        space_group_after=draw(st.integers(1, 230)),
        volume_before_A3_per_atom=draw(numbers(1, 100)),
        volume_after_A3_per_atom=draw(numbers(1, 100)),
        energy_eV_per_atom=energy,
        largest_force_eV_A=None if energy is None else draw(numbers(0, 10)),
        energy_under_symmetry_eV_per_atom=draw(st.none() | numbers(-100, 100)),
        problem=draw(texts()) if outcome.is_broken else "",
    )
