"""Raw impedance spectra of a known circuit are handed in: what enters is the conductivity that was put into them."""

import csv
import io
import math
import re

import numpy as np
import pytest
from playwright.sync_api import Page
from support.journeys import group_campaign, start
from support.real_service import RealService
from support.stories import facts

from domain.constants import BOLTZMANN_EV_PER_K, ROOM_K
from services.store.records import MeasurementRecord, QueryRecord

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

NAME = "pellets"
SPEC = f"""
name: {NAME}
objective: {{ quantity: ionic_conductivity, goal: maximize }}
space:
  elements: [Li, Cl, Br]
  space_groups: [221, 225]
  max_atoms: 12
ladder:
  - {{ name: pellet, oracle: laboratory, cost: 20, settings: {{ quantity: ionic_conductivity }} }}
budget: {{ total: 40, per_round: 40 }}
initial_looks: {{ pellet: 2 }}
max_rounds: 1
pool_size: 64
generator: {{ name: uniform }}
"""
THICKNESS_CM, AREA_CM2 = 0.12, 0.785
GRAIN_OHM, BOUNDARY_OHM = 100.0, 400.0
"""At room temperature, one after the other."""
CONDUCTIVITY_S_PER_CM = THICKNESS_CM / (AREA_CM2 * (GRAIN_OHM + BOUNDARY_OHM))
ACTIVATION_ENERGY_EV = 0.25
NOISE = 0.003
POINTS_OF = (
    """canvas => Object.fromEntries(canvas.data.map(({ name, x, y }) => [name, [...x].map((_, i) => [x[i], y[i]])]))"""
)
"""What Plotly has drawn: the points of each trace."""


def constant_phase(frequency_Hz: np.ndarray, *, admittance: float, exponent: float) -> np.ndarray:
    return 1 / (admittance * (2j * math.pi * frequency_Hz) ** exponent)


def impedance(temperature_K: float, random: np.random.Generator) -> list[tuple[float, float, float]]:
    """R-(R‖CPE)-CPE whose conductivity is thermally activated, with noise: frequency, Z′ and -Z″."""
    inverse = 1 / temperature_K - 1 / ROOM_K
    slowed = temperature_K / ROOM_K * math.exp(ACTIVATION_ENERGY_EV / BOLTZMANN_EV_PER_K * inverse)
    frequency = np.logspace(6.5, 0, 40)
    boundary = constant_phase(frequency, admittance=1e-8, exponent=0.92)
    electrode = constant_phase(frequency, admittance=1e-5, exponent=0.88)
    exact = GRAIN_OHM * slowed + 1 / (1 / (BOUNDARY_OHM * slowed) + 1 / boundary) + electrode
    noise = random.standard_normal(exact.shape) + 1j * random.standard_normal(exact.shape)
    seen = exact + NOISE * abs(exact) * noise
    return list(zip(frequency.tolist(), seen.real.tolist(), (-seen.imag).tolist(), strict=True))


def as_csv(celsius: list[float], *, seed: int) -> bytes:
    """A file as an instrument's program writes it, with the pellet's size above the table."""
    random = np.random.default_rng(seed)
    text = io.StringIO(newline="")
    text.write("# thickness: 1.20 ± 0.02 mm\n# area: 0.785(5) cm2\n")
    table = csv.writer(text)
    table.writerow(["frequency (Hz)", "Z' (ohm)", "-Z'' (ohm)", "temperature (degC)"])
    for temperature in celsius:
        table.writerows(
            [f"{value:.6g}" for value in point] + [temperature] for point in impedance(temperature + 273.15, random)
        )
    return text.getvalue().encode()


def hand_in(page: Page, query: QueryRecord, name: str, content: bytes) -> None:
    page.goto(f"/laboratory/queries/{query.id}")
    page.get_by_role("link", name="Hand in a spectrum").click()
    page.locator("[name=file]").first.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url("**/uploads/*")


def drawn(page: Page, figure: str) -> dict[str, np.ndarray]:
    """The points of each trace of a figure, as soon as it is drawn."""
    canvas = page.locator(f"[data-figure*='{figure}'][data-points]")
    canvas.wait_for()
    return {name: np.array(points) for name, points in canvas.evaluate(POINTS_OF).items()}


def enter(page: Page, service: RealService, query: QueryRecord) -> MeasurementRecord:
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Everything has entered").wait_for()
    (record,) = service.store.measurements.of_query(query.id)
    return record


@pytest.fixture(scope="module")
def asked(service: RealService) -> tuple[QueryRecord, ...]:
    """The samples that the campaign asks the laboratory for."""
    campaign = group_campaign(service, SPEC)
    return start(service, campaign, n_asked=2)


def test_a_spectrum_becomes_a_conductivity(sign_in, service: RealService, asked) -> None:
    page = sign_in("laboratory")
    hand_in(page, asked[0], "pellet.csv", as_csv([25.0], seed=4))
    seen = drawn(page, "nyquist")
    assert np.abs(seen["fitted"] - seen["measured"]).max() < 0.05 * np.abs(seen["measured"]).max()
    assert (
        np.abs(np.concatenate([drawn(page, "residuals")[f"fit, Z{each}"][:, 1] for each in "′″"])).max()
        < 5 * 100 * NOISE
    )

    page.get_by_label("Lowest frequency").fill("100 Hz")
    page.get_by_role("button", name="Fit again").click()
    page.wait_for_url("**/rows/1")
    narrowed = drawn(page, "nyquist")
    assert len(narrowed["not fitted"]) > 0
    assert len(narrowed["fitted"]) + len(narrowed["not fitted"]) == len(seen["measured"])
    assert narrowed["total resistance"][0, 0] == pytest.approx(GRAIN_OHM + BOUNDARY_OHM, rel=0.02)

    measurement = enter(page, service, asked[0]).measurement
    assert measurement.sigma is not None
    assert abs(measurement.value - CONDUCTIVITY_S_PER_CM) < measurement.sigma < 0.03 * CONDUCTIVITY_S_PER_CM
    assert measurement.temperature_K == pytest.approx(298.15)


def test_a_series_becomes_a_line_over_temperature(sign_in, service: RealService, asked) -> None:
    page = sign_in("laboratory")
    hand_in(page, asked[1], "series.csv", as_csv([15.0, 25.0, 40.0, 55.0], seed=5))
    line = drawn(page, "arrhenius")
    slope = np.polyfit(line["line"][:, 0] / 1000, np.log(line["line"][:, 1]), 1)[0]
    assert -slope * BOLTZMANN_EV_PER_K == pytest.approx(ACTIVATION_ENERGY_EV, abs=0.01)
    assert len(line["measured"]) == 4
    told = re.match(r"[\d.]+", facts(page)["Activation energy"])
    assert float(told[0]) == pytest.approx(ACTIVATION_ENERGY_EV, abs=0.01)

    measurement = enter(page, service, asked[1]).measurement
    assert abs(measurement.value - CONDUCTIVITY_S_PER_CM) < measurement.sigma
    found = measurement.details["arrhenius"]
    assert abs(found["activation_energy_eV"] - ACTIVATION_ENERGY_EV) < 3 * found["activation_energy_sigma_eV"]
    assert found["activation_energy_sigma_eV"] < 0.003
