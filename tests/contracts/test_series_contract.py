"""Both databases keep what stands beside a measurement: series over temperature, and files that a look produced."""

from dataclasses import replace

import pytest

from domain.errors import ConflictError, NotFoundError
from domain.look import FileNote
from domain.measurement import Censoring, SeriesPoint
from domain.quantity import Goal, Objective
from domain.states import QueryState
from services.intake import (
    Findings,
    amend_material_value,
    record_amendment,
    record_measurement,
    record_unsolicited,
    retract,
)
from services.intake.testing import claim, example_measurement
from services.reports.handed_in import HandedIn
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
    with pytest.raises(NotFoundError, match=f"artifact number {foreign.id}"):
        record_measurement(
            store, first.id, fence=fence, measurement=seen(), found=Findings(series=POINTS, files=(own.id, foreign.id))
        )
    assert store.measurements.of_query(first.id) == ()
    assert store.series.page(first.campaign_id) == ()
    record = record_measurement(store, first.id, fence=fence, measurement=seen(), found=Findings(files=(own.id,)))
    assert store.artifacts.of_measurements([record.id, second.id + 100]) == {record.id: (own,)}


def test_files_of_many_measurements_are_read_together(store_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_bench.store
    queries = conductors(store_bench, 5)
    file = store.artifacts.keep_produced(queries[0].campaign_id, NOTE, digest="0" * 64, size=2, uploaded_by="host/1")
    for query in queries[:4]:
        fence = claim(store, query).fence
        record_measurement(store, query.id, fence=fence, measurement=seen(), found=Findings(files=(file.id,)))
    record_measurement(store, queries[4].id, fence=claim(store, queries[4]).fence, measurement=seen())
    monkeypatch.setattr("services.store.artifacts._AT_ONCE", 2)
    monkeypatch.delattr("services.store.artifacts.Artifacts.of_measurement")
    measurements = store.measurements.list(queries[0].campaign_id)
    handed_in = HandedIn.of(store, measurements, ())
    assert handed_in.of_measurement == {one.id: (f"handed-in/{file.id}.json",) for one in measurements[:4]}
    assert handed_in.files == {f"handed-in/{file.id}.json": file}


def test_a_value_counts_without_a_point_that_cannot_be(store_bench: Bench) -> None:
    store = store_bench.store
    (query,) = conductors(store_bench)
    lost = claim(store, query).fence
    assert store.queries.release(query.id, lost)
    nothing_moved = Findings(series=(POINTS[0], SeriesPoint(200.0, 0.0), SeriesPoint(900.0, 1e9)))
    for fence in (lost, claim(store, query).fence):
        record = record_measurement(store, query.id, fence=fence, measurement=seen(), found=nothing_moved)
        assert record.measurement.value == pytest.approx(0.0015)
        assert store.series.of([record.id]) == {record.id: KEPT[:1]}
        missing = record.measurement.details["missing_points"]
        assert [point["temperature_K"] for point in missing] == [200.0, 900.0]
        assert "0.0 S/cm is implausible" in missing[0]["why"]
    assert store.queries.get(query.id).state is QueryState.DONE


def test_the_same_answer_with_another_series_is_another_answer(store_bench: Bench) -> None:
    store = store_bench.store
    (query,) = conductors(store_bench)
    fence = claim(store, query).fence
    file = store.artifacts.keep_produced(query.campaign_id, NOTE, digest="0" * 64, size=2, uploaded_by="host/1")
    first = Findings(series=POINTS)
    record = record_measurement(store, query.id, fence=fence, measurement=seen(), found=first)
    assert record_measurement(store, query.id, fence=fence, measurement=seen(), found=first) == record
    for found in (Findings(), Findings(series=POINTS[:1]), Findings(series=POINTS, files=(file.id,))):
        with pytest.raises(ConflictError, match="answered with another payload"):
            record_measurement(store, query.id, fence=fence, measurement=seen(), found=found)
    assert store.measurements.of_query(query.id) == (record,)


def test_an_amendment_keeps_what_stood_beside_the_value(store_bench: Bench) -> None:
    store = store_bench.store
    (query,) = conductors(store_bench)
    fence = claim(store, query).fence
    file = store.artifacts.keep_produced(query.campaign_id, NOTE, digest="0" * 64, size=2, uploaded_by="host/1")
    found = Findings(series=POINTS, files=(file.id,))
    first = record_measurement(store, query.id, fence=fence, measurement=seen(details=LINE), found=found)
    amended = record_amendment(
        store, first.id, measurement=replace(first.measurement, value=0.0016), reason="a typing error", worker="ann"
    )
    assert store.series.of([amended.id]) == {amended.id: KEPT}, "the bound among them, which is on no line"
    assert store.artifacts.of_measurement(amended.id) == (file,)
    own = seen(details={"arrhenius": {"points": [[310.0, 0.003, None]]}})
    again = record_amendment(store, amended.id, measurement=own, reason="fitted again", worker="ann")
    assert store.series.of([again.id]) == {again.id: (SeriesPoint(310.0, 0.003),)}
    back = retract(store, again.id, reason="the wrong crystal", worker="ann")
    assert store.series.of([back.id]) == {}
    assert store.artifacts.of_measurement(back.id) == ()


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
        about=example_pick(900).blueprint,
    ).material_value
    assert unasked is not None
    assert store.series.of_material_values([unasked.id]) == {unasked.id: TOLD}
    mended = amend_material_value(store, unasked.id, measurement=seen(), reason="a typing error", worker="ann")
    assert store.series.of_material_values([mended.id]) == {mended.id: TOLD}


def test_a_known_material_keeps_the_series_of_its_look(store_bench: Bench) -> None:
    store = store_bench.store
    (query,) = conductors(store_bench, 1)
    unasked = record_unsolicited(
        store,
        query.campaign_id,
        fidelity=query.fidelity,
        measurement=seen(),
        about=example_pick(900).blueprint,
        found=Findings(series=POINTS),
    ).material_value
    assert unasked is not None
    assert len(store.series.of_material_values([unasked.id])[unasked.id]) == len(POINTS)
