"""The band gap that is read off the eigenvalues of one calculation."""

from __future__ import annotations

from typing import Final

from domain.errors import PermanentLookError
from domain.json_value import JsonObject
from oracles.dft.code import Bands

_AT_THE_FERMI_LEVEL_EV: Final = 1e-3


def band_gap(bands: Bands) -> tuple[float, JsonObject]:
    """Kohn-Sham gap in eV, 0 for a metal, and what else a result says of it.

    It is the difference of eigenvalues, which underestimates what is measured (with PBE by a third to a half in
    insulators), and only the k-points of the grid are seen: band edges may lie between them.

    Raises:
        PermanentLookError: If the calculation has no empty band.
    """
    import numpy as np
    from ase.dft.bandgap import bandgap

    fermi_level_eV = bands.fermi_level_eV
    # With fixed occupations some codes report the highest occupied eigenvalue, rounded, as the Fermi level.
    if (np.abs(bands.eigenvalues_eV - fermi_level_eV) < _AT_THE_FERMI_LEVEL_EV).any():
        fermi_level_eV += 2 * _AT_THE_FERMI_LEVEL_EV
    try:
        smallest, *_ = bandgap(eigenvalues=bands.eigenvalues_eV, efermi=fermi_level_eV)
        direct, *_ = bandgap(eigenvalues=bands.eigenvalues_eV, efermi=fermi_level_eV, direct=True)
    except ValueError as error:
        raise PermanentLookError(
            "The calculation has no empty bands, so there is no gap to be seen.",
            remedy="Give the calculator more bands.",
        ) from error
    gap_eV = max(float(smallest), 0.0)
    return gap_eV, {
        "gap": {
            "kind": "Kohn-Sham",
            "is_metal": gap_eV == 0,
            "direct_eV": max(float(direct), 0.0),
            "is_direct": gap_eV > 0 and bool(np.isclose(direct, smallest, atol=_AT_THE_FERMI_LEVEL_EV)),
            "n_kpoints": int(bands.eigenvalues_eV.shape[1]),
        }
    }
