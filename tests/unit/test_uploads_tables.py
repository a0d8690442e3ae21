"""Numbers, formulas, cells and tables as laboratories write them."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ImpossibleCellError, InvalidValueError, UnreadableFileError
from domain.measurement import Censoring
from domain.space_groups import CellShape
from services.spreadsheets import harmless_cell
from services.uploads.cells import exact_cell
from services.uploads.dimensions import area_cm2, length_cm
from services.uploads.formulas import amounts_of, whole_counts
from services.uploads.tables import parse_number, read_csv
from services.uploads.written import Written, read_sigma, read_written


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.2e-4", 1.2e-4), ("1,2E-4", 1.2e-4), ("1.2×10⁻⁴", 1.2e-4), ("−2.3", -2.3), (" .5 ", 0.5), ("3 x 10^-7", 3e-7)],
)
def test_numbers_are_read_as_people_write_them(text, value):
    assert parse_number(text).value == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e999", "9" * 5000, "1e-5 S", "0x10", "1_0", "=1", "٣"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(InvalidValueError, match="number"):
        parse_number(text)


def test_limits_and_uncertainties_are_read_from_the_number():
    assert parse_number("<1E-10").censoring is Censoring.BELOW
    assert parse_number("≥ 3").censoring is Censoring.ABOVE
    assert parse_number("1.23(4)e-5").sigma == pytest.approx(4e-7)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2.6 g/cm3", Written("2.6", "", "g/cm3")),
        ("1,2e-4 S/cm", Written("1,2e-4", "", "S/cm")),
        ("2.6 ± 0.1", Written("2.6", "0.1")),
        ("−3.2+/-0.1 eV/atom", Written("-3.2", "0.1", "eV/atom")),
        ("(1.2 ± 0.3) × 10⁻⁴ S·cm⁻¹", Written("1.2e-4", "0.3e-4", "S·cm-1")),
        ("5.43(2) g/cm³", Written("5.43", "0.02", "g/cm3")),
        ("< 1e-9 S/cm", Written("<1e-9", "", "S/cm")),
        ("0,123", Written("0,123")),
        ("1234,5", Written("1234,5")),
    ],
)
def test_a_number_is_taken_apart_from_what_was_pasted_with_it(text, written):
    assert read_written(text) == written


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("about 3", "cannot be read as one number"),
        ("1.5-2.5", "cannot be read as one number"),
        ("(2.6 ± 0.1", "cannot be read as one number"),
        ("1.2 ± 0.3 × 10⁻⁴", "not clear whether the power of ten is that of both"),
        ("5.43(2) ± 0.1", "the uncertainty twice"),
        ("1,234 S/cm", "'1,234' may be 1.234 or 1234"),
        ("1.2 ± 1,000", "'1,000' may be 1.000 or 1000"),
        ("1.234,5", "is no number"),
    ],
)
def test_what_may_be_read_in_two_ways_is_not_guessed(text, problem):
    with pytest.raises(InvalidValueError, match=re.escape(problem)):
        read_written(text)


def test_a_standard_deviation_may_repeat_its_unit():
    assert read_sigma("± 0,1 g/cm3") == Written("0,1", "", "g/cm3")
    with pytest.raises(InvalidValueError, match="is no standard deviation"):
        read_sigma("< 0.1")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["<{0}1{0}(", "1{0}!", "{0}(1{0}±{0}1{0})({0}"])
def test_runs_of_spaces_are_refused_without_trying_every_way_to_share_them_out(text):
    """Of this length the pattern alone would need hours, and that of a form's 200 characters a second."""
    with pytest.raises(InvalidValueError, match="cannot be read as one number"):
        read_written(text.format(" " * 10_000))


def test_any_white_space_stands_between_the_parts():
    assert read_written("1.2\u00a0±  0.3\tmS\u202fcm-1") == Written("1.2", "0.3", "mS cm-1")


@given(st.text(alphabet="0123456789.,eE+-±()×^<> S/cm⁻⁴", max_size=24))
def test_whatever_is_pasted_is_read_or_refused(text):
    try:
        found = read_written(text)
    except InvalidValueError:
        return
    assert math.isfinite(parse_number(found.value).value)
    assert not found.sigma or math.isfinite(parse_number(found.sigma).value)


@pytest.mark.parametrize(
    ("text", "safe"),
    [("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-2.3", "-2.3"), ("+1e-4", "+1e-4"), ("-cmd", "'-cmd"), ("a", "a")],
)
def test_formulas_are_neutralised_and_numbers_are_not(text, safe):
    assert harmless_cell(text) == safe
    assert read_csv(f'x\n"{safe}"').rows[0][1]["x"] == text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_are_read_whatever_separates_their_cells(delimiter):
    sheet = read_csv(f"\ufeffa{delimiter}b\n1{delimiter}2\n\n3{delimiter}4\n".removeprefix("\ufeff"))
    assert sheet.columns == ("a", "b")
    assert sheet.rows == ((1, {"a": "1", "b": "2"}), (3, {"a": "3", "b": "4"}))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("a,A\n1,2", "two columns 'a'"),
        ("a\n" + "1\n" * 5001, "more than 5000 rows"),
        (",".join(map(str, range(300))), "300 columns"),
        ("a\n" + "x" * 5000, "5000 characters"),
        ('a\n"' + "x" * 200_000, "cannot be read"),
    ],
)
def test_tables_that_are_none_are_refused(text, problem):
    with pytest.raises(UnreadableFileError, match=problem):
        read_csv(text)


def test_formulas_are_read():
    assert amounts_of("Li1.3Al0.3Ti1.7(PO4)3") == {"Al": 0.3, "Li": 1.3, "O": 12.0, "P": 3.0, "Ti": 1.7}
    assert whole_counts(amounts_of("Li₇La₃Zr₂O₁₂")) == {"La": 3, "Li": 7, "O": 12, "Zr": 2}
    assert whole_counts(amounts_of("Li0.5CoO2")) is None


@pytest.mark.parametrize("text", ["", "Xx2", "Li)", "((((((Li", "Li(", "li", "Li" * 200, "=Li"])
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(InvalidValueError, match=r"formula|symbol"):
        amounts_of(text)


def test_geometry_comes_with_its_uncertainty():
    assert length_cm("1.20(5) mm").value == pytest.approx(0.12)
    assert length_cm("1.20(5) mm").relative == pytest.approx(0.05 / 1.2)
    assert area_cm2("78.5 ± 0.5 mm2").sigma == pytest.approx(0.005)


@pytest.mark.parametrize("text", ["", "1.2", "1.2 kg", "-1 mm", "1 ± 2 mm", "nan mm"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(InvalidValueError, match=r"needs a number and a unit|cannot be|no number"):
        length_cm(text)


def test_published_cells_are_made_exact():
    assert exact_cell(CellShape.CUBIC, (12.97, 12.971, 12.97), (90, 90, 90)).lengths == (12.9703,) * 3
    with pytest.raises(ImpossibleCellError, match="not hexagonal"):
        exact_cell(CellShape.HEXAGONAL, (8.5, 8.5, 20.8), (90, 90, 90))
