"""Both databases keep what stands beside a measurement: series over temperature, and files that a look produced."""

from dataclasses import replace

import pytest

from domain.errors import InvalidValueError, NotFoundError
from domain.look import FileNote
from domain.measurement import Censoring, SeriesPoint
from domain.quantity import Goal, Objective
from services.intake import Findings, record_amendment, record_measurement, record_unsolicited, retract
from services.intake.testing import claim, example_measurement
from services.store.examples import Bench, example_pick, example_spec, open_round

NOTE = FileNote("seen.json", "application/json", "What was seen.")
POINTS = (SeriesPoint(300.0, 2.0, 0.5), SeriesPoint(600.0, 90.0, None, Censoring.BELOW))
"""In mS/cm."""
KEPT = (SeriesPoint(300.0, 0.002, 0.0005), SeriesPoint(600.0, 0.09, None, Censoring.BELOW))
"""In S/cm."""
LINE = {"arrhenius": {"points": [[300.0, 0.002, 0.0005], [350.0, 0.01, None]], "activation_energy_eV": 0.3}}
TOLD = (SeriesPoint(300.0, 0.002, 0.0005), SeriesPoint(350.0, 0.01))


def conductors(bench: Bench, n_looks: int = 1):
    spec = example_spec("conductors")
    campaign = bench.store.campaigns.create(replace(spec, objective=Objective("ionic_conductivity", Goal.MAXIMIZE)))
    open_round(bench.store, campaign.id, 0, [example_pick(n) for n in range(n_looks)])
    return bench.store.queries.list(campaign.id)


def seen(**changes: object):
    return replace(example_measurement(1.5, "mS/cm"), sigma=None, temperature_K=300.0, **changes)


def test_a_series_is_kept_once_with_its_measurement_in_its_unit(store_bench: Bench) -> None:
    store = store_bench.store
    (query,) = conductors(store_bench)
    fence = claim(store, query).fence
    for _ in range(2):
        record = record_measurement(store, query.id, fence=fence, measurement=seen(), found=Findings(series=POINTS))
    assert store.series.of([record.id]) == {record.id: KEPT}
    page = store.series.page(query.campaign_id)
    assert [(found.measurement_id, found.point) for found in page] == [(record.id, point) for point in KEPT]
    assert store.series.page(query.campaign_id, after=page[0].id) == page[1:]
    assert store.series.page(query.campaign_id, at_least_K=300.0, at_most_K=599.0) == page[:1]
    assert len(store.measurements.observations(query.campaign_id)) == 1, "models learn the value alone"
    retract(store, record.id, reason="the wrong crystal", worker="ann")
    assert store.series.of([record.id, record.id + 1]) == {record.id: KEPT}, "superseded with its measurement"


def test_what_cannot_be_kept_leaves_nothing(store_bench: Bench) -> None:
    store = store_bench.store
    first, second = conductors(store_bench, 2)
    other = store.campaigns.create(example_spec("other"))
    keep = store.artifacts.keep_produced
    foreign = keep(other.id, NOTE, digest="0" * 64, size=2, uploaded_by="host/1")
    own = keep(first.campaign_id, NOTE, digest="0" * 64, size=2, uploaded_by="host/1")
    assert keep(first.campaign_id, NOTE, digest="0" * 64, size=2, uploaded_by="host/2") == own
    fence = claim(store, first).fence
    for found, error in (
        (Findings(series=POINTS, files=(own.id, foreign.id)), NotFoundError),
        (Findings(series=(SeriesPoint(300.0, 1e9),)), InvalidValueError),
    ):
        with pytest.raises(error, match=rf"artifact number {foreign.id}|expected"):
            record_measurement(store, first.id, fence=fence, measurement=seen(), found=found)
    assert store.measurements.of_query(first.id) == ()
    assert store.series.page(first.campaign_id) == ()
    record = record_measurement(store, first.id, fence=fence, measurement=seen(), found=Findings(files=(own.id,)))
    assert store.artifacts.of_measurements([record.id, second.id + 100]) == {record.id: (own,)}


def test_a_laboratory_s_line_fills_the_same_table(store_bench: Bench) -> None:
    store = store_bench.store
    first, second = conductors(store_bench, 2)
    told = record_measurement(store, first.id, fence=claim(store, first).fence, measurement=seen(details=LINE))
    odd = {"arrhenius": {"points": [[300.0, -1.0, None]]}}
    strange = record_measurement(store, second.id, fence=claim(store, second).fence, measurement=seen(details=odd))
    assert store.series.of([told.id, strange.id]) == {told.id: TOLD}, "what is no series is only a detail"
    becomes = record_amendment(
        store, told.id, measurement=replace(told.measurement, value=0.0016), reason="a typing error", worker="ann"
    )
    assert store.series.of([becomes.id]) == {becomes.id: TOLD}, "it keeps the line that its details keep"
    unasked = record_unsolicited(
        store,
        first.campaign_id,
        fidelity=first.fidelity,
        measurement=seen(details=LINE),
        blueprint=example_pick(900).blueprint,
    ).material_value
    assert unasked is not None
    assert store.series.of_material_values([unasked.id]) == {unasked.id: TOLD}
