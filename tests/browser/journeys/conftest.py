"""Whole stories in a real browser against a real `petalite serve`: one for all journeys of a pytest process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.real_service import RealService, real_service
from support.stories import PATIENCE_MS

AXE = Path(__file__).parents[1] / "vendor" / "axe.js"


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Beside a worker that computes, pages take longer than Playwright waits by itself."""
    expect.set_options(timeout=PATIENCE_MS)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, browser: object) -> Iterator[RealService]:
    """Served once the browser is there. Campaigns of a journey have names of their own; people are shared."""
    with real_service(tmp_path_factory.mktemp("service") / "home") as served:
        yield served


@pytest.fixture(scope="session")
def dashboard(service: RealService) -> RealService:
    """What `sign_in` opens."""
    return service


@pytest.fixture(scope="session")
def target_findings() -> Callable[[Page], list[str]]:
    """Targets that are smaller than 24 pixels and not apart from others by as much (WCAG 2.2, 2.5.8)."""

    def findings(page: Page) -> list[str]:
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run({runOnly: {type: 'rule', values: ['target-size']}})")
        return [f"{node['target']}: {node['failureSummary']}" for each in found["violations"] for node in each["nodes"]]

    return findings
