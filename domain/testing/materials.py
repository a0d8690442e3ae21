"""Hypothesis strategies for known materials and their structures. Each draws valid values only."""

from hypothesis import strategies as st

from domain.material import KnownMaterial
from domain.structure import Occupation, Site, Structure
from domain.testing.plain import json_objects, names, positive_numbers, texts
from domain.testing.strategies import ALL_SYMBOLS, blueprints


@st.composite
def occupations(draw: st.DrawFn) -> Occupation:
    """Sites of one element, or of several that leave a part of it vacant."""
    symbols = draw(st.lists(st.sampled_from(ALL_SYMBOLS), min_size=1, max_size=3, unique=True))
    share = draw(st.floats(0.01, 1.0)) / len(symbols)
    return Occupation.of(dict.fromkeys(symbols, share))


def sites() -> st.SearchStrategy[Site]:
    """Sites anywhere in the cell."""
    return st.builds(Site, occupation=occupations(), fractional=st.tuples(*[st.floats(0.0, 1.0)] * 3))


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    """Structures of a few sites in a cell whose vectors are nearly at right angles."""
    a, b, c = (draw(st.floats(2.0, 30.0)) for _ in range(3))
    slant = draw(st.floats(-1.0, 1.0))
    vectors = ((a, 0.0, 0.0), (slant, b, 0.0), (0.0, slant, c))
    return Structure(vectors, tuple(draw(st.lists(sites(), min_size=1, max_size=4))))


def known_materials() -> st.SearchStrategy[KnownMaterial]:
    """Known materials with much or little that is known of them."""
    return st.builds(
        KnownMaterial,
        source=names(),
        source_id=names(),
        amounts=st.dictionaries(st.sampled_from(ALL_SYMBOLS), positive_numbers(1e3), min_size=1, max_size=4),
        n_sites=st.integers(1, 500),
        space_group=st.none() | st.integers(1, 230),
        blueprint=st.none() | blueprints(),
        structure=st.none() | structures(),
        cif=st.none() | texts(),
        properties=json_objects(),
    )
