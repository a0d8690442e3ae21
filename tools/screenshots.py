"""Pictures of every page of the dashboard: light, dark, and as wide as a phone."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

from services.dashboard.example import fill_campaign
from services.dashboard.testing import GROUP, PASSWORD, ServedDashboard, served_dashboard

FOLDER: Final = Path(__file__).parents[1] / "docs" / "images"
CAMPAIGN: Final = "salts"
DESK: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking")
QUALITY: Final = 65
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


def pages_of(served: ServedDashboard) -> dict[str, tuple[tuple[str, str], ...]]:
    """The pages, by name and path, that each role is shown at."""
    campaign = fill_campaign(served.store, CAMPAIGN, group=GROUP)
    crystal = served.store.candidates.list(campaign.id)[1].id
    here = f"/campaigns/{CAMPAIGN}"
    return {
        "scientist": (
            ("campaigns", "/campaigns"),
            ("new-campaign", "/campaigns/new?template=quickstart"),
            ("campaign", here),
            ("crystals", f"{here}/crystals"),
            ("crystal", f"/crystals/{crystal}"),
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
        "laboratory": (("laboratory", "/laboratory"), ("uploads", f"{here}/uploads")),
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
    if page.locator(".structure").count():
        page.locator("[data-atoms]").wait_for()
    page.wait_for_load_state("load")
    page.wait_for_timeout(SETTLED_MS)


def main() -> None:
    """Takes all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed; `make browser` installs it.")
    with (
        tempfile.TemporaryDirectory() as home,
        served_dashboard(Path(home)) as served,
        sync_playwright() as playwright,
    ):
        pages = pages_of(served)
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for variant in VARIANTS:
            for role, places in pages.items():
                with signed_in(browser, served, role, variant) as page:
                    for name, path in places:
                        page.goto(path)
                        wait_until_drawn(page)
                        picture = FOLDER / f"{name}_{variant.name}.jpg"
                        page.screenshot(path=picture, full_page=True, type="jpeg", quality=QUALITY)
        browser.close()


if __name__ == "__main__":
    main()
