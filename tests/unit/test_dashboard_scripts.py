"""Scripts of the dashboard share a page but no names: two functions of one name would replace each other."""

import re
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from services.spreadsheets import harmless_cell

DASHBOARD = Path(__file__).parents[2] / "services" / "dashboard"
SHARED = {"theme.js"}
"""Runs before anything is painted, which no module does, and what it defines is meant for all."""


def test_every_script_of_our_own_is_a_module() -> None:
    own = {script.name for script in (DASHBOARD / "static").glob("*.js")} - SHARED
    templates = [page.read_text(encoding="utf-8") for page in (DASHBOARD / "templates").rglob("*.html")]
    loaded = [tag for text in templates for tag in re.findall(r"<script .*?>", text)]
    named = {tag: re.findall(r"url\('([\w.-]+)'\)", tag) for tag in loaded}
    assert own <= {name for names in named.values() for name in names}
    assert [tag for tag, names in named.items() if set(names) & own and 'type="module"' not in tag] == []


def expression_in(script: str, name: str) -> re.Pattern[str]:
    """A regular expression of a script; what is used of them is the same in both languages."""
    found = re.search(rf"^const {name} = /(.+)/;$", (DASHBOARD / "static" / script).read_text("utf-8"), re.MULTILINE)
    assert found is not None
    # There, $ is the end of the text, here also the place before its last line feed.
    return re.compile(re.sub(r"\$$", r"\\Z", found[1]), re.ASCII)


@given(st.text(alphabet="=+-@\t\r\n0123456789.eE()a'", max_size=8))
@example("-cmd|' /C calc'!A0")
@example("\r=1")
@example("-2.3e-4")
@example("-1\n")
def test_tables_of_figures_are_as_harmless_as_exports(text: str) -> None:
    start = expression_in("figures.js", "FORMULA_START")
    number = expression_in("figures.js", "PLAIN_NUMBER")
    is_guarded = start.match(text) is not None and number.match(text) is None
    assert is_guarded is harmless_cell(text).startswith("'" + text)
