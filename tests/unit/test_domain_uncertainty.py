"""From where to where a value is expected."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quantity import Scale
from domain.uncertainty import believed_interval, log_deviation, measured_interval

POSITIVE = st.floats(1e-25, 1e5)
FACTORS = st.floats(1.001, 1e6)


@given(median=POSITIVE, factor=FACTORS)
def test_the_interval_of_a_belief_is_found_again_from_its_half_width(median: float, factor: float) -> None:
    half_width = (median * factor - median / factor) / 2
    found = believed_interval(median, half_width, Scale.LOG10)
    assert found.low == pytest.approx(median / factor, rel=1e-9)
    assert found.high == pytest.approx(median * factor, rel=1e-9)
    assert log_deviation(median, half_width) == pytest.approx(math.log10(factor), rel=1e-9)


@given(value=POSITIVE, ratio=st.floats(1e-6, 1e4))
def test_no_interval_of_a_logarithmic_scale_leaves_it(value: float, ratio: float) -> None:
    for interval_of in (believed_interval, measured_interval):
        found = interval_of(value, ratio * value, Scale.LOG10)
        assert 0 < found.low < value < found.high < math.inf


@given(value=st.floats(-1e6, 1e6), sigma=st.floats(0, 1e6), sign=st.sampled_from((-1, 1)))
def test_on_a_linear_scale_the_promise_is_one_deviation_worse(value: float, sigma: float, sign: int) -> None:
    for interval_of in (believed_interval, measured_interval):
        assert interval_of(value, sigma, Scale.IDENTITY).worse(sign) == value - sign * sigma


@given(value=POSITIVE, ratio=st.floats(1e-6, 0.1))
def test_small_errors_are_told_alike(value: float, ratio: float) -> None:
    believed, measured = (of(value, ratio * value, Scale.LOG10) for of in (believed_interval, measured_interval))
    assert believed.high == pytest.approx(measured.high, rel=2e-3)
    assert believed.high == pytest.approx(value + ratio * value, rel=6e-3)
