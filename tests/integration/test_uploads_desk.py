"""Files go over the desk: kept, reported row by row, corrected, accepted once."""

import io
import multiprocessing
import re
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import ConflictError, InvalidValueError, UnreadableFileError
from domain.measurement import Censoring
from services.store.examples import Bench, bench, example_spec, open_round
from services.store.uploads import RowState, UploadKind, UploadState
from services.uploads.artifacts import ArtifactFolder
from services.uploads.child import Readers, ReadingLimits
from services.uploads.desk import UploadDesk
from services.uploads.intent import laboratory_intent
from services.uploads.new_data import new_data_of
from services.uploads.obelix import MANDATORY, write_new_data
from services.uploads.showing import report_csv
from services.uploads.template import COLUMNS, template_rows, write_csv, write_xlsx
from services.uploads.testing import (
    accept_and_die,
    conductor_campaign,
    hand_in_all,
    hand_in_elsewhere,
    mutated_uploads,
)

LONGEST_ANSWER_S = 10.0
DATA = Path(__file__).parents[1] / "data" / "uploads"
PATIENT = ReadingLimits(wall_s=120)
CRYSTAL = {"formula": "Li8O4", "space group": "225", "a": "4.62", "b": "4.62", "c": "4.62"}
CRYSTAL |= dict.fromkeys(("alpha", "beta", "gamma"), "90")


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with Readers(PATIENT) as found:
        yield found


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Bench]:
    with bench(f"sqlite:///{tmp_path}/store.sqlite3") as found:
        yield found


@pytest.fixture
def desk(opened: Bench, tmp_path: Path, readers: Readers) -> UploadDesk:
    return UploadDesk(opened.store, ArtifactFolder(tmp_path / "artifacts"), readers)


@pytest.fixture
def campaign(opened: Bench):
    return conductor_campaign(opened.store)


def hand_in(desk, campaign, name, content=None, **keywords):
    artifact = desk.keep(campaign, [content or (DATA / name).read_bytes()], name=name, uploaded_by="eve")
    return desk.add(desk.examine(campaign, artifact, **keywords))


def fix(desk, upload_id, number, cells):
    look = desk.check_again(upload_id, number, cells)
    desk.put(upload_id, look)
    return look.found.rows[0]


def states(opened, upload):
    return [row.state.value for row in opened.store.uploads.rows(upload.id)]


def test_of_two_who_correct_a_row_at_once_the_second_is_told(opened, desk, campaign):
    upload = hand_in(desk, campaign, "template.csv")
    hers = desk.check_again(upload.id, 4, {"value": "5", "unit": "S/cm"})
    his = desk.check_again(upload.id, 4, {"value": "6", "unit": "S/cm"})
    desk.put(upload.id, hers)
    with pytest.raises(ConflictError, match="Row 4 was changed by somebody else"):
        desk.put(upload.id, his)
    assert opened.store.uploads.row(upload.id, 4).cells["value"] == "5"


def test_a_table_is_reported_corrected_and_accepted_once(opened, desk, campaign):
    store = opened.store
    upload = hand_in(desk, campaign, "template.csv")
    assert (upload.kind, upload.state) == (UploadKind.TABLE, UploadState.OPEN)
    assert states(opened, upload) == ["converted", "converted", "converted", "refused"]
    assert "n.a." in store.uploads.rows(upload.id)[3].remarks[0]

    first = desk.accept(upload.id, worker="eve")
    assert first.entered == (1, 2, 3)
    assert list(first.held_back) == [4]
    assert fix(desk, upload.id, 4, {"value": "5", "unit": "S/cm"}).state is RowState.SUSPICIOUS
    assert desk.accept(upload.id, worker="eve").entered == ()
    with pytest.raises(InvalidValueError, match="no row 99"):
        desk.accept(upload.id, worker="eve", confirmed=[4, 99])
    assert desk.accept(upload.id, worker="eve", confirmed=[4]).entered == (4,)
    again = desk.accept(upload.id, worker="eve")
    assert (again.upload.state, again.entered) == (UploadState.ACCEPTED, ())

    measured = store.measurements.list(campaign.id)
    assert [record.measurement.value for record in measured] == [1.2e-6, 1e-10, 5.0]
    assert measured[1].measurement.censoring is Censoring.BELOW
    assert measured[0].measurement.measured_at.isoformat() == "2025-12-30T09:00:00+00:00"
    rows = store.uploads.rows(upload.id)
    assert [row.measurement_id for row in rows] == [1, 2, None, 3]
    assert store.materials.get(rows[2].material_id).material.formula == "Li2O"
    assert rows[2].material_measurement_id == store.material_values.list(campaign.id)[0].id
    assert [record.id for record in store.artifacts.of_measurement(1)] == [upload.artifact_id]
    with pytest.raises(ConflictError, match="accepted"):
        fix(desk, upload.id, 1, {"value": "1"})
    with pytest.raises(ConflictError, match="has entered"):
        desk.reject(upload.id)


