"""Fits against spectra whose resistances are known."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.constants import BOLTZMANN_EV_PER_K
from domain.errors import InvalidValueError, UnreadableFileError
from services.uploads.arrhenius import Point, fit_arrhenius
from services.uploads.impedance import CIRCUITS, Circuit, Spectrum, evaluate, fit_circuit
from services.uploads.kramers_kronig import check_consistency
from services.uploads.spectra import clean, names_spectrum, read_spectra

FREQUENCY_HZ = np.logspace(6.5, -0.5, 50)
OMEGA = 2 * np.pi * FREQUENCY_HZ


@st.composite
def circuits(draw):
    """Arcs that a laboratory could tell apart, with or without an electrode that blocks after the last of them."""
    n_arcs, has_electrode = draw(st.integers(1, 2)), draw(st.booleans())
    log_r = draw(st.floats(4, 11))
    log_time = draw(st.floats(-13.5, -11.5))
    parameters = []
    for index in range(n_arcs):
        parameters += [log_r + index * draw(st.floats(-1, 1)), log_time + index * draw(st.floats(5, 7)), 0.0]
        parameters[-1] = draw(st.floats(0.8, 1.0))
    if has_electrode:
        total = sum(math.exp(value) for value in parameters[::3])
        exponent = draw(st.floats(0.7, 0.95))
        # Its impedance equals the sample's total resistance at about 30 Hz, below the last arc.
        parameters += [-math.log(total) - exponent * math.log(2 * math.pi * 30), exponent]
    return Circuit(has_series=False, n_arcs=n_arcs, has_electrode=has_electrode), np.array(parameters)


def _spectrum(circuit, parameters, *, noise, seed, drift=0.0):
    rng = np.random.default_rng(seed)
    is_resistance = np.array([i % 3 == 0 and i < 3 * circuit.n_arcs for i in range(len(parameters))])
    points = [
        evaluate(circuit, parameters + is_resistance * math.log1p(drift * i / len(OMEGA)), OMEGA[i : i + 1])[0]
        for i in range(len(OMEGA))
    ]
    z = np.array(points) * (1 + noise * (rng.standard_normal(len(OMEGA)) + 1j * rng.standard_normal(len(OMEGA))))
    return Spectrum(tuple(FREQUENCY_HZ), tuple(z.real), tuple(z.imag))


@settings(max_examples=5)
@given(circuits(), st.sampled_from([0.001, 0.003, 0.01]), st.integers(0, 2**32))
def test_known_resistances_are_found_within_three_standard_errors(drawn, noise, seed):
    circuit, parameters = drawn
    fit = fit_circuit(_spectrum(circuit, parameters, noise=noise, seed=seed))
    resistances = np.exp(parameters[: 3 * circuit.n_arcs : 3])
    assert fit.total.value == pytest.approx(resistances.sum(), abs=3 * fit.total.sigma)
    if fit.circuit == circuit:
        assert fit.bulk.value == pytest.approx(resistances[0], abs=3 * fit.bulk.sigma)
    assert fit.total.sigma < 0.1 * fit.total.value


@settings(max_examples=15)
@given(circuits(), st.sampled_from([0.0, 0.001, 0.01]), st.integers(0, 2**32))
def test_spectra_that_can_be_are_believed(drawn, noise, seed):
    assert check_consistency(_spectrum(*drawn, noise=noise, seed=seed)).is_consistent


@settings(max_examples=15)
@given(circuits(), st.integers(0, 2**32))
def test_a_sample_that_drifts_is_noticed(drawn, seed):
    assert not check_consistency(_spectrum(*drawn, noise=0.001, seed=seed, drift=0.5)).is_consistent


@pytest.mark.parametrize("circuit", CIRCUITS, ids=lambda circuit: circuit.title)
def test_derivatives_are_those_of_the_impedance(circuit):
    from services.uploads.impedance import _evaluate

    parameters = np.linspace(0.55, 0.9, circuit.n_parameters)
    omega = np.array([0.3, 1.0, 7.0])
    derivatives = _evaluate(circuit, parameters, omega)[1]
    for index in range(circuit.n_parameters):
        step = np.zeros(circuit.n_parameters)
        step[index] = 1e-6
        slope = (evaluate(circuit, parameters + step, omega) - evaluate(circuit, parameters - step, omega)) / 2e-6
        assert derivatives[:, index] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(
    "header",
    [
        "frequency (Hz),Z' (ohm),Z'' (ohm)",
        "Frequency/Hz,Re(Z)/Ohm,Im(Z)/Ohm",
        "freq;Zreal;Zimag",
        "f [Hz]\tZ' [Ω]\tZ'' [Ω]",
        "Frequency,Z′,Z″",
        "f,Re(Z),-Im(Z)",
        "Frequenz (Hz);Realteil (Ohm);Imaginärteil (Ohm)",
        "freq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm",
        "Freq(Hz),Z'(a),Z''(b)",
        "Freq,Zreal (ohm),Zimag (ohm)",
    ],
)
def test_headers_of_many_instruments_are_known(header):
    delimiter = next(sign for sign in (";", "\t", ",") if sign in header)
    rows = "\n".join(delimiter.join(row) for row in (["1e3", "5", "-3"], ["1e2", "6", "-4"]))
    assert names_spectrum(header)
    (spectrum,) = read_spectra(f"thickness: 1 mm\n{header}\n{rows}").spectra
    assert spectrum.points == ((1000.0, 5.0, -3.0), (100.0, 6.0, -4.0))


MODULUS_AND_PHASE = [(1000.0, 5.0, -3.0), (100.0, 6.0, -4.0)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("freq (Hz),|Z| (ohm),phase (deg)", lambda f, z: (f, abs(z), math.degrees(cmath.phase(z)))),
        ("Frequency,Zmod/kOhm,-Phase(Z)/rad", lambda f, z: (f, abs(z) / 1e3, -cmath.phase(z))),
        ("log(f),Z' (ohm),-Z'' (ohm)", lambda f, z: (math.log10(f), z.real, -z.imag)),
    ],
)
def test_modulus_phase_and_logarithms_are_read(header, row):
    lines = "\n".join(",".join(map(repr, row(f, complex(re, im)))) for f, re, im in MODULUS_AND_PHASE)
    (spectrum,) = read_spectra(f"{header}\n{lines}").spectra
    for point, known in zip(spectrum.points, MODULUS_AND_PHASE, strict=True):
        assert point == pytest.approx(known)


def test_what_german_laboratories_write_above_the_table_is_read():
    text = "# Dicke: 1,20 mm\n# Fläche (cm2): 0,785\nFrequenz;Z';Z'';Temperatur (°C)\n1;2;-3;25\n1;2;-3;60\n"
    found = read_spectra(text)
    assert found.header == {"thickness": "1,20 mm", "area": "0,785 cm2"}
    assert [spectrum.temperature for spectrum in found.spectra] == ["25 °C", "60 °C"]


def test_units_below_the_names_and_lines_that_are_none_are_seen():
    text = (
        "ZCURVE\tTABLE\n\tPt\tFreq\tZreal\tZimag\n\t#\tHz\tkohm\tohm\n\t0\t10\t1\t-3\n\t1\t1\tNaN\t-4\n\t2\t1\t2\t-4\n"
    )
    found = read_spectra(text)
    assert found.spectra[0].points == ((10.0, 1000.0, -3.0), (1.0, 2000.0, -4.0))
    assert found.remarks == ("A line is left out: 'NaN' is no number.",)


def test_units_and_signs_of_spectra_are_read():
    found = read_spectra("f (kHz),Z' (kohm),Z'' (MOhm),T (degC)\n1,2,3e-3,25\n0.5,2,4e-3,25\n1,1,1e-3,45\n")
    assert [spectrum.temperature for spectrum in found.spectra] == ["25 degC", "45 degC"]
    assert found.spectra[0].points == ((1000.0, 2000.0, -3000.0), (500.0, 2000.0, -4000.0))
    assert "taken for -Z''" in found.remarks[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b\n1,2", "No line names"),
        ("frequency,Z'\n1,2", "lacks Z''; its columns are 'frequency', 'Z''"),
        ("f,|Z|,-phase (gon)\n1,2,3", "phase is in 'gon'"),
        ("f;Z';Z''\n1,000,000;1,234;-5,678", "groups of thousands"),
        ("f,Z',Z''\n1,2", "too short"),
        ("f,Z',Z''\n1,nan,2", "no number"),
        ("f (m),Z',Z''\n1,2,3", "column is in"),
        ("f,Z',Z''\n", "no points"),
        ("f,Z',Z''\n" + "1,2,3\n" * 5001, "5000 points"),
    ],
)
def test_what_is_no_spectrum_is_refused(text, problem):
    with pytest.raises(UnreadableFileError, match=problem):
        read_spectra(text)
    with pytest.raises(UnreadableFileError, match="at least 8"):
        clean([(1.0, 1.0, -1.0)] * 20)


@given(st.floats(0.1, 0.8), st.floats(-14, -4), st.integers(0, 2**32), st.booleans())
def test_activation_energy_and_conductivity_are_found(energy_eV, log_conductivity, seed, is_hot):
    rng = np.random.default_rng(seed)
    temperatures = np.linspace(*((330, 430) if is_hot else (280, 380)), 6)
    line = log_conductivity + math.log(298.15) - energy_eV / BOLTZMANN_EV_PER_K * (1 / temperatures - 1 / 298.15)
    values = np.exp(line) / temperatures * np.exp(0.02 * rng.standard_normal(6))
    fit = fit_arrhenius([Point(t, v, 0.02 * v) for t, v in zip(temperatures, values, strict=True)])
    assert fit.activation_energy_eV == pytest.approx(energy_eV, abs=4.5 * fit.activation_energy_sigma_eV)
    known = math.exp(log_conductivity)
    relative = fit.conductivity_sigma_S_per_cm / fit.conductivity_S_per_cm
    assert math.log(fit.conductivity_S_per_cm / known) == pytest.approx(0, abs=4.5 * relative)
    assert fit.is_extrapolated is is_hot


def test_one_temperature_gives_no_activation_energy():
    with pytest.raises(InvalidValueError, match="at least two temperatures"):
        fit_arrhenius([Point(300, 1e-4, 1e-6)] * 3)


def test_what_all_points_share_is_added_once():
    points = [Point(t, math.exp(-4000 / t) / t, 1e-3 * math.exp(-4000 / t) / t) for t in range(280, 380, 10)]
    alone, shared = fit_arrhenius(points), fit_arrhenius(points, shared_relative=0.14)
    assert shared.conductivity_S_per_cm == alone.conductivity_S_per_cm
    assert shared.activation_energy_sigma_eV == alone.activation_energy_sigma_eV
    assert shared.conductivity_sigma_S_per_cm / shared.conductivity_S_per_cm == pytest.approx(0.14, rel=1e-3)
