"""What a corrected result means: no number is taken for one in another unit."""

from dataclasses import replace

import pytest

from domain.errors import InvalidValueError
from domain.quantity import quantity
from services.dashboard.written_result import WrittenResult

CONDUCTIVITY = quantity("ionic_conductivity")
KEPT = WrittenResult(value="0.00025", unit="S/cm", sigma="1e-05", temperature="298.15", temperature_unit="K")


@pytest.mark.parametrize(
    "changes", [{"value": "0.26 mS/cm"}, {"value": "0.26", "unit": "mS/cm"}, {"value": "0.26 mS/cm", "unit": "mS/cm"}]
)
def test_a_correction_in_another_unit_does_not_keep_the_old_standard_deviation(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match=r"1e-05, is in S\scm⁻¹, the value now in mS\scm⁻¹.*Say the standard"):
        replace(KEPT, **changes).sorted_out(CONDUCTIVITY, KEPT)


@pytest.mark.parametrize(
    ("changes", "sigma"),
    [
        ({"value": "0.26 mS/cm", "sigma": "0.01"}, "0.01"),
        ({"value": "0.26 ± 0.01 mS/cm"}, "0.01"),
        ({"value": "0.26 mS/cm", "sigma": "1e-05 mS/cm"}, "1e-05"),
        ({"value": "0.26 mS/cm", "sigma": ""}, ""),
        ({"unit": "mS/cm"}, "1e-05"),  # both numbers stand; it was their unit that was wrong
    ],
)
def test_a_standard_deviation_that_was_said_anew_is_taken(changes: dict[str, str], sigma: str) -> None:
    found = replace(KEPT, **changes).sorted_out(CONDUCTIVITY, KEPT)
    assert (found.unit, found.sigma) == ("mS/cm", sigma)


def test_a_correction_in_the_same_unit_keeps_it() -> None:
    found = replace(KEPT, value="2.6e-4 S/cm").sorted_out(CONDUCTIVITY, KEPT)
    assert (found.value, found.unit, found.sigma) == ("2.6e-4", "S/cm", "1e-05")
