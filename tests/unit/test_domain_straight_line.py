"""A straight line is the one that numpy's least squares give, with their errors."""

import numpy as np
import pytest

from domain.errors import InvalidValueError
from domain.straight_line import fit_straight_line

X, Y, SIGMA = [1.0, 2.0, 4.0, 5.5], [2.1, 3.9, 8.3, 10.8], [0.1, 0.2, 0.1, 0.4]


def test_it_is_the_weighted_least_squares_of_numpy() -> None:
    line = fit_straight_line(X, Y, SIGMA)
    (slope, intercept), covariance = np.polyfit(X, Y, 1, w=1 / np.array(SIGMA), cov="unscaled")
    assert line.slope == pytest.approx(slope)
    assert line.at(0.0) == pytest.approx(intercept)
    assert line.slope_sigma == pytest.approx(np.sqrt(covariance[0, 0]))
    assert line.sigma_at(0.0) == pytest.approx(np.sqrt(covariance[1, 1]))


def test_points_on_a_line_scatter_not_at_all_and_two_say_nothing_of_it() -> None:
    assert fit_straight_line([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], [1.0] * 3).reduced_chi_square == pytest.approx(0.0)
    two = fit_straight_line([0.0, 1.0], [1.0, 3.0], [1.0] * 2)
    assert (two.reduced_chi_square, two.scatter) == (None, 1.0)


@pytest.mark.parametrize(
    ("x", "sigma", "words"),
    [([1.0, 1.0], [0.1, 0.1], "two places"), ([1.0, 2.0], [0.1, 0.0], "not above 0")],
)
def test_no_line_without_two_places_and_errors(x: list[float], sigma: list[float], words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        fit_straight_line(x, [0.0, 1.0], sigma)
