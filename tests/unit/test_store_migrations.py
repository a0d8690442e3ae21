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
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SECOND.read_text(encoding="utf-8"))
        told = json.dumps({"arrhenius": line})
        connection.execute("UPDATE measurements SET unit = 'S/cm', value = 0.001, details = ?", [told])
        connection.commit()
    with open_store(f"sqlite:///{path}") as store:
        (measured,) = store.measurements.list(store.campaigns.get("example").id)
        series = store.series.of([measured.id])[measured.id]
        assert series == (SeriesPoint(300.0, 0.002, 0.0005), SeriesPoint(350.0, 0.01))