def test_the_same_answers_again_are_harmless_and_others_are_amendments(opened, desk, campaign):
    desk.accept(hand_in(desk, campaign, "template.csv").id, worker="eve")
    again = hand_in(desk, campaign, "template.csv")
    assert desk.accept(again.id, worker="ada", confirm_all=True).entered == (1, 2, 3)
    assert len(opened.store.measurements.list(campaign.id, with_evidence=True)) == 2
    changed = (DATA / "template.csv").read_bytes().replace(b"1.2e-6", b"1.3e-6")
    other = hand_in(desk, campaign, "other.csv", changed)
    assert "column 'amends'" in desk.accept(other.id, worker="ada", confirm_all=True).held_back[1]
    with pytest.raises(InvalidValueError, match="no column 'amend'"):
        fix(desk, other.id, 1, {"amend": "1"})
    assert "has no measurement number 77" in fix(desk, other.id, 1, {"amends": "77"}).remarks[0]
    assert fix(desk, other.id, 1, {"Amends": "1"}).state is RowState.CONVERTED
    assert desk.accept(other.id, worker="ada").entered == (1,)
    newest = opened.store.measurements.list(campaign.id)[-1]
    assert (newest.supersedes, newest.measurement.value) == (1, 1.3e-6)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_template_comes_back_filled_in(opened, desk, campaign, ending):
    rows = template_rows(laboratory_intent(opened.store, campaign))
    assert len(rows) == 4
    rows[2][COLUMNS.index("value")] = "=2e-5" if ending == "csv" else "2e-5"
    rows[3][COLUMNS.index("value")] = "3e-5"
    for row in rows[2:]:
        row[COLUMNS.index("temperature")] = "25"
    content = write_xlsx(rows) if ending == "xlsx" else write_csv(rows).encode()
    upload = hand_in(desk, campaign, f"t.{ending}", content)
    assert upload.report["left_empty"] == 1
    assert states(opened, upload) == (["refused", "converted"] if ending == "csv" else ["converted"] * 2)
    if ending == "csv":
        assert "'=2e-5" in report_csv(opened.store.uploads.rows(upload.id))


def test_wrong_rows_are_doubted_or_refused_with_a_remedy(opened, desk, campaign):
    header = ",".join(COLUMNS)
    lines = {
        "1,,Li8O4,,,,,,,,1e-5,S/cm,,,25,degC,,,": ("suspicious", "asks for Li4Cl4"),
        "99,,,,,,,,,,1e-5,S/cm,,,25,degC,,,": ("refused", "no query 99"),
        "1,,,,,,,,,,1e-5,,,,25,degC,,,": ("refused", "no unit"),
        "1,,,,,,,,,,1e-5,eV,,,25,degC,,,": ("refused", "does not measure"),
        "1,,,,,,,,,,1e-5,S/cm,,,25,,,,": ("refused", "has no unit"),
        "1,,,,,,,,,,1e-5,S/cm,,,25,degC,2099-01-01T00:00Z,,": ("refused", "future"),
        "1,,,,,,,,,,1e-5,S/cm,9,,25,degC,,,": ("suspicious", ""),
        ",,,,,,,,,,1e-5,S/cm,,,25,degC,,,": ("refused", "neither a query nor a crystal"),
        ",,Li2O,225,9,9,9,90,90,90,1e-5,S/cm,,,25,degC,,,": ("suspicious", "whole cell"),
        ",,Na4Cl4,225,5.6,5.6,5.6,90,90,90,1e-5,S/cm,,,25,degC,,,": ("suspicious", "it teaches nothing here"),
        ",,Li4Cl4,225,4.0,4.1,4.2,90,90,90,1e-5,S/cm,,,25,degC,,,": ("refused", "not cubic"),
        "1,,,,,,,,,,1e-5,S/cm,,,25,degC,,,1": ("refused", "no reason"),
    }
    upload = hand_in(desk, campaign, "t.csv", "\n".join([header, *lines]).encode())
    for row, (state, remark) in zip(opened.store.uploads.rows(upload.id), lines.values(), strict=True):
        assert (row.state.value, row.number) == (state, row.number), row
        assert remark in " ".join(row.remarks)


