"""Files that are made to harm are refused before any parser sees them."""

import io
import struct
import zipfile

import pytest

from domain.errors import InvalidValueError, NotFoundError, UnreadableFileError
from services.uploads.archives import members
from services.uploads.artifacts import ArtifactFolder, shown_name
from services.uploads.prescan import (
    CIF_LIMITS,
    TABLE_LIMITS,
    attachment_type,
    refuse_programs,
    require_modest_cif,
    text_of,
)

CELL = "\n".join(f"_cell_{name} {value}" for name, value in {"length_a": 5, "length_b": 5, "length_c": 5}.items())
SITES = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"


def _cif(n_sites, *, group="", n_operations=0, block="data_x"):
    operations = "loop_\n_symmetry_equiv_pos_as_xyz\n" + "'x, y, z'\n" * n_operations if n_operations else ""
    return f"{block}\n{CELL}\n{group}\n{operations}{SITES}" + "Li1 0.1 0.2 0.3\n" * n_sites


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (_cif(300, group="_symmetry_space_group_name_H-M 'F m -3 m'"), "300 sites times 192"),
        (_cif(300, group="_space_group_IT_number 225"), "300 sites times 192"),
        (_cif(300, group="_space_group_name_H-M_alt 'of another world'"), "300 sites times 192"),
        (_cif(1000), "1000 atom sites"),
        (_cif(5, n_operations=5000), "5 sites times 5000"),
        (_cif(1) * 5000, "5000 data blocks"),
        (_cif(0), "no atom sites"),
        (_cif(1, block=""), "0 data blocks"),
        (_cif(1) + "Li1 0.1 0.2 0.3 " * 600, "601 atom sites"),
    ],
)
def test_cifs_that_would_explode_are_refused(text, problem):
    with pytest.raises(UnreadableFileError, match=problem):
        require_modest_cif(text)


def test_modest_cifs_pass():
    require_modest_cif(_cif(20, n_operations=192))
    require_modest_cif(_cif(24, group="_symmetry_Int_Tables_number 225") + "\n;\n" + "a b c\n" * 3000 + ";\n")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a" * (2**20 + 1), "MiB"),
        (b"\n" * 30_000, "lines"),
        (b"a" * 5_000, "characters"),
        (b"a\0b", "NUL"),
        (b"\x80\x04\x95", "pickle"),
        (b"\x7fELF", "program"),
        (b"#!/bin/sh", "script"),
        (b"- of Ulm\x00", "trajectory"),
    ],
)
def test_texts_that_are_none_are_refused(content, problem):
    with pytest.raises(UnreadableFileError, match=problem):
        text_of(content, CIF_LIMITS)


def test_encodings_are_told_apart():
    assert text_of("Ω".encode(), TABLE_LIMITS) == "Ω"
    assert text_of("Ω".encode("utf-16"), TABLE_LIMITS) == "Ω"
    assert text_of("µ".encode("cp1252"), TABLE_LIMITS) == "µ"


def test_attachments_are_known_by_their_content():
    assert attachment_type(b"%PDF-1.7") == "application/pdf"
    assert attachment_type(b"<svg onload=alert(1)>") is None
    refuse_programs(b"%PDF-1.7")


def _zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _nested():
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a", "a")
    return inner.getvalue()


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"a.cif": bytes(30_000_000)}, "inflates"),
        ({"../a.cif": b"a"}, "outside"),
        ({"/etc/passwd": b"a"}, "outside"),
        ({"a.zip": _nested()}, "another archive"),
        ({f"{n}.cif": b"" for n in range(2001)}, "2001 files"),
    ],
)
def test_harmful_zips_are_refused(tmp_path, files, problem):
    with pytest.raises(UnreadableFileError, match=problem):
        list(members(_zip(tmp_path / "a.zip", files)))


def test_the_directory_of_a_zip_is_bounded(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04" + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 9, 9, 2**30, 0, 0))
    with pytest.raises(UnreadableFileError, match="directory that is too large"):
        list(members(path))
    path.write_bytes(b"PK\x03\x04 and no end")
    with pytest.raises(UnreadableFileError, match="cut off"):
        list(members(path))


def test_files_are_kept_by_content(tmp_path):
    folder = ArtifactFolder(tmp_path / "artifacts")
    first, again = folder.keep([b"a", b"b"]), folder.keep([b"ab"])
    assert first == again
    assert folder.path(first.digest).read_bytes() == b"ab"
    assert sorted(path.name for path in (tmp_path / "artifacts").iterdir()) == [first.digest[:2]]


def test_files_that_are_too_long_leave_nothing(tmp_path):
    folder = ArtifactFolder(tmp_path)
    with pytest.raises(InvalidValueError, match="larger than"):
        folder.keep(iter([b"a" * 10] * 10), limit=50)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotFoundError, match="not here any more"):
        folder.path("0" * 64)
    with pytest.raises(InvalidValueError, match=r"no SHA-256"):
        folder.path("../../etc/passwd")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../a b.csv", "a b.csv"),
        ('x"\r\n.csv', "x___.csv"),
        (None, "unnamed"),
        ("C:\\a\\b.cif", "b.cif"),
        ("...", "unnamed"),
    ],
)
def test_names_are_harmless(name, shown):
    assert shown_name(name) == shown
