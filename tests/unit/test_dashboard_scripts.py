"""Scripts of the dashboard share a page but no names: two functions of one name would replace each other."""

import re
from pathlib import Path

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