def test_obelix_is_read_with_its_crystals_and_limits(opened, desk, campaign):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("obelix/train.csv", (DATA / "obelix.csv").read_bytes())
        archive.writestr("obelix/jqc.cif", (DATA / "jqc.cif").read_bytes())
    upload = hand_in(desk, campaign, "obelix.zip", packed.getvalue())
    assert upload.kind is UploadKind.OBELIX
    assert set(states(opened, upload)) == {"converted"}
    done = desk.accept(upload.id, worker="eve")
    assert len(done.entered) == 7
    values = {value.measurement.details["DOI"]: value for value in opened.store.material_values.list(campaign.id)}
    assert len(opened.store.material_values.list(campaign.id)) == 7
    assert {value.measurement.censoring for value in values.values()} == {Censoring.NONE, Censoring.BELOW}
    material = opened.store.materials.get(opened.store.uploads.rows(upload.id)[0].material_id).material
    assert not material.is_ordered
    assert (
        desk.accept(hand_in(desk, campaign, "obelix.zip", packed.getvalue()).id, worker="eve").entered == done.entered
    )
    assert len(opened.store.materials.list(groups=None)) == 7


def test_results_go_to_obelix_and_come_back_complete(opened, desk, campaign):
    store = opened.store
    desk.accept(hand_in(desk, campaign, "rock_salt.cif").id, worker="eve")
    desk.accept(hand_in(desk, campaign, "template.csv").id, worker="eve")
    entries = new_data_of(store, campaign, doi="10.1000/182", family="halides")
    assert [entry.id for entry in entries] == ["p1", "p2"]
    bundle = write_new_data(entries)
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        table = archive.read("new_data.csv").decode().splitlines()
        assert tuple(table[0].split(",")[:13]) == MANDATORY
        assert archive.read("p1.cif") == (DATA / "rock_salt.cif").read_bytes()
        assert "<1e-10" in table[2]
    other = conductor_campaign(store, "elsewhere", n_asked=1)
    upload = hand_in(desk, other, "bundle.zip", bundle)
    assert desk.accept(upload.id, worker="ada", confirm_all=True).entered == (1, 2)
    with pytest.raises(InvalidValueError, match="no DOI"):
        new_data_of(store, campaign, doi="")


def test_crystals_become_sites_or_known_materials(opened, desk, campaign):
    store = opened.store
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("rock_salt.cif", "jqc.cif", "bsa.cif"):
            archive.writestr(name, (DATA / name).read_bytes())
        archive.writestr(
            "broken.cif", (DATA / "bsa.cif").read_bytes().replace(b"_cell_length_a   ", b"_cell_length_a nan ")
        )
    upload = hand_in(desk, campaign, "crystals.zip", packed.getvalue())
    assert states(opened, upload) == ["accepted", "converted", "accepted", "refused"]
    done = desk.accept(upload.id, worker="eve")
    assert done.entered == (1, 2, 3)
    assert [r.realization.method for r in store.realizations.list(1)] == ["uploaded"]
    materials = [row.material_id for row in store.uploads.rows(upload.id)]
    assert [store.materials.get(number).material.is_ordered for number in materials[1:3]] == [False, True]
    again = hand_in(desk, campaign, "bsa.cif")
    assert "nearly known material" in " ".join(store.uploads.rows(again.id)[0].remarks)
    assert desk.reject(again.id).state is UploadState.REJECTED
    with pytest.raises(ConflictError, match="rejected"):
        desk.accept(again.id, worker="eve")


def test_a_geometry_without_an_uncertainty_is_said_to_count_as_exact(opened, desk, campaign):
    upload = hand_in(desk, campaign, "spectrum.csv", options={"query": "2"})
    row = fix(desk, upload.id, 1, {"thickness": "1.2 mm"})
    assert row.state is RowState.CONVERTED
    assert row.remarks == ("The thickness has no ± and counts as exact; write it as 1.20 ± 0.02 mm.",)


def test_a_standard_deviation_beyond_the_value_is_doubted(opened, desk, campaign):
    table = b"query,value,sigma,unit,temperature\n2,1.2e-4,0.3,S/cm,298.15 K\n"
    upload = hand_in(desk, campaign, "t.csv", table)
    (row,) = opened.store.uploads.rows(upload.id)
    assert row.state is RowState.SUSPICIOUS
    assert "larger than the value" in " ".join(row.remarks)


