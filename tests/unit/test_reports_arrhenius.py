"""Conductivity against temperature, from the details of a measurement."""

from dataclasses import replace

import numpy as np
import pytest

from domain.errors import NotFoundError
from domain.parsing import to_json_object
from services.intake.testing import example_measurement
from services.reports.arrhenius import draw_arrhenius
from services.store.records import MeasurementRecord
from services.uploads.arrhenius import Point, fit_arrhenius

POINTS = [(300.0, 1e-4), (350.0, 6e-4), (400.0, 2.5e-3)]


def record(details) -> MeasurementRecord:
    measurement = replace(example_measurement(), details=details)
    return MeasurementRecord(
        id=7,
        query_id=1,
        candidate_id=1,
        fidelity="lab",
        measurement=measurement,
        recorded_at=measurement.measured_at,
        supersedes=None,
        is_retracted=False,
        is_evidence=False,
        reported_value=1.0,
        reported_unit="S/cm",
    )


def test_the_line_goes_through_the_points_that_it_was_fitted_to() -> None:
    fit = fit_arrhenius([Point(temperature, value, 0.01 * value) for temperature, value in POINTS])
    line = {**to_json_object(fit), "points": [[t, value, None] for t, value in POINTS]}
    measured, inside, beyond = draw_arrhenius(record({"arrhenius": line})).data
    assert measured["x"] == [1000 / temperature for temperature, _ in POINTS]
    fitted = np.interp(measured["x"], inside["x"], np.log(inside["y"]))
    assert fitted == pytest.approx(np.log(measured["y"]), abs=0.1)
    assert (inside["line"]["dash"], beyond["line"]["dash"]) == ("solid", "dash")
    assert beyond["x"][0] == inside["x"][-1] == 1000 / 300.0
    assert beyond["x"][-1] == 1000 / 298.15
    assert beyond["y"][-1] == pytest.approx(fit.conductivity_S_per_cm)


def test_a_measurement_without_a_series_has_no_such_figure() -> None:
    with pytest.raises(NotFoundError, match="Measurement 7 keeps no series"):
        draw_arrhenius(record({}))
