"""Samples that conduct less than a window shows: no lead, no capacitance and no noise makes conductors of them."""

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.measurement import Censoring
from domain.parsing import parse
from services.store.examples import bench
from services.store.uploads import RowState
from services.uploads.conductivity import check_series, check_spectrum
from services.uploads.entries import Entry
from services.uploads.intent import laboratory_intent
from services.uploads.spectra import fit_task
from services.uploads.testing import conductor_campaign

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CELLS = {"query": "1", "thickness": "1.2 mm", "area": "0.785 cm2", "temperature": "25 degC"}
CELL_CONSTANT_PER_CM = 0.12 / 0.785
N_POINTS = 25


@pytest.fixture(scope="module")
def intent(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("insulators")
    with bench(f"sqlite:///{folder}/store.sqlite3") as opened:
        yield laboratory_intent(opened.store, conductor_campaign(opened.store))


def spectrum(*, ohm, farad, lead_ohm=0.0, highest_Hz=1e6, lowest_Hz=100.0, exponent=1.0, noise=0.003, seed=0):
    rng = np.random.default_rng(seed)
    frequency = np.logspace(math.log10(highest_Hz), math.log10(lowest_Hz), N_POINTS)
    z = lead_ohm + ohm / (1 + (2j * np.pi * frequency * ohm * farad) ** exponent)
    z *= 1 + noise * (rng.standard_normal(N_POINTS) + 1j * rng.standard_normal(N_POINTS))
    return {"points": np.column_stack([frequency, z.real, z.imag]).tolist()}


def checked(intent, points, **cells):
    return check_spectrum({**CELLS, **cells}, fit_task(points), intent, is_part=False, now=NOW)


@settings(max_examples=3)
@given(
    log_ohm=st.floats(7, 13),
    log_farad=st.floats(-12, -9),
    lead_ohm=st.sampled_from([0.0, 1.0, 50.0, 200.0]),
    log_highest=st.floats(5, 7),
    log_lowest=st.floats(-1, 3.5),
    exponent=st.floats(0.9, 1.0),
    seed=st.integers(0, 2**32),
)
@example(10, -10, 50.0, 6, 2, 1.0, 0)
@example(9, -9, 50.0, 6, 2, 1.0, 0)
@example(10, -11, 0.0, 6, 2, 0.9, 0)
def test_no_insulator_is_accepted_as_a_conductor(  # noqa: PLR0917 - what is drawn
    intent, log_ohm, log_farad, lead_ohm, log_highest, log_lowest, exponent, seed
):
    points = spectrum(
        ohm=10**log_ohm,
        farad=10**log_farad,
        lead_ohm=lead_ohm,
        highest_Hz=10**log_highest,
        lowest_Hz=10**log_lowest,
        exponent=exponent,
        seed=seed,
    )
    found = checked(intent, points)
    known = CELL_CONSTANT_PER_CM / 10**log_ohm
    if found.entry is None:
        return
    reading = found.entry.reading
    if reading.censoring is Censoring.BELOW:
        assert found.state is RowState.SUSPICIOUS
        assert known <= reading.value
    elif found.state is not RowState.SUSPICIOUS:
        # Of many draws a few lie beyond three standard errors by chance.
        assert reading.value == pytest.approx(known, abs=max(3 * reading.sigma, 0.02 * known))


def test_a_spectrum_that_never_closes_gives_a_limit_and_says_why(intent):
    found = checked(intent, spectrum(ohm=1e10, farad=1e-10, lead_ohm=50))
    reading = found.entry.reading
    # The modulus at the lowest frequency is 1 / (2π · 100 Hz · 0.1 nF) = 16 MΩ.
    assert reading.value == pytest.approx(CELL_CONSTANT_PER_CM * 2 * math.pi * 100 * 1e-10, rel=0.05)
    assert (reading.censoring, reading.sigma) == (Censoring.BELOW, None)
    assert "does not close in this window, so only a limit can be said" in found.remarks[0]


def test_a_resistance_that_leaves_no_trace_is_unknown(intent):
    # Electrodes of 1 µF before which a sample of a hundredth of an ohm is not seen.
    found = checked(intent, spectrum(ohm=1e12, farad=1e-6, lead_ohm=0.01, highest_Hz=1e3, lowest_Hz=1))
    assert found.state is RowState.REFUSED
    assert "cannot be told from none" in found.remarks[0]


def test_leads_before_the_bulk_are_doubted(intent):
    points = spectrum(ohm=500, farad=2e-12, lead_ohm=60, highest_Hz=1e9, lowest_Hz=1e5)
    assert "stand before the arc of the bulk" in " ".join(checked(intent, points, use="total").remarks)


def test_limits_are_no_points_of_a_line(intent):
    shapes = [(25, 1e10, 1e-10), (60, 2e5, 1e-11), (90, 1e5, 1e-11)]
    rows = []
    for number, (celsius, ohm, farad) in enumerate(shapes, start=1):
        fit = fit_task(spectrum(ohm=ohm, farad=farad, lead_ohm=1.0, highest_Hz=1e7, lowest_Hz=100))
        cells = {**CELLS, "temperature": f"{celsius} degC", "thickness": "1.20 ± 0.12 mm"}
        rows.append(check_spectrum(cells, fit, intent, is_part=True, now=NOW).row(number, {}))
    series, line = check_series({"query": "1"}, rows, intent, now=NOW)
    assert len(line["points"]) == 2
    assert "they give only a limit" in " ".join(series.remarks)
    reading = parse(Entry, rows[1].understood, what="A row").reading
    assert reading.sigma / reading.value == pytest.approx(0.1, rel=0.02)