def test_a_spectrum_becomes_a_conductivity_with_its_uncertainty(opened, desk, campaign):
    store = opened.store
    upload = hand_in(desk, campaign, "spectrum.csv", options={"query": "2", "sample": "A-18"})
    (row,) = store.uploads.rows(upload.id)
    assert (upload.kind, row.state) == (UploadKind.IMPEDANCE, RowState.ACCEPTED)
    fit = upload.report["fits"]["1"]
    assert fit["total_ohm"] == pytest.approx(1200, abs=4 * fit["total_sigma_ohm"])
    assert len(fit["fitted_ohm"]) == len(fit["measured_ohm"]) == 40
    bulk = fix(desk, upload.id, 1, {"use": "bulk", "guess": "300 ohm"})
    assert desk.accept(upload.id, worker="eve").entered == (1,)
    measured = store.measurements.get(store.uploads.row(upload.id, 1).measurement_id).measurement
    assert measured.value == pytest.approx(0.12 / (400 * 0.785), rel=0.02)
    assert measured.sigma / measured.value == pytest.approx(0.0179, rel=0.2)
    assert measured.temperature_K == 298.15
    assert bulk.understood["reading"]["details"]["resistance"] == "bulk"


def test_spectra_over_temperature_become_one_conductivity(opened, desk, campaign):
    store = opened.store
    upload = hand_in(desk, campaign, "series.csv", options=CRYSTAL)
    assert states(opened, upload) == ["accepted"] * 5
    line = upload.report["arrhenius"]
    assert line["activation_energy_eV"] == pytest.approx(0.35, abs=4 * line["activation_energy_sigma_eV"])
    assert not line["is_extrapolated"]
    assert fix(desk, upload.id, 1, {"area": "none"}).state is RowState.REFUSED
    series = store.uploads.row(upload.id, 5)
    assert series.state is RowState.SUSPICIOUS
    assert "extrapolated" in " ".join(series.remarks)
    fix(desk, upload.id, 1, {"area": "0.785(5) cm2"})
    assert desk.accept(upload.id, worker="eve").upload.state is UploadState.ACCEPTED
    (value,) = store.material_values.list(campaign.id)
    assert value.measurement.value == pytest.approx(0.12 / (1200 * 0.785), rel=0.05)


def test_points_far_from_their_line_are_a_matter_to_confirm(opened, desk, campaign):
    lines = (DATA / "series.csv").read_text(encoding="utf-8").splitlines()
    # One temperature as if its pellet had cracked: half the conductivity.
    cracked = [
        ",".join([cells[0], str(2 * float(cells[1])), str(2 * float(cells[2])), cells[3]])
        if (cells := line.split(","))[-1] == "65"
        else line
        for line in lines
    ]
    upload = hand_in(desk, campaign, "series.csv", "\n".join(cracked).encode(), options=CRYSTAL)
    series = opened.store.uploads.row(upload.id, 5)
    assert series.state is RowState.SUSPICIOUS
    assert re.search(r"The points lie \d+ times further from the line than their own unc", " ".join(series.remarks))
    assert upload.report["arrhenius"]["activation_energy_sigma_eV"] > 0.02
    (left_out,) = [row.number for row in opened.store.uploads.rows(upload.id) if "65" in str(row.cells)]
    fix(desk, upload.id, left_out, {"left out": "yes"})
    assert "further from the line" not in " ".join(opened.store.uploads.row(upload.id, 5).remarks)


def test_a_comma_that_may_be_read_in_two_ways_is_said(opened, desk, campaign):
    content = b"query;value;unit;temperature\n1;0,001;S/cm;25 degC\n2;1,234;mS/cm;25 degC\n"
    upload = hand_in(desk, campaign, "a.csv", content)
    first, second = opened.store.uploads.rows(upload.id)
    assert "was read as" not in " ".join(first.remarks)
    assert "'1,234' was read as 1.234, not as 1234." in second.remarks


def test_pictures_go_with_a_measurement_and_programs_with_nothing(opened, desk, campaign):
    desk.accept(hand_in(desk, campaign, "template.csv").id, worker="eve")
    picture = hand_in(desk, campaign, "pellet.jpg", b"\xff\xd8\xff\xe0 a pellet", options={"measurement": "1"})
    assert (picture.kind, picture.state) == (UploadKind.ATTACHMENT, UploadState.ACCEPTED)
    kept = opened.store.artifacts.of_measurement(1)
    assert [record.media_type for record in kept] == ["text/csv", "image/jpeg"]
    program = hand_in(desk, campaign, "table.csv", b"\x7fELF and more")
    assert program.state is UploadState.UNREADABLE
    assert "program" in program.report["problem"]
    with pytest.raises(ConflictError, match="unreadable"):
        desk.accept(program.id, worker="eve")


