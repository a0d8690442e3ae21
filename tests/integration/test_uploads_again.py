"""Files that say what was said before, twice or otherwise, and campaigns with more than one laboratory."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.fidelity import Fidelity
from domain.quantity import Goal, Objective
from services.store.examples import Bench, bench, example_pick, example_spec, open_round
from services.store.uploads import RowState, UploadKind, UploadState
from services.uploads.artifacts import ArtifactFolder
from services.uploads.child import Readers, ReadingLimits
from services.uploads.desk import UploadDesk
from services.uploads.intent import laboratory_intent
from services.uploads.new_data import new_data_of
from services.uploads.obelix import write_new_data
from services.uploads.template import template_rows
from services.uploads.testing import conductor_campaign

DATA = Path(__file__).parents[1] / "data" / "uploads"
PATIENT = ReadingLimits(wall_s=120)
UNASKED = "formula,space group,a,b,c,alpha,beta,gamma,value,unit,temperature,temperature unit,sample,replicate\n"
ROCK_SALT = "Li4O4,225,4.2,4.2,4.2,90,90,90,3e-7,S/cm,25,degC,s1,\n"
ANSWERS = "query,value,unit,temperature,temperature unit,note,amends\n"


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


def hand_in(desk, campaign, name, content, **keywords):
    content = content.encode() if isinstance(content, str) else content
    artifact = desk.keep(campaign, [content], name=name, uploaded_by="eve")
    return desk.add(desk.examine(campaign, artifact, **keywords))


def packed(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def rows_of(opened, upload):
    return opened.store.uploads.rows(upload.id)


def test_the_same_file_again_enters_nothing_and_replicates_do(opened, desk, campaign):
    store = opened.store
    text = UNASKED + ROCK_SALT + ROCK_SALT.replace("4.2", "4.4")
    desk.accept(hand_in(desk, campaign, "unasked.csv", text).id, worker="eve")
    assert len(store.material_values.list(campaign.id)) == 2
    again = hand_in(desk, campaign, "again.csv", text)
    assert [row.state for row in rows_of(opened, again)] == [RowState.CONVERTED] * 2
    assert (
        "handed in before as measurement 2 of known material 2 by upload 1, row 2"
        in rows_of(opened, again)[1].remarks[0]
    )
    assert desk.accept(again.id, worker="eve").upload.state is UploadState.ACCEPTED
    assert [row.material_measurement_id for row in rows_of(opened, again)] == [1, 2]
    assert len(store.material_values.list(campaign.id)) == 2

    twice = hand_in(desk, campaign, "twice.csv", UNASKED + ROCK_SALT.replace("s1,", "s1,second") * 2)
    assert "says the same as row 1" in rows_of(opened, twice)[1].remarks[0]
    desk.accept(twice.id, worker="eve")
    values = store.material_values.list(campaign.id)
    assert [value.measurement.details.get("replicate") for value in values] == [None, None, "second"]


def test_of_two_answers_to_a_query_the_laboratory_chooses(opened, desk, campaign):
    text = ANSWERS + "1,1e-6,S/cm,25,degC,,\n1,2e-6,S/cm,25,degC,,\n2,3e-6,S/cm,25,degC,,\n"
    upload = hand_in(desk, campaign, "answers.csv", text)
    first, second, third = rows_of(opened, upload)
    assert (first.state, second.state, third.state) == (RowState.SUSPICIOUS, RowState.SUSPICIOUS, RowState.CONVERTED)
    assert "Row 1 has another value for query 1, which takes one" in second.remarks[0]
    desk.put(upload.id, desk.check_again(upload.id, 2, {"query": "3"}))
    assert [row.state for row in rows_of(opened, upload)] == [RowState.CONVERTED] * 3
    desk.put(upload.id, desk.check_again(upload.id, 2, {"query": "1"}))
    done = desk.accept(upload.id, worker="eve", confirmed=[2])
    assert (done.entered, list(done.held_back)) == ((2, 3), [1])
    assert [m.measurement.value for m in opened.store.measurements.list(campaign.id)] == [2e-6, 3e-6]


def test_amendments_of_what_is_not_there_are_refused_in_the_report(opened, desk, campaign):
    store = opened.store
    desk.accept(hand_in(desk, campaign, "a.csv", ANSWERS + "1,1e-6,S/cm,25,degC,,\n").id, worker="eve")
    elsewhere = conductor_campaign(store, "elsewhere", n_asked=1)
    amends = ANSWERS + ",2e-6,S/cm,25,degC,wrong area,1\n"
    (row,) = rows_of(opened, hand_in(desk, elsewhere, "b.csv", amends))
    assert row.state is RowState.REFUSED
    assert "has no measurement number 1" in row.remarks[0]
    desk.accept(hand_in(desk, campaign, "c.csv", amends).id, worker="eve")
    (again,) = rows_of(opened, hand_in(desk, campaign, "c.csv", amends))
    assert "handed in before as measurement 2" in again.remarks[0]
    (late,) = rows_of(opened, hand_in(desk, campaign, "d.csv", amends.replace("2e-6", "4e-6")))
    assert "corrected by measurement 2. Amend 2 instead" in late.remarks[0]


def test_samples_of_every_laboratory_on_the_ladder_can_be_handed_in(opened, desk):
    store = opened.store
    spec = example_spec("two")
    last = spec.ladder[-1]
    pellet: Fidelity = replace(last, name="pellet")
    spec = replace(
        spec, objective=Objective("ionic_conductivity", Goal.MAXIMIZE), ladder=(*spec.ladder[:-1], pellet, last)
    )
    campaign = store.campaigns.create(spec)
    open_round(store, campaign.id, 0, [example_pick(0, "pellet"), example_pick(1, last.name)])
    header, *asked = template_rows(laboratory_intent(store, campaign))
    assert [row[header.index("fidelity")] for row in asked] == ["pellet", last.name]
    text = ANSWERS + "1,1e-6,S/cm,25,degC,,\n2,2e-6,S/cm,25,degC,,\n"
    upload = hand_in(desk, campaign, "both.csv", text)
    assert desk.accept(upload.id, worker="eve").entered == (1, 2)
    assert [m.fidelity for m in store.measurements.list(campaign.id)] == ["pellet", last.name]
    (row,) = rows_of(
        opened, hand_in(desk, campaign, "x.csv", text[: text.index("2,2e-6")], options={"fidelity": last.name})
    )
    assert "asks at 'pellet', not at" in row.remarks[0]
    nowhere = ANSWERS.replace("amends", "amends,fidelity") + "1,1e-6,S/cm,25,degC,,,moon\n"
    (row,) = rows_of(opened, hand_in(desk, campaign, "y.csv", nowhere))
    assert "no laboratory 'moon' on its ladder" in row.remarks[0]
    unasked = hand_in(desk, campaign, "unasked.csv", UNASKED + ROCK_SALT.replace("Li4O4", "Li4Cl4"))
    assert f"'{last.name}' was assumed" in " ".join(rows_of(opened, unasked)[0].remarks)
    said = hand_in(desk, campaign, "unasked.csv", UNASKED + ROCK_SALT, options={"fidelity": "pellet"})
    desk.accept(said.id, worker="eve", confirm_all=True)
    assert [value.fidelity for value in store.material_values.list(campaign.id)] == ["pellet"]


def test_a_bundle_without_sites_and_a_table_in_a_zip_come_back(opened, desk, campaign):
    desk.accept(hand_in(desk, campaign, "template.csv", (DATA / "template.csv").read_bytes()).id, worker="eve")
    bundle = write_new_data(new_data_of(opened.store, campaign, doi="10.1000/182"))
    elsewhere = conductor_campaign(opened.store, "elsewhere", n_asked=1)
    for kind in (None, UploadKind.OBELIX):
        upload = hand_in(desk, elsewhere, "bundle.zip", bundle, kind=kind)
        assert (upload.kind, len(rows_of(opened, upload))) == (UploadKind.OBELIX, 2)
    files = {"readme.txt": "As agreed.", "answers.csv": ANSWERS + "1,1e-6,S/cm,25,degC,,\n"}
    upload = hand_in(desk, campaign, "table.zip", packed(files))
    assert (upload.kind, upload.report["files_not_read"]) == (UploadKind.TABLE, ["readme.txt"])
    crystals = packed({"rock_salt.cif": (DATA / "rock_salt.cif").read_bytes(), "readme.txt": "One crystal."})
    upload = hand_in(desk, campaign, "crystals.zip", crystals)
    assert (upload.kind, upload.report["files_not_read"]) == (UploadKind.CIF, ["readme.txt"])
    nothing = hand_in(desk, campaign, "nothing.zip", packed({"readme.txt": "Nothing."}))
    assert "nor one table: readme.txt" in nothing.report["problem"]


def test_what_the_time_did_not_suffice_for_is_read_when_it_is_looked_at_again(opened, desk, campaign, tmp_path):
    crystals = packed({"bsa.cif": (DATA / "bsa.cif").read_bytes(), "jqc.cif": (DATA / "jqc.cif").read_bytes()})
    artifact = desk.keep(campaign, [crystals], name="crystals.zip", uploaded_by="eve")
    with Readers(ReadingLimits(wall_s=0)) as hurried:
        impatient = UploadDesk(opened.store, ArtifactFolder(tmp_path / "artifacts"), hurried)
        upload = impatient.add(impatient.examine(campaign, artifact))
    assert [row.state for row in rows_of(opened, upload)] == [RowState.REFUSED] * 2
    look = desk.check_refused(upload.id)
    desk.put(upload.id, look)
    assert {row.state for row in rows_of(opened, upload)} == {RowState.ACCEPTED, RowState.CONVERTED}
    assert desk.check_refused(upload.id).found.rows == ()


def test_a_spectrum_that_lacks_a_column_is_one_refused_row_among_others(opened, desk, campaign):
    good = (DATA / "spectrum.csv").read_text()
    lines = good.replace("\n3.16228e+06", "\n1e7,NaN,inf,25\n3.16228e+06", 1)
    bad = "frequency (Hz),Z' (ohm)\n1,2\n"
    upload = hand_in(desk, campaign, "s.zip", packed({"a.csv": lines, "b.csv": bad}), options={"query": "2"})
    first, second, series = rows_of(opened, upload)
    assert (first.state, second.state, series.state) == (RowState.CONVERTED, RowState.REFUSED, RowState.REFUSED)
    assert "'NaN' is no number" in " ".join(first.remarks)
    assert "lacks Z''; its columns are 'frequency (Hz)'" in second.remarks[0]
    alone = hand_in(desk, campaign, "b.csv", bad)
    assert "The spectrum lacks Z''" in alone.report["problem"]
    bare = hand_in(desk, campaign, "c.csv", good.split("\n", 2)[2], options={"query": "2"})
    assert "which thickness and which area" in rows_of(opened, bare)[0].remarks[0]


def test_the_size_of_a_text_that_is_too_large_is_said(desk, campaign):
    upload = hand_in(desk, campaign, "large.csv", "value\n" + "1\n" * 6_000_000)
    assert "11.4 MiB of text; at most 8 MiB" in upload.report["problem"]
