"""The real surrogate believes what stands: an amendment, a retraction and a stranger's result move its expectation."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from domain.batch import BlueprintBatch
from services.intake import record_amendment, record_measurement, record_unsolicited, retract
from services.intake.testing import claim, example_measurement
from services.store.examples import Bench, bench, example_pick, example_spec, open_example
from surrogates.registry import build_surrogate

N_LOOKS = 6


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        yield opened


def expected(desk: Bench, campaign_id: int, number: int) -> float:
    """What the surrogate expects of a crystal at the fidelity of all these looks."""
    spec = example_spec()
    surrogate = build_surrogate(spec.surrogate, space=spec.space, ladder=spec.fidelities, objective=spec.objective)
    belief = surrogate.fit(desk.store.measurements.observations(campaign_id), pending=(), seed=0)
    batch = BlueprintBatch.from_blueprints([example_pick(number).blueprint], spec.space.atomic_numbers)
    return float(belief.predict(batch, "static").mean[0])


def test_corrections_move_what_is_believed(desk: Bench) -> None:
    torch.set_num_threads(1)
    looked_at = [200 * number for number in range(N_LOOKS)]
    campaign, _, queries = open_example(desk.store, [example_pick(number) for number in looked_at])
    records = []
    for number, query in enumerate(queries):
        fence = claim(desk.store, query).fence
        measurement = example_measurement(-1.0 - 0.1 * number)
        records.append(record_measurement(desk.store, query.id, fence=fence, measurement=measurement))
    last = looked_at[-1]
    before = expected(desk, campaign.id, last)
    amended = record_amendment(
        desk.store, records[-1].id, measurement=example_measurement(-2.5), reason="Decimal point.", worker="Ada"
    )
    corrected = expected(desk, campaign.id, last)
    assert corrected < before - 0.3
    retract(desk.store, amended.id, reason="Wrong sample.", worker="Ada")
    assert expected(desk, campaign.id, last) > corrected + 0.3
    record_unsolicited(
        desk.store,
        campaign.id,
        fidelity="static",
        measurement=example_measurement(-3.5),
        about=example_pick(last + 400).blueprint,
    )
    assert expected(desk, campaign.id, last + 400) < corrected