def test_a_campaign_without_a_laboratory_is_told_so(opened, desk):
    from dataclasses import replace

    spec = example_spec("computed")
    campaign = opened.store.campaigns.create(replace(spec, ladder=spec.ladder[:2]))
    assert "no laboratory" in hand_in(desk, campaign, "template.csv").report["problem"]
    other = opened.store.campaigns.create(example_spec("energies"))
    open_round(opened.store, other.id, 0, [])
    rows = opened.store.uploads.rows(hand_in(desk, other, "obelix.csv").id)
    assert "not ionic conductivity" in rows[0].remarks[0]
    with pytest.raises(InvalidValueError, match="no option 'colour'"):
        hand_in(desk, other, "obelix.csv", options={"colour": "red"})


def test_reading_is_limited_and_the_reader_comes_back(readers):
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        readers.read("cif", {"text": "data_x"}, deadline=readers.deadline())
    with Readers(ReadingLimits(n_children=1)) as hurried:
        with pytest.raises(UnreadableFileError, match="time and memory"):
            hurried.read("cif", {"text": "data_x"}, deadline=time.monotonic() - 1)
        with pytest.raises(UnreadableFileError, match="cannot be read"):
            hurried.read("cif", {"text": "data_x"}, deadline=readers.deadline())


def test_the_start_of_a_process_that_reads_is_not_counted_to_the_file():
    with Readers(ReadingLimits(n_children=1)) as cold, pytest.raises(UnreadableFileError, match="cannot be read"):
        cold.read("cif", {"text": "data_x"}, deadline=time.monotonic() + 0.5)


def test_closed_readers_start_no_process():
    readers = Readers(ReadingLimits(n_children=1))
    readers.close()
    with pytest.raises(UnreadableFileError, match="this process ends"):
        readers.read("cif", {"text": "data_x"}, deadline=readers.deadline())


def test_an_acceptance_that_is_killed_doubles_nothing(tmp_path, opened, desk, campaign):
    upload = hand_in(desk, campaign, "template.csv")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["services.uploads.testing"])
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    for n_statements in (8, 20, 35):
        dying = context.Process(target=accept_and_die, args=(url, upload.id, n_statements))
        dying.start()
        dying.join(60)
        assert dying.exitcode in (-signal.SIGKILL, 0)
    desk.accept(upload.id, worker="eve")
    assert [row.measurement_id for row in opened.store.uploads.rows(upload.id)] == [1, 2, None, None]
    assert len(opened.store.measurements.list(campaign.id, with_evidence=True)) == 2
    assert len(opened.store.material_values.list(campaign.id)) == 1
    booked = opened.store.ledger.balance(campaign.id)
    assert booked.booked == pytest.approx(2 * 200.7)


def _originals():
    files = {path.name: path.read_bytes() for path in sorted(DATA.iterdir())}
    rows = [line.split(",") for line in files["template.csv"].decode().splitlines()]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("o.csv", files["obelix.csv"])
        archive.writestr("jqc.cif", files["jqc.cif"])
    return files | {"table.xlsx": write_xlsx(rows), "obelix.zip": packed.getvalue()}


def test_mutated_uploads_are_always_answered(tmp_path, opened, campaign):
    outcome = hand_in_all(opened.url, tmp_path / "artifacts", mutated_uploads(_originals(), seed=20, n_uploads=10))
    assert sum(outcome.states.values()) == 10
    assert outcome.states.get("refused", 0) == 0
    assert outcome.latest_s < LONGEST_ANSWER_S - ReadingLimits().wall_s


@pytest.mark.endurance
@pytest.mark.timeout(3600)
def test_a_thousand_mutated_uploads_are_answered_within_time_and_memory(tmp_path, opened, campaign):
    outcome = hand_in_elsewhere(opened.url, tmp_path / "artifacts", _originals(), seed=20, n_uploads=1000)
    assert sum(outcome.states.values()) == 1000
    assert outcome.states["open"] > 100
    assert outcome.states["unreadable"] > 100
    assert outcome.states.get("refused", 0) == 0
    assert outcome.latest_s < LONGEST_ANSWER_S - ReadingLimits().wall_s
    assert 0 < outcome.peak_bytes < 2**30
