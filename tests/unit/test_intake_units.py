"""Units at the door: as people write them, with their temperature, and what looks like a mistake."""

from dataclasses import replace

import pytest

from domain.errors import InvalidValueError
from domain.measurement import Censoring
from domain.quantity import QUANTITIES
from services.intake.crystals import read_crystal
from services.intake.remarks import RemarkKind, remarks_on
from services.intake.testing import example_measurement
from services.intake.units import convert, read_temperature_K, temperature_K

CONDUCTIVITY = QUANTITIES["ionic_conductivity"]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("S/cm", 1.0),
        ("S cm-1", 1.0),
        ("S cm^-1", 1.0),
        ("S·cm⁻¹", 1.0),
        ("mS cm-1", 1e-3),
        ("Ω-1 cm-1", 1.0),
        ("ohm^-1 cm^-1", 1.0),
        ("S/m", 1e-2),
        ("µS/cm", 1e-6),
    ],
)
def test_conductivities_are_understood_as_they_are_written(unit: str, factor: float) -> None:
    handed_in = replace(example_measurement(2.0, unit), sigma=0.5, censoring=Censoring.BELOW)
    kept = convert(handed_in, CONDUCTIVITY)
    assert kept.value == pytest.approx(2.0 * factor, rel=1e-12)
    assert kept.sigma == pytest.approx(0.5 * factor, rel=1e-12)
    assert (kept.unit, kept.censoring) == ("S/cm", Censoring.BELOW)


@pytest.mark.parametrize(("unit", "factor"), [("eV/atom", 1.0), ("eV atom-1", 1.0), ("meV/atom", 1e-3)])
def test_energies_per_atom_are_understood(unit: str, factor: float) -> None:
    assert convert(example_measurement(-2.0, unit), QUANTITIES["formation_energy"]).value == pytest.approx(-2 * factor)


@pytest.mark.parametrize("unit", ["S", "S cm", "cm-1", "S/cm/s", "S cm--1", "S cm-99999", "", "1/cm", "S cm-1-1"])
def test_what_is_no_conductivity_is_refused(unit: str) -> None:
    with pytest.raises(InvalidValueError, match=r"S/cm was expected"):
        convert(example_measurement(1.0, unit), CONDUCTIVITY)


@pytest.mark.parametrize(
    ("text", "kelvin"),
    [
        ("25 degC", 298.15),
        ("25°C", 298.15),
        (" -40.5 °C ", 232.65),
        ("298.15 K", 298.15),
        ("3e2 K", 300.0),
        ("77 degF", 298.15),
        ("25 celsius", 298.15),
    ],
)
def test_temperatures_carry_their_unit(text: str, kelvin: float) -> None:
    assert read_temperature_K(text) == kelvin


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("25", "25 has no unit"),
        ("25 C", "'C' is no unit of temperature"),
        ("25 delta_degC", "is no unit of temperature"),
        ("room temperature", "is no temperature"),
        ("-300 degC", "-300 degC is impossible"),
        ("0 K", "0 K is impossible"),
        ("1e999 K", "inf K is impossible"),
        ("nan K", "is no temperature"),
    ],
)
def test_other_temperatures_are_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        read_temperature_K(text)


def test_a_temperature_from_a_column_takes_the_unit_of_its_head() -> None:
    assert temperature_K(25.0, "degC") == 298.15


def test_what_looks_like_a_mistake_is_remarked_on() -> None:
    usual = replace(example_measurement(1e-4, "S/cm"), sigma=1e-5, temperature_K=298.15)
    assert remarks_on(usual, CONDUCTIVITY) == ()
    odd = {
        RemarkKind.VALUE: replace(usual, value=12.0),
        RemarkKind.SIGMA: replace(usual, sigma=1e-3),
        RemarkKind.TEMPERATURE: replace(usual, temperature_K=25.0),
        RemarkKind.TEMPERATURE_MISSING: replace(usual, temperature_K=None),
    }
    for kind, measurement in odd.items():
        (remark,) = remarks_on(measurement, CONDUCTIVITY)
        assert remark.kind is kind
    (hot,) = remarks_on(replace(usual, temperature_K=2500.0), CONDUCTIVITY)
    assert hot.message == "A temperature of 2500 K is unusually high."
    energy = replace(example_measurement(-0.01), sigma=0.5)
    assert remarks_on(energy, QUANTITIES["formation_energy"]) == ()


def test_a_crystal_is_read_from_one_line() -> None:
    cube = read_crystal("Li4Cl4", 225, "5.13")
    assert cube.title == "LiCl (Fm-3m)"
    assert cube == read_crystal("Cl4 Li4", 225, "5.13, 5.13, 5.13, 90 90 90")
    for composition, cell, problem in (
        ("4Li", "5", "is no composition"),
        ("Li4Cl4", "5 5", "is no cell"),
        ("Li4Cl4", "five", "is no cell"),
        ("Li4Cl4", "5 5 6 90 90 90", "is not cubic"),
    ):
        with pytest.raises(InvalidValueError, match=problem):
            read_crystal(composition, 225, cell)
