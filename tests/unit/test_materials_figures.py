"""What figures show, on a store filled by hand."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.measurement import Censoring
from services.intake import record_amendment, record_measurement, retract
from services.intake.testing import claim, example_measurement
from services.reports.agreement import Z_95, calibration, compared, predictions
from services.reports.campaign_data import CampaignData
from services.reports.figure import MOST_POINTS, thinned
from services.reports.figures import Plot, draw
from services.reports.spending import best_curves, spent_by_round
from services.store import Store
from services.store.examples import bench, example_pick, open_example
from services.store.records import MeasurementRecord, QueryRecord


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with bench(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        yield opened.store


def measure(store: Store, query: QueryRecord, value: float, censoring: Censoring = Censoring.NONE) -> MeasurementRecord:
    measured = replace(example_measurement(value), censoring=censoring)
    return record_measurement(store, query.id, fence=claim(store, query).fence, measurement=measured)


def read(store: Store) -> CampaignData:
    return CampaignData(store, store.campaigns.get("example"))


def test_predictions_are_those_of_the_target_that_were_measured_exactly(store: Store) -> None:
    _, _, (cheap, target, bound) = open_example(
        store, [example_pick(1), example_pick(1, "lab"), example_pick(2, "lab")]
    )
    measure(store, cheap, -1.0)
    measure(store, target, -1.4)
    measure(store, bound, -2.0, Censoring.BELOW)
    (found,) = predictions(read(store))
    assert (found.mean, found.measured, found.deviations) == (-1.0, -1.4, pytest.approx(-2.0))
    assert (found.low, found.high) == (pytest.approx(-1 - 0.2 * Z_95), pytest.approx(-1 + 0.2 * Z_95))
    inside = dict(calibration([found]))
    assert (inside[0.95], inside[0.05]) == (0.0, 0.0)
    assert dict(calibration([replace(found, deviations=1.0)]))[0.7] == 1.0
    assert calibration([]) == []


def test_neighbouring_fidelities_are_compared_on_what_both_saw(store: Store) -> None:
    picks = [example_pick(number, fidelity) for number in range(4) for fidelity in ("static", "dft")]
    queries = open_example(store, picks)[2]
    for query in queries[:6]:
        measure(store, query, -1.0 - query.candidate_id if query.fidelity == "static" else -2.0 - query.candidate_id)
    measure(store, queries[6], -9.0)
    lower, upper = compared(read(store))
    assert (lower.lower, lower.upper, len(lower.points)) == ("static", "dft", 3)
    assert (lower.rank_correlation, lower.bias, lower.scatter) == (1.0, -1.0, 0.0)
    assert (upper.points, upper.rank_correlation, upper.bias) == ((), None, None)


def test_corrected_values_count_as_corrected_and_retracted_ones_not_at_all(store: Store) -> None:
    _, _, (one, other) = open_example(store, [example_pick(1), example_pick(2)])
    wrong = measure(store, one, -9.0)
    gone = measure(store, other, -2.0)
    record_amendment(store, wrong.id, measurement=example_measurement(-1.0), reason="a typing error", worker="ann")
    retract(store, gone.id, reason="another sample", worker="ann")
    curve = best_curves(read(store))["static"]
    assert [(point.spent, point.best) for point in curve] == [(pytest.approx(1.1), -1.0)]
    assert spent_by_round(read(store)) == {0: {"static": pytest.approx(2.2)}}
    coverage = draw(store, store.campaigns.get("example"), Plot.COVERAGE)
    assert coverage.layout["meta"] == {"n_crystals": 1, "n_space_groups": 1, "n_elements": 2}


@pytest.mark.parametrize("plot", Plot)
def test_a_campaign_without_a_single_look_has_every_figure(store: Store, plot: Plot) -> None:
    open_example(store, [example_pick(1)])
    figure = draw(store, store.campaigns.get("example"), plot)
    assert figure.layout["title"]


@given(st.lists(st.integers(), max_size=300), st.integers(2, 50))
def test_thinning_keeps_order_and_both_ends(items: list[int], most: int) -> None:
    places = list(range(len(items)))
    kept = thinned(places, most)
    assert len(kept) == min(len(items), most)
    assert kept == sorted(set(kept))
    assert not places or (kept[0], kept[-1]) == (places[0], places[-1])


@given(st.lists(st.tuples(st.integers(), st.integers()), max_size=200), st.integers(6, 40))
def test_thinning_keeps_the_extremes(points: list[tuple[int, int]], most: int) -> None:
    kept = thinned(points, most, extremes=(lambda point: point[0], lambda point: point[1]))
    assert len(kept) <= most
    for axis in (0, 1):
        values, shown = [point[axis] for point in points], [point[axis] for point in kept]
        assert not values or (min(shown), max(shown)) == (min(values), max(values))
    assert not points or (kept[0], kept[-1]) == (points[0], points[-1])


def test_the_bound_is_what_a_page_can_show() -> None:
    assert len(thinned(range(100_000))) == MOST_POINTS
