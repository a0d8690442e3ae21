"""What people are told of a campaign, on a store filled by hand."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.blueprint import Realization
from domain.measurement import FailureKind
from domain.parsing import to_json_value
from domain.quantity import Goal, Objective, Scale
from domain.states import CampaignState
from domain.training import CandidateBelief
from services.intake import record_failure, record_measurement
from services.intake.testing import claim, example_failure, example_measurement
from services.reports.document import campaign_document
from services.reports.export import best_realization, export_campaign
from services.reports.laboratory import laboratory_queries
from services.reports.leaders import leaders
from services.reports.spending import best_against_spent, burn_down
from services.store import Store
from services.store.crystals import CrystalFilter, CrystalOrder, CrystalSort
from services.store.examples import bench, example_pick, example_spec, open_example, open_round
from services.store.records import Balance, QueryRecord


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with bench(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        yield opened.store


def measure(store: Store, query: QueryRecord, value: float) -> None:
    record_measurement(store, query.id, fence=claim(store, query).fence, measurement=example_measurement(value))


def believe(store: Store, campaign_id: int, *beliefs: tuple[int, float, float]) -> None:
    notes = {"beliefs": [to_json_value(CandidateBelief(candidate, mean, sd)) for candidate, mean, sd in beliefs]}
    opened = store.rounds.latest(campaign_id)
    assert opened is not None
    store.rounds.close(opened.id, notes=notes, riding_along=frozenset({"lab"}))


def test_what_was_verified_stands_before_what_was_only_promised(store: Store) -> None:
    campaign, _, (cheap, dear) = open_example(store, [example_pick(1), example_pick(2, "dft")])
    measure(store, cheap, -3.0)
    measure(store, dear, -2.0)
    believe(store, campaign.id, (cheap.candidate_id, -2.2, 0.5), (dear.candidate_id, -2.0, 0.01))
    first, second = leaders(store, "example")
    assert (first.candidate.id, second.candidate.id) == (dear.candidate_id, cheap.candidate_id)
    assert (first.paid, second.paid) == (pytest.approx(50.3), pytest.approx(1.1))
    assert first.best_look.fidelity == "dft"


def test_a_promise_on_a_logarithmic_scale_is_a_factor_worse_in_reports_and_in_the_store(store: Store) -> None:
    conductivity = Objective("ionic_conductivity", Goal.MAXIMIZE)
    campaign = store.campaigns.create(replace(example_spec(), objective=conductivity))
    open_round(store, campaign.id, 0, [example_pick(number) for number in (1, 2, 3)])
    queries = store.queries.list(campaign.id)
    for query in queries:
        answer = replace(example_measurement(1e-4), unit="S/cm", sigma=None, temperature_K=300.0)
        record_measurement(store, query.id, fence=claim(store, query).fence, measurement=answer)
    doubtful, sure, poor = (query.candidate_id for query in queries)
    believe(store, campaign.id, (doubtful, 2e-4, 1e-2), (sure, 1e-4, 2e-5), (poor, 1e-9, 1e-12))
    assert [leader.candidate.id for leader in leaders(store, "example")] == [sure, doubtful, poor]
    sort = CrystalSort(CrystalOrder.PROMISE, sign=1, fidelity="lab", scale=Scale.LOG10)
    rows = store.crystals.page(campaign.id, sort, wanted=CrystalFilter()).items
    assert [row.candidate_id for row in rows] == [sure, doubtful, poor]
    assert rows[1].expected_low == pytest.approx(2e-6, rel=1e-3)
    assert rows[1].expected_high == pytest.approx(2e-2, rel=1e-3)
    worst_first = store.crystals.page(campaign.id, replace(sort, sign=-1), wanted=CrystalFilter()).items
    assert [row.candidate_id for row in worst_first] == [poor, sure, doubtful]


def test_before_the_first_round_is_closed_leaders_stand_by_what_was_measured(store: Store) -> None:
    _, _, (one, other) = open_example(store, [example_pick(1), example_pick(2)])
    measure(store, one, -1.0)
    measure(store, other, -2.0)
    assert [leader.best_look.measurement.value for leader in leaders(store, "example")] == [-2.0, -1.0]
    assert leaders(store, "example")[0].expected is None


def test_failed_looks_move_the_curve_and_leave_no_point(store: Store) -> None:
    _, _, (first, failed, last) = open_example(store, [example_pick(1), example_pick(2), example_pick(3)])
    measure(store, first, -1.0)
    fence = claim(store, failed).fence
    record_failure(store, failed.id, fence=fence, failure=example_failure(FailureKind.PERMANENT))
    measure(store, last, -0.5)
    curve = best_against_spent(store, "example")["static"]
    assert [point.spent for point in curve] == pytest.approx([1.1, 3.3])
    assert [point.best for point in curve] == [-1.0, -1.0]


def test_a_document_leaves_what_each_round_expected_of_every_crystal_to_the_round(store: Store) -> None:
    campaign, opened, (query,) = open_example(store, [example_pick(1)])
    measure(store, query, -1.0)
    expected = [to_json_value(CandidateBelief(query.candidate_id, -1.0, 0.1))]
    store.rounds.close(opened.id, notes={"beliefs": expected, "target": "lab"})
    (told,) = campaign_document(store, "example")["rounds"]
    assert told["closing_notes"] == {"target": "lab"}
    assert store.rounds.at(campaign.id, 0).closing_notes["beliefs"] == expected


def test_the_burn_down_never_leaves_its_bar() -> None:
    bars = [
        burn_down(Balance(total=9.0, reserved=reserved, booked=9.0 - reserved)) for reserved in (0.0, 0.3, 4.5, 9.0)
    ]
    assert {len(bar.split(" ")[0]) for bar in bars} == {20}
    assert "4.5 spent, 4.5 reserved, 0 left" in bars[2]


def test_relaxed_sites_are_shown_before_unrelaxed_ones(store: Store) -> None:
    _, _, (query,) = open_example(store, [example_pick(1)])
    digest = store.candidates.get(query.candidate_id).digest
    drawn = Realization(digest, "data_a\n", "pyxtal", 1, -9.0, "p", is_relaxed=False)
    relaxed = Realization(digest, "data_b\n", "pyxtal+relax", 1, -3.0, "p", is_relaxed=True)
    assert best_realization(store, query.candidate_id) is None
    store.realizations.add(query.candidate_id, (drawn, relaxed, replace(drawn, seed=2, energy_eV_per_atom=-10.0)))
    assert best_realization(store, query.candidate_id) == relaxed


def test_an_export_can_be_read_by_anything(store: Store, tmp_path: Path) -> None:
    _, _, (query, _) = open_example(store, [example_pick(1), example_pick(1, "lab")])
    digest = store.candidates.get(query.candidate_id).digest
    sites = Realization(digest, "data_LiCl\n", "pyxtal", 1, -3.0, "p", is_relaxed=True)
    store.realizations.add(query.candidate_id, (sites,))
    measure(store, query, -2.0)
    written = export_campaign(store, "example", tmp_path / "export")
    assert written.n_crystals == 1
    assert (written.folder / "crystals" / "001-LiCl-225.cif").read_text(encoding="utf-8").endswith("data_LiCl\n")
    (row,) = csv.DictReader((written.folder / "crystals.csv").read_text(encoding="utf-8").splitlines())
    assert (row["formula"], row["space_group"], row["static (eV/atom)"], row["lab (eV/atom)"]) == (
        "LiCl",
        "225",
        "-2.0",
        "",
    )
    assert json.loads((written.folder / "campaign.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(campaign_document(store, "example"))
    )
    assert written.plot.read_bytes().startswith(b"\x89PNG")


def test_an_export_replaces_the_one_before(store: Store, tmp_path: Path) -> None:
    _, _, (query,) = open_example(store, [example_pick(1)])
    measure(store, query, -2.0)
    (tmp_path / "crystals").mkdir()
    (tmp_path / "crystals" / "009-Old-1.cif").write_text("data_old\n", encoding="utf-8")
    mine = tmp_path / "crystals" / "mine.cif"
    mine.write_text("data_mine\n", encoding="utf-8")
    export_campaign(store, "example", tmp_path)
    assert list((tmp_path / "crystals").iterdir()) == [mine]


def test_the_laboratory_sees_what_waits_for_it_and_nothing_else(store: Store) -> None:
    campaign, _, (_, waiting) = open_example(store, [example_pick(1), example_pick(1, "lab")])
    (row,) = laboratory_queries(store, None)
    assert (row.query_id, row.formula, row.unit, row.state.value) == (waiting.id, "Li4Cl4", "eV/atom", "queued")
    assert laboratory_queries(store, "example") == (row,)
    store.campaigns.set_state(campaign.id, CampaignState.STOPPED)
    assert laboratory_queries(store, None) == ()
    (stopped,) = laboratory_queries(store, None, with_stopped=True)
    assert stopped == replace(row, campaign_state=CampaignState.STOPPED)
