"""What an oracle knows only as a bound, at its temperature, comes to the store as one, on both databases."""

from dataclasses import replace

import pytest

from domain.errors import PermanentLookError
from domain.fidelity import Fidelity
from domain.look import LookRequest, LookResult
from domain.measurement import Censoring, Measurement
from domain.parsing import parse_json, to_json
from flows.answers import measurement_of
from oracles.checks import require_sound_result
from oracles.density import DensityOracle
from oracles.formation import FORMATION_ENERGY
from oracles.running.process import Answer
from oracles.testing import rock_salt
from services.intake import record_measurement
from services.intake.testing.examples import claim
from services.messages.claims import MeasurementRequest
from services.store.examples import Bench, example_pick, open_example


class FormationOracle(DensityOracle):
    quantity = FORMATION_ENERGY


def _measurement(result: LookResult) -> Measurement:
    answer = Answer(result, core_seconds=1.0, wall_s=1.0, oracle_version="1")
    fidelity = Fidelity("static", "density", 1.0, {})
    return measurement_of(answer, FormationOracle(quantity=FORMATION_ENERGY), fidelity, worker="host/1", seed=1)


def test_a_bound_comes_to_the_store_with_its_temperature(store_bench: Bench) -> None:
    result = LookResult(value=-1.5, censoring=Censoring.BELOW, temperature_K=600.0)
    campaign, _, (query,) = open_example(store_bench.store, [example_pick(1)])
    fence = claim(store_bench.store, query).fence
    # As a machine sends it.
    dated = replace(_measurement(result), measured_at=store_bench.clock())
    sent = parse_json(MeasurementRequest, to_json(MeasurementRequest(fence, dated, ())))
    record_measurement(store_bench.store, query.id, fence=sent.fence, measurement=sent.measurement)
    (record,) = store_bench.store.measurements.list(campaign.id)
    kept = record.measurement
    assert (kept.value, kept.censoring, kept.temperature_K) == (-1.5, Censoring.BELOW, 600.0)


def test_a_look_is_no_bound_unless_it_says_so() -> None:
    measured = _measurement(LookResult(value=-1.5))
    assert (measured.censoring, measured.temperature_K) == (Censoring.NONE, None)


def test_an_impossible_temperature_is_noticed() -> None:
    request = LookRequest(rock_salt(), 1)
    with pytest.raises(PermanentLookError, match="temperature of -3"):
        require_sound_result(FORMATION_ENERGY, request, LookResult(value=-1.0, temperature_K=-3.0))
