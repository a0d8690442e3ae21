"""The small curve in a line of the list."""

import re

from hypothesis import given
from hypothesis import strategies as st

from domain.quantity import Scale
from services.dashboard.sparkline import HEIGHT, WIDTH, sparkline
from services.store.standings import BestSoFar


def test_nothing_measured_is_no_curve() -> None:
    assert sparkline((), scale=Scale.IDENTITY, n_rounds=4) == ""


def test_a_better_value_is_a_step_at_its_round() -> None:
    progress = (BestSoFar(0, -1.0), BestSoFar(2, -2.0))
    assert sparkline(progress, scale=Scale.IDENTITY, n_rounds=5) == "M0.0 2.0H50.0V22.0H100.0"


def test_powers_of_ten_are_steps_of_one_height() -> None:
    progress = tuple(BestSoFar(index, 10.0 ** (index - 8)) for index in range(3))
    path = sparkline(progress, scale=Scale.LOG10, n_rounds=3)
    assert [float(y) for y in re.findall(r"V([\d.]+)", path)] == [12.0, 2.0]


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=20), st.sampled_from(list(Scale)), st.integers(1, 40))
def test_every_curve_stays_within_its_picture(values, scale, n_rounds) -> None:
    progress = [BestSoFar(index, value) for index, value in enumerate(values)]
    path = sparkline(progress, scale=scale, n_rounds=n_rounds)
    assert all(0 <= float(y) <= HEIGHT for y in re.findall(r"[V ](-?[\d.]+)", path))
    assert all(0 <= float(x) <= WIDTH for x in re.findall(r"[HM](-?[\d.]+)", path))
