"""People before the dashboard: a real Chromium, signed in as whoever the test needs."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from services.access.roles import Role
from services.dashboard.testing import PASSWORD, ServedDashboard, served_dashboard

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
AXE = Path(__file__).parent / "vendor" / "axe.js"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # so that structures are drawn without a graphics card
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
"""Machines in continuous integration stall now and then."""
TOLD = ("Failed to load resource", "htmx:sendError", "htmx:sendAbort", "htmx:afterRequest")
"""How complaints begin that are told on the page as well, or by `GIVEN_UP`: a refusal, or a service that is away."""
GIVEN_UP = """
  let isLeft = false;
  addEventListener("beforeunload", () => { isLeft = true; });
  addEventListener("htmx:sendAbort", ({ detail }) => {
    if (!isLeft && !detail.elt.closest("[hx-sync]")) {
      console.error(`given up, though nobody left and nothing newer was asked: ${detail.pathInfo.requestPath}`);
    }
  });
"""
"""Complains of requests that end without an answer, but for those of a page that is left or that a newer replaces."""
SignIn = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None or not AXE.exists():
        if os.environ.get("PETALITE_TEST_REQUIRE_BROWSER"):
            pytest.fail("Chromium or the dashboard's scripts are not installed")
        pytest.skip("needs Chromium and the dashboard's scripts (make test installs them)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDashboard]:
    with served_dashboard(tmp_path_factory.mktemp("dashboard")) as served:
        yield served


@pytest.fixture
def sign_in(browser: Browser, dashboard: ServedDashboard) -> Iterator[SignIn]:
    """Opens a window of its own for somebody: `sign_in("scientist", "/campaigns")`.

    Whatever the browser complains about (an error in a script, a file that is missing, something that the policy
    forbids) fails the test.
    """
    complaints: list[str] = []
    contexts = []

    def open_as(name: str | None = Role.SCIENTIST.value, path: str = "/", **options: object) -> Page:
        context = browser.new_context(base_url=dashboard.url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(GIVEN_UP)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        if name is not None:
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(lambda url: "/login" not in url)
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert [text for text in complaints if not text.startswith(TOLD)] == []


@pytest.fixture(scope="session")
def serious_findings() -> Callable[[Page], list[str]]:
    """What axe-core finds serious or worse on a page."""

    def findings(page: Page) -> list[str]:
        # Not as an element, which the page's own policy forbids.
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']][:3]}"
            for violation in found["violations"]
            if violation["impact"] in {"serious", "critical"}
        ]

    return findings
