"""Pictures of every page of the dashboard: light, dark, and as wide as a phone.

Names on the command line, such as `campaign_light crystal_dark`, take those alone.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, expect, sync_playwright
from scene import set_the_scene

from services.dashboard.testing import GROUP, PASSWORD, ServedDashboard, served_dashboard
from services.settings import load_settings

FOLDER: Final = Path(__file__).parents[1] / "docs" / "images"
DESK: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking")
QUALITY: Final = 60
LONGEST: Final = 2000
"""Pixels of a page from its top: what comes below is seen in the browser."""
PATIENCE_MS: Final = 60_000
SETTLED_MS: Final = 400
"""For what moves into its place."""


@dataclass(frozen=True, slots=True)
class Variant:
    """How pages are looked at."""

    name: str
    scheme: str
    viewport: dict[str, int]


VARIANTS: Final = (Variant("light", "light", DESK), Variant("dark", "dark", DESK), Variant("phone", "light", PHONE))


def pages_of(served: ServedDashboard, home: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    """The pages, by name and path, that each role is shown at."""
    campaign = set_the_scene(served.store, load_settings({"PETALITE_HOME": str(home)}), group=GROUP)
    pellets = served.store.queries.list(campaign.id, fidelity="pellet")
    crystal = pellets[0].candidate_id
    compared = "&".join(f"crystal={number}" for number in sorted({query.candidate_id for query in pellets})[:3])
    here = f"/campaigns/{campaign.name}"
    return {
        "scientist": (
            ("campaigns", "/campaigns"),
            ("new-campaign", "/campaigns/new?template=quickstart"),
            ("campaign", here),
            ("crystals", f"{here}/crystals"),
            ("crystal", f"/crystals/{crystal}"),
            ("comparison", f"/compare/crystals?{compared}"),
            ("round", f"{here}/rounds/1"),
            ("looks", f"{here}/looks"),
            ("events", f"{here}/events"),
            ("schedules", f"{here}/schedules"),
            ("spec", f"{here}/spec"),
            ("approvals", "/approvals"),
            ("machines", "/machines"),
            ("materials", "/materials"),
            ("account", "/account"),
        ),
        "laboratory": (
            ("laboratory", "/laboratory"),
            ("sample", f"/laboratory/queries/{pellets[-1].id}"),
            ("uploads", f"{here}/uploads"),
            ("spectrum", "/uploads/1/rows/1"),
        ),
        "administrator": (("administration", "/administration"), ("audit", "/administration/audit")),
    }


@contextmanager
def signed_in(browser: Browser, served: ServedDashboard, role: str, variant: Variant) -> Iterator[Page]:
    """A window of somebody."""
    context = browser.new_context(base_url=served.url, color_scheme=variant.scheme, viewport=variant.viewport)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Name").fill(role)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    yield page
    context.close()


def wait_until_drawn(page: Page) -> None:
    """Waits for the page's figures and its structure."""
    drawn = page.locator("[data-figure][data-points], [data-figure].figure-empty")
    expect(drawn).to_have_count(page.locator("[data-figure]").count(), timeout=PATIENCE_MS)
    expect(page.locator("[data-atoms]")).to_have_count(page.locator(".structure").count(), timeout=PATIENCE_MS)
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLED_MS)


def take_all(page: Page, asked: Mapping[str, str]) -> None:
    """Takes pictures of pages, by name and path."""
    for name, path in asked.items():
        page.goto(path)
        wait_until_drawn(page)
        width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, LONGEST)}
        page.screenshot(path=FOLDER / f"{name}.jpg", full_page=True, clip=clip, type="jpeg", quality=QUALITY)


def main() -> None:
    """Takes all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed; `make browser` installs it.")
    wanted = frozenset(sys.argv[1:])
    with (
        tempfile.TemporaryDirectory() as home,
        served_dashboard(Path(home)) as served,
        sync_playwright() as playwright,
    ):
        pages = pages_of(served, Path(home))
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for variant in VARIANTS:
            for role, places in pages.items():
                asked = {f"{name}_{variant.name}": path for name, path in places}
                asked = {name: path for name, path in asked.items() if not wanted or name in wanted}
                if asked:
                    with signed_in(browser, served, role, variant) as page:
                        take_all(page, asked)
        browser.close()


if __name__ == "__main__":
    main()
