"""How ions moved, drawn from what a measurement keeps of its runs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.runs import conductor_details, exploded, run_details
from support.walks import lattice_walk, trajectory

from domain.errors import NotFoundError, SpecError
from domain.measurement import Censoring
from oracles.conductivity_runs import ConductivityRun, answer_of
from oracles.dynamics.state import Ending, ReplicaEnd
from oracles.transport.analysis import analyse
from oracles.transport.diffusion import HeZhuEpsteinMo
from services.intake.testing import example_measurement
from services.reports.arrhenius import draw_arrhenius
from services.reports.displacements import draw_displacements
from services.reports.ion_runs import ion_runs
from services.store.records import MeasurementRecord


def record(details, *, value=1.2e-8, temperature_K=300.0, censoring=Censoring.NONE) -> MeasurementRecord:
    sigma = 1e-9 if censoring is Censoring.NONE else None
    measurement = replace(
        example_measurement(value, "S/cm"),
        details=details,
        temperature_K=temperature_K,
        censoring=censoring,
        sigma=sigma,
    )
    return MeasurementRecord(
        id=7,
        query_id=1,
        candidate_id=1,
        fidelity="dynamics",
        measurement=measurement,
        recorded_at=measurement.measured_at,
        supersedes=None,
        is_retracted=False,
        is_evidence=False,
        reported_value=value,
        reported_unit="S/cm",
    )


def by_name(figure):
    return {trace["name"]: trace for trace in figure.data}


def test_every_temperature_has_a_curve_with_its_error_and_the_line_that_was_fitted() -> None:
    figure = draw_displacements(record(conductor_details()))
    traces = by_name(figure)
    assert traces["800 K"]["y"] == [0.0, 7.0, 16.0]
    assert traces["800 K"]["text"][-1] == "800 K"
    assert traces["800 K, one standard error less"]["y"] == [0.0, 6.0, 14.0]
    assert traces["800 K, one standard error more"]["y"] == [0.0, 8.0, 18.0]
    # 1e-5 cm²/s is 0.1 Å²/ps, six times which is the slope.
    assert traces["800 K, fitted"]["x"] == [10.0, 25.0]
    assert traces["800 K, fitted"]["y"] == pytest.approx([7.0, 16.0])
    assert "600 K, fitted" not in traces
    assert "1200 K, not used" in traces
    assert not any("1400 K" in name for name in traces)
    assert figure.layout["xaxis"]["title"]["text"] == "lag time (ps)"
    assert figure.layout["yaxis"]["title"]["text"] == "mean squared displacement (Å²)"


def test_the_curves_are_told_in_a_sentence() -> None:
    told = draw_displacements(record(conductor_details())).description
    assert "16 Å² after 25 ps at 600 K" in told
    assert told.endswith("a line was fitted to 3 of 4 curves.")


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"runs": [exploded(600.0)]},
        {"runs": "many"},
        {"runs": [{"temperature_K": 0.0, "ended": "completed", "is_used": True}]},
        {"runs": [{**run_details(600.0), "msd": {"lag_ps": [0.0], "mean_A2": [0.0, 1.0]}}]},
        {"runs": [{**run_details(600.0), "msd": {"lag_ps": [], "mean_A2": []}}]},
    ],
    ids=["nothing", "exploded", "text", "no temperature", "two lengths", "empty"],
)
def test_a_measurement_without_runs_has_no_such_figure(details) -> None:
    with pytest.raises(NotFoundError, match=r"Measurement 7 keeps no mean squared displacement.*molecular dynamics"):
        draw_displacements(record(details))


def test_runs_are_listed_from_cold_to_hot_whatever_else_stands_beside_them() -> None:
    runs = ion_runs({"runs": [{**run_details(900.0), "colour": "blue"}, exploded(700.0)], "more": 1})
    assert [run.temperature_K for run in runs] == [700.0, 900.0]
    assert [run.how_it_ended for run in runs] == ["exploded", "ran for its whole time"]


def test_runs_bounds_and_the_value_have_marks_of_their_own() -> None:
    figure = draw_arrhenius(record(conductor_details()))
    traces = by_name(figure)
    diffusive = traces["runs, with 95 % intervals"]
    assert diffusive["text"] == ["800 K", "1000 K"]
    assert diffusive["error_y"]["array"] == pytest.approx([0.02, 0.1])
    assert diffusive["error_y"]["arrayminus"] == pytest.approx([0.01, 0.05])
    bounds = traces["runs, at most"]
    assert bounds["marker"]["symbol"] == "triangle-down"
    assert (bounds["x"], bounds["y"]) == ([1000 / 600], [5e-3])
    assert traces["runs that were not used"]["text"] == ["1200 K"]
    wanted = traces["at 300 K, with 95 % interval"]
    assert wanted["marker"]["symbol"] == "diamond-open"
    assert wanted["error_y"]["array"] == pytest.approx([1e-7 - 1.2e-8])
    assert wanted["error_y"]["arrayminus"] == pytest.approx([1.2e-8 - 1e-9])
    inside, beyond = traces["line, 0.630 eV"], traces["line, 0.630 eV, extrapolated"]
    assert (inside["x"][0], inside["x"][-1]) == (1.0, 1.25)
    assert beyond["line"]["dash"] == "dash"
    assert (beyond["x"][0], beyond["x"][-1]) == pytest.approx((1.25, 1000 / 298.15))
    assert "activation energy of 0.63 eV" in figure.description


def test_a_value_that_a_run_gave_itself_has_the_interval_of_that_run() -> None:
    figure = draw_arrhenius(record(conductor_details(), value=0.02, temperature_K=800.0))
    wanted = by_name(figure)["at 800 K, with 95 % interval"]
    assert wanted["error_y"]["array"] == pytest.approx([0.02])


def test_bounds_are_drawn_without_a_line() -> None:
    details = {"runs": [run_details(600.0, conductivity=5e-3, censoring="<")], "why_a_bound": "Too few."}
    figure = draw_arrhenius(record(details, value=1e-2, censoring=Censoring.BELOW))
    assert set(by_name(figure)) == {"runs, at most", "at 300 K, at most"}
    assert by_name(figure)["at 300 K, at most"]["marker"]["symbol"] == "triangle-down-open"


def test_a_line_that_no_number_describes_is_refused() -> None:
    details = conductor_details()
    steep = {**details["arrhenius"], "activation_energy_eV": 1e6}
    with pytest.raises(SpecError, match=r"activation energy of 1e\+06 eV is impossible"):
        draw_arrhenius(record({**details, "arrhenius": steep}))
    nowhere = {**details["arrhenius"], "points": [[0.0, 1.0, None]]}
    with pytest.raises(SpecError, match="temperatures above 0 K"):
        draw_arrhenius(record({**details, "arrhenius": nowhere}))


def run_at(temperature_K, hops):
    rng = np.random.default_rng(hops)
    walked = trajectory(
        lattice_walk(rng, n_ions=24, n_frames=401, hops=hops, vibration_A=0.2), temperature_K=temperature_K
    )
    ending = Ending(0, ReplicaEnd.COMPLETED, 1000, "It ran for 400 ps.")
    return ConductivityRun(temperature_K, ending, analyse(walked, rng, estimators=[HeZhuEpsteinMo()]))


def test_what_the_oracle_writes_is_read() -> None:
    gone = ConductivityRun(1200.0, Ending(3, ReplicaEnd.EXPLODED, 10, "An energy is no number."), None)
    answer = answer_of([run_at(600.0, 0), run_at(800.0, 40), run_at(1000.0, 92), gone], at_K=300.0)
    kept = record(json.loads(json.dumps(answer.details)), value=answer.value_S_per_cm)
    runs = ion_runs(kept.measurement.details)
    assert [run.is_used for run in runs] == [True, True, True, False]
    assert [run.conductivity and run.conductivity.censoring for run in runs] == [
        Censoring.BELOW,
        Censoring.NONE,
        Censoring.NONE,
        None,
    ]
    displacements = by_name(draw_displacements(kept))
    for name in ("800 K", "1000 K"):
        curve, line = displacements[name], displacements[f"{name}, fitted"]
        lags = np.linspace(*line["x"], 50)
        # A line that was fitted passes through the middle of what it was fitted to.
        assert np.mean(line["y"]) == pytest.approx(np.interp(lags, curve["x"], curve["y"]).mean(), rel=0.1)
    traces = by_name(draw_arrhenius(kept))
    assert len(traces["runs, with 95 % intervals"]["x"]) == 2
    assert len(traces["runs, at most"]["x"]) == 1
    wanted = traces["at 300 K, with 95 % interval"]
    low, high = answer.details["arrhenius"]["value_interval_S_per_cm"]
    assert wanted["error_y"]["array"] == pytest.approx([high - answer.value_S_per_cm])
    assert wanted["error_y"]["arrayminus"] == pytest.approx([answer.value_S_per_cm - low])
