"""Whoever looks at a fit says how it is to be made."""

import numpy as np
import pytest

from domain.errors import InvalidValueError
from services.uploads.adjusting import CIRCUIT_TITLES, fit_arguments
from services.uploads.arrhenius import Point, fit_arrhenius
from services.uploads.impedance import CIRCUITS
from services.uploads.spectra import fit_task


def test_the_titles_are_those_of_the_circuits_that_are_fitted():
    assert sorted(CIRCUIT_TITLES) == sorted(circuit.title for circuit in CIRCUITS)


@pytest.mark.parametrize(
    ("text", "hertz"),
    [("10", 10.0), ("10 Hz", 10.0), ("1,5 kHz", 1500.0), ("1 MHz", 1e6), ("100 mHz", 0.1), ("1e6Hz", 1e6)],
)
def test_frequencies_are_read_as_people_write_them(text, hertz):
    assert fit_arguments({"lowest frequency": text}) == {"lowest_Hz": pytest.approx(hertz)}


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"lowest frequency": "10 ohm"}, "'10 ohm' is no frequency"),
        ({"highest frequency": "fast"}, "is no"),
        ({"highest frequency": "-1 Hz"}, "cannot be"),
        ({"lowest frequency": "1 MHz", "highest frequency": "1 kHz"}, "Nothing lies between"),
        ({"circuit": "R-L"}, "no circuit 'R-L'"),
    ],
)
def test_what_cannot_be_read_is_refused(cells, problem):
    with pytest.raises(InvalidValueError, match=problem):
        fit_arguments(cells)


def test_only_the_window_is_fitted_with_the_circuit_that_was_named():
    frequencies = np.logspace(6, 0, 49)
    z = 1000 / (1 + 2j * np.pi * frequencies * 1000 * 1e-10)
    points = [[f, one.real, one.imag] for f, one in zip(frequencies.tolist(), z.tolist(), strict=True)]
    fit = fit_task({"points": points, "lowest_Hz": 10.0, "highest_Hz": 1e5, "circuit": "(R‖CPE)"})
    assert fit["circuit"] == "(R‖CPE)"
    assert 10.0 <= min(fit["frequency_Hz"]) < max(fit["frequency_Hz"]) <= 1e5
    assert len(fit["frequency_Hz"]) + len(fit["outside"]) == len(points)


def test_a_line_is_known_best_at_its_pivot():
    points = [Point(t, np.exp(-4000 / t) / t, 0.05 * np.exp(-4000 / t) / t) for t in (300.0, 330.0, 360.0, 390.0)]
    fit = fit_arrhenius(points)
    assert 300 < fit.pivot_K < 390
    room, slope = fit.conductivity_sigma_S_per_cm / fit.conductivity_S_per_cm, fit.activation_energy_sigma_eV
    least = room**2 - (slope / 8.617333262e-5 * (1 / 298.15 - 1 / fit.pivot_K)) ** 2
    assert least == pytest.approx(0.05**2 / len(points))
