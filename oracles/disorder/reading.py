"""Disordered structures from CIF files."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Iterable

from domain.errors import UnsupportedCrystalError
from domain.structure import Occupation, Site, Structure, Vector


def read_cif(text: str) -> Structure:
    """Reads the sites of a CIF with the shares of each element, vacancies among them.

    Not for uploads outside of a worker process: a hostile CIF can hang any parser.

    Raises:
        UnsupportedCrystalError: If the text holds no structure.
    """
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it comments on every rounded coordinate
        try:
            structure = CifParser(io.StringIO(text)).parse_structures(primitive=True)[0]
        except (ValueError, KeyError, IndexError, AssertionError) as error:
            raise UnsupportedCrystalError(
                f"The CIF holds no structure that can be read: {error}", remedy="Check the file."
            ) from error
    sites = []
    for site in structure:
        shares: Counter[str] = Counter()
        for species, share in site.species.items():
            symbol = "H" if species.symbol in {"D", "T"} else species.symbol
            shares[symbol] += share
        sites.append(Site(Occupation.of(shares), _vector(site.frac_coords)))
    a, b, c = (_vector(row) for row in structure.lattice.matrix)
    return Structure((a, b, c), tuple(sites))


def _vector(row: Iterable[float]) -> Vector:
    x, y, z = (float(number) for number in row)
    return (x, y, z)
