"""A store of an older version keeps what it knows."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.measurement import SeriesPoint
from domain.quantity import Scale
from services.store import open_store
from services.store.crystals import CrystalFilter, CrystalOrder, CrystalSort
from services.store.examples import example_pick
from services.store.unasked import candidates_alike

SECOND = Path(__file__).parents[1] / "data" / "store_0002.sql"
"""One campaign of a group, two candidates, a measurement, and reference energies of two elements."""


def test_a_store_of_the_second_version_keeps_its_references_for_every_group(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SECOND.read_text(encoding="utf-8"))
    with open_store(f"sqlite:///{path}") as store:
        campaign = store.campaigns.get("example")
        (measured,) = store.measurements.list(campaign.id)
        origin = measured.measurement.provenance
        for group_id in (None, campaign.group_id):
            known = store.references.get(
                origin.oracle, origin.oracle_version, origin.settings_digest, group_id=group_id
            )
            energies = {symbol: record.reference.energy_eV_per_atom for symbol, record in known.items()}
            assert energies == {"Cl": -1.8, "Li": -1.9}
            assert known["Li"].core_seconds == 12.5
            assert (known["Li"].supersedes, known["Li"].remarks) == (None, ())
        assert [found.measurement_id for found in store.references.resting_on(known["Li"].id)] == [measured.id]
        order = CrystalSort(CrystalOrder.DENSITY, sign=-1, fidelity="static", scale=Scale.IDENTITY)
        crystals = store.crystals.page(campaign.id, order, wanted=CrystalFilter(elements=frozenset({"Li", "Cl"}))).items
        densities = sorted(candidate.blueprint.density_g_cm3 for candidate in store.candidates.list(campaign.id))
        assert [crystal.density_g_cm3 for crystal in crystals] == pytest.approx(densities)
        with store.writing() as connection:
            alike = candidates_alike(connection, campaign.id, example_pick(500).blueprint)
        assert [cell.id for cell in alike] == [candidate.id for candidate in store.candidates.list(campaign.id)]


def test_series_that_stood_among_the_details_have_rows_of_their_own(tmp_path: Path) -> None:
    line = {"points": [[300.0, 0.002, 0.0005], [350.0, 0.01, None]]}
    with open_store(f"sqlite:///{_second(tmp_path, json.dumps({'arrhenius': line}))}") as store:
        (measured,) = store.measurements.list(store.campaigns.get("example").id)
        series = store.series.of([measured.id])[measured.id]
        assert series == (SeriesPoint(300.0, 0.002, 0.0005), SeriesPoint(350.0, 0.01))


@pytest.mark.parametrize(
    "odd",
    [
        "[-5, 0.002, 0.1]",
        "[300, true, null]",
        "[300, -1, null]",
        "[300, 0.1, -1]",
        "[300, 1e999, null]",
        "[1e999, 1, 0]",
    ],
)
def test_a_line_with_a_point_that_cannot_be_read_again_stays_a_detail(tmp_path: Path, odd: str) -> None:
    told = f'{{"arrhenius": {{"points": [[300.0, 0.002, 0.0005], {odd}]}}}}'
    with open_store(f"sqlite:///{_second(tmp_path, told)}") as store:
        assert store.series.page(store.campaigns.get("example").id) == ()


def test_a_long_line_is_cut_and_what_is_taken_back_has_none(tmp_path: Path) -> None:
    told = json.dumps({"arrhenius": {"points": [[300.0 + place, 0.002, None] for place in range(1500)]}})
    with open_store(f"sqlite:///{_second(tmp_path, told)}") as store:
        assert len(store.series.page(store.campaigns.get("example").id, limit=2000)) == 1000
    (tmp_path / "retracted").mkdir()
    with open_store(f"sqlite:///{_second(tmp_path / 'retracted', told, is_retracted=True)}") as store:
        assert store.series.page(store.campaigns.get("example").id) == ()


def _second(folder: Path, details: str, *, is_retracted: bool = False) -> Path:
    """A store of the second version whose measurement is a conductivity with details."""
    path = folder / "store.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SECOND.read_text(encoding="utf-8"))
        connection.execute(
            "UPDATE measurements SET unit = 'S/cm', value = 0.001, details = ?, is_retracted = ?",
            [details, is_retracted],
        )
        connection.commit()
    return path
