"""A correction supersedes: both are kept, the newer one is learned from."""

from pathlib import Path

from sqlalchemy import insert, select

from services.intake import record_measurement
from services.intake.testing import claim, example_measurement
from services.store.examples import bench, example_pick, open_example
from services.store.tables import measurements


def test_superseded_measurement_is_not_learned_from(tmp_path: Path) -> None:
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as opened:
        campaign, _, (query,) = open_example(opened.store, [example_pick(1)])
        fence = claim(opened.store, query).fence
        first = record_measurement(opened.store, query.id, fence=fence, measurement=example_measurement(-1.0))
        with opened.store.writing() as connection:
            row = dict(connection.execute(select(measurements)).mappings().one())
            row |= {"id": None, "value": -1.5, "supersedes": first.id, "payload_digest": "f" * 64}
            connection.execute(insert(measurements), [row])
        assert [look.value for look in opened.store.measurements.observations(campaign.id)] == [-1.5]
        kept = opened.store.measurements.list(campaign.id)
        assert [(record.measurement.value, record.supersedes) for record in kept] == [(-1.0, None), (-1.5, first.id)]
