"""What several journeys do in the browser in the same way."""

import re
from typing import Final

from playwright.sync_api import Page, expect

PATIENCE_MS: Final = 60_000
"""Machines in continuous integration stall now and then."""
LONG_MS: Final = 150_000
"""A campaign of a few looks, on a machine that has other things to do as well."""


def create_from_yaml(page: Page, text: str) -> None:
    """Writes a spec into the New campaign page, and creates and starts the campaign."""
    page.goto("/campaigns/new")
    page.locator("#yaml").fill(text)
    expect(page.locator("#can-be-run")).to_be_visible()
    page.get_by_label("Start it at once").check()
    page.get_by_role("button", name="Create the campaign").click()
    page.wait_for_url(lambda url: "/campaigns/new" not in url)


def mark(page: Page) -> None:
    """Leaves a mark that is gone as soon as the page is loaded again."""
    page.evaluate("document.documentElement.dataset.neverReloaded = 'true'")


def assert_never_reloaded(page: Page) -> None:
    assert page.evaluate("document.documentElement.dataset.neverReloaded") == "true"


def facts(page: Page, root: str = "main") -> dict[str, str]:
    """Names and values of the facts on a page."""
    pairs = page.locator(f"{root} dl.facts > div").evaluate_all(
        "places => places.map((place) => [...place.children].map((part) => part.textContent.trim()))"
    )
    return dict(pairs)


def money(text: str) -> float:
    """The number of an amount such as "1,204 core-seconds"."""
    number = re.match(r"[\d.,\s]*\d", text)
    assert number is not None, text
    return float(re.sub(r"[,\s]", "", number[0]))
