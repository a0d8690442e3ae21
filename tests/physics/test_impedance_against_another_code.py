"""Our fits of impedance spectra against those of impedance.py, which shares no line with them."""

import math

import numpy as np
import pytest

from services.uploads.impedance import Spectrum, fit_circuit

pytestmark = [pytest.mark.physics, pytest.mark.slow]

_OHM_BULK, _OHM_BOUNDARY = 800.0, 2500.0
_TRUTH = {
    "R0-CPE1": (_OHM_BULK, 2e-6, 0.85),
    "p(R1,CPE1)-CPE2": (_OHM_BULK, 1e-9, 0.95, 5e-6, 0.8),
    "R0-p(R1,CPE1)-CPE2": (_OHM_BULK, _OHM_BOUNDARY, 2e-9, 0.9, 5e-6, 0.8),
    "p(R1,CPE1)-p(R2,CPE2)-CPE3": (_OHM_BULK, 2e-11, 0.95, _OHM_BOUNDARY, 1e-8, 0.9, 5e-6, 0.8),
}
_OURS = {
    "R0-CPE1": "R-CPE",
    "p(R1,CPE1)-CPE2": "(R‖CPE)-CPE",
    "R0-p(R1,CPE1)-CPE2": "R-(R‖CPE)-CPE",
    "p(R1,CPE1)-p(R2,CPE2)-CPE3": "(R‖CPE)-(R‖CPE)-CPE",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("circuit", sorted(_TRUTH))
def test_resistances_and_their_errors_are_those_of_impedance_py(circuit: str) -> None:
    from impedance.models.circuits import CustomCircuit

    frequency_Hz = np.logspace(6.5, 0, 53)
    truth = _TRUTH[circuit]
    clean = CustomCircuit(circuit, initial_guess=list(truth)).predict(frequency_Hz, use_initial=True)
    rng = np.random.default_rng(8)
    noise = rng.normal(size=(2, len(clean))) * 0.01
    measured = clean + np.abs(clean) * (noise[0] + 1j * noise[1])

    theirs = CustomCircuit(circuit, initial_guess=[1.1 * value if value > 1 else value for value in truth])
    # Without the scale theirs ends where it began: its parameters differ by twelve orders of magnitude.
    theirs.fit(frequency_Hz, measured, weight_by_modulus=True, x_scale="jac")
    ours = fit_circuit(
        Spectrum(tuple(frequency_Hz), tuple(measured.real), tuple(measured.imag)), circuit=_OURS[circuit]
    )

    ohm, error_ohm = _total(theirs.get_param_names()[0], theirs.parameters_, theirs.conf_)
    assert ours.total.value == pytest.approx(ohm, rel=2e-3)
    if error_ohm is not None:
        assert ours.total.sigma == pytest.approx(error_ohm, rel=0.3)  # theirs rests on numerical derivatives


def _total(names: list[str], values: list[float], errors: list[float]) -> tuple[float, float | None]:
    """Sum of the resistances; its error only where there is one, since theirs come without their correlation."""
    resistances = [(value, error) for name, value, error in zip(names, values, errors, strict=True) if name[0] == "R"]
    return math.fsum(value for value, _ in resistances), resistances[0][1] if len(resistances) == 1 else None
