"""Numbers as pages write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.measurement import Censoring
from domain.quantity import Scale
from services.dashboard import words


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (1.23456, "1.235"), (-0.0123, "−0.01230"), (123456.7, "123457"), (1.5e-7, "1.5 × 10⁻⁷"), (None, "–")],
)
def test_numbers_have_four_digits_and_powers_where_those_are_shorter(value, shown) -> None:
    assert words.number(value) == shown


@pytest.mark.parametrize(
    ("value", "sigma", "shown"),
    [
        (-2.34567, 0.0123, "−2.346 ± 0.012 eV/atom"),
        (-2.3, None, "−2.300 eV/atom"),
        (1.275e-4, 2.3e-6, "(1.275 ± 0.023) × 10⁻⁴ eV/atom"),
        (120.0, 35.0, "120 ± 35 eV/atom"),
    ],
)
def test_a_value_ends_where_its_uncertainty_ends(value, sigma, shown) -> None:
    assert words.quantity(value, "eV/atom", sigma=sigma) == shown


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [
        (1.2e-4, 1e-5, "(1.20 ± 0.10) × 10⁻⁴ S\u00a0cm⁻¹"),
        (1.2e-4, 1.4e-4, "1.2 (0.44 to 3.2) × 10⁻⁴ S\u00a0cm⁻¹"),
        (1.2e-4, 1.2e-2, "1.2 × 10⁻⁴ (6 × 10⁻⁷ to 0.024) S\u00a0cm⁻¹"),
        (0.5, 0.9, "0.50 (0.13 to 1.9) S\u00a0cm⁻¹"),
        (1e-12, 1.0, "1 × 10⁻¹² (to more than a factor of a million) S\u00a0cm⁻¹"),
        (1e-4, None, "1 × 10⁻⁴ S\u00a0cm⁻¹"),
    ],
)
def test_what_is_known_only_to_a_factor_is_told_as_an_interval(value, sd, shown) -> None:
    assert words.believed(value, "S/cm", sd=sd) == shown


def test_a_measurement_of_a_logarithmic_scale_is_told_likewise_and_others_are_not() -> None:
    assert words.quantity(1e-4, "S/cm", sigma=1.38e-4) == "1.0 (0.25 to 4.0) × 10⁻⁴ S\u00a0cm⁻¹"
    assert words.quantity(1e-4, "eV/atom", sigma=1.38e-4) == "(1.0 ± 1.4) × 10⁻⁴ eV/atom"
    assert words.quantity(1e-4, "", sigma=1.38e-4, scale=Scale.LOG10) == "1.0 (0.25 to 4.0) × 10⁻⁴"


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0 EUR"), (0.001, "0.001000 EUR"), (12.5, "12.5 EUR"), (-12345.6, "−12,345.6 EUR")]
)
def test_what_costs_little_is_not_free(value, shown) -> None:
    assert words.amount(value, "EUR") == shown


def test_a_bound_is_written_as_one() -> None:
    assert words.quantity(1e-10, "S/cm", censoring=Censoring.BELOW) == "< 1 × 10⁻¹⁰ S\u00a0cm⁻¹"


@given(
    st.floats(-1e12, 1e12).filter(lambda value: abs(value) > 1e-12),
    st.none() | st.floats(1e-15, 1e12),
)
def test_every_value_can_be_written_and_read(value, sigma) -> None:
    shown = words.quantity(value, "", sigma=sigma).replace("−", "-").strip("()")
    first = float(shown.split()[0])
    powers = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    scale = 10.0 ** int(shown.rpartition("× 10")[2].translate(powers)) if "×" in shown else 1.0
    assert math.isclose(first * scale, value, rel_tol=1e-3, abs_tol=sigma or 0.0)


@pytest.mark.parametrize(("seconds", "shown"), [(1.5, "1.5 s"), (150, "2.5 min"), (9000, "2.5 h"), (2e5, "2.31 d")])
def test_durations_are_told_in_the_unit_that_fits(seconds, shown) -> None:
    assert words.duration(seconds) == shown
