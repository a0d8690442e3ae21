"""Strategies for what a look leaves: files, and the quantity at several temperatures."""

from hypothesis import strategies as st

from domain.look import FileNote, LookFile
from domain.measurement import Censoring, SeriesPoint
from domain.testing.plain import names, numbers, positive_numbers, texts


def file_notes() -> st.SearchStrategy[FileNote]:
    """What is said of files."""
    media_types = st.sampled_from(["application/json", "application/gzip", "chemical/x-cif"])
    return st.builds(FileNote, name=names(), media_type=media_types, description=texts(min_size=1))


@st.composite
def look_files(draw: st.DrawFn) -> LookFile:
    """Files in folders of a workbench."""
    note = draw(file_notes())
    folders = draw(st.lists(names(), max_size=2))
    return LookFile(note=note, path="/".join([*folders, note.name]))


def series_points() -> st.SearchStrategy[SeriesPoint]:
    """A quantity at one of several temperatures."""
    return st.builds(
        SeriesPoint,
        temperature_K=positive_numbers(5_000),
        value=numbers(),
        sigma=st.none() | numbers(0, 10),
        censoring=st.sampled_from(Censoring),
    )
