"""A morning on the way: a scientist and a laboratory with nothing but a phone and a thumb."""

import re

import pytest
from playwright.sync_api import expect
from support.stories import LONG_MS, assert_never_reloaded, create_from_yaml, mark

from domain.states import CampaignState

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 3}
NAME = "on-the-way"
SPEC = f"""
name: {NAME}
objective: {{ quantity: density, goal: maximize }}
space: {{ elements: [Li, Mg, O, F], space_groups: [166, 221, 225], max_elements: 3, max_atoms: 12 }}
ladder:
  - {{ name: glance, oracle: density, cost: 1 }}
  - {{ name: pellet, oracle: laboratory, cost: 50, settings: {{ quantity: density, instructions: Weigh it in oil. }} }}
budget: {{ total: 120, per_round: 60, approval_above: 20 }}
initial_looks: {{ glance: 4, pellet: 1 }}
max_rounds: 1
pool_size: 64
generator: {{ name: uniform }}
"""
JPEG = b"\xff\xd8\xff\xe0 a pellet on the balance"


@pytest.fixture
def hold(sign_in, target_findings):
    """A phone in somebody's hand: opens, and looks at each page that it is led to."""

    def open_as(name: str, path: str):
        return Phone(sign_in(name, path, **PHONE), target_findings)

    return open_as


class Phone:
    def __init__(self, page, target_findings) -> None:
        self.page = page
        self._target_findings = target_findings

    def look(self) -> None:
        """Nothing is wider than the screen, and no target is too small for a thumb."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} scrolls sideways by {wide} pixels"
        assert self._target_findings(self.page) == [], self.page.url

    def tap(self, role: str, name: str | re.Pattern[str], **options: object) -> None:
        self.page.get_by_role(role, name=name, **options).first.tap()


def test_a_scientists_morning(hold, service) -> None:
    phone = hold("scientist", "/campaigns")
    page = phone.page
    phone.look()
    create_from_yaml(page, SPEC)
    mark(page)
    expect(page.locator("#standing")).to_contain_text(re.compile(r"1\s+looks?\s+waits? for approval"), timeout=LONG_MS)
    expect(page.locator("#standing")).to_contain_text("4 done", timeout=LONG_MS)
    page.locator("[data-figure*='best-by-money'][data-points]").wait_for(timeout=LONG_MS)
    assert_never_reloaded(page)
    phone.look()
    page.goto("/campaigns")
    phone.look()
    phone.tap("link", NAME)
    page.wait_for_url(f"**/campaigns/{NAME}")
    phone.tap("link", "Crystals")
    page.locator("tbody tr").first.wait_for()
    phone.look()
    page.locator("tbody th a").first.tap()
    page.get_by_role("heading", name="Why this crystal, at this fidelity").first.wait_for()
    phone.look()
    phone.tap("link", "Approvals")
    page.wait_for_url("**/approvals")
    phone.look()
    phone.tap("button", re.compile(r"^Approve .* at pellet"))
    page.get_by_role("row").filter(has_text=NAME).wait_for(state="hidden")
    (look,) = service.store.queries.list(service.store.campaigns.get(NAME).id, fidelity="pellet")
    assert look.judged_by == "scientist"


def test_a_laboratorys_morning(hold, service) -> None:
    phone = hold("laboratory", "/laboratory")
    page = phone.page
    sample = page.get_by_role("row").filter(has_text=NAME)
    sample.wait_for()
    phone.look()
    sample.get_by_role("button", name="Take on").tap()
    sample.get_by_role("link", name="Hand in").tap()
    page.get_by_role("heading", name="Hand in the result").wait_for()
    assert page.get_by_text("Weigh it in oil.").is_visible()
    phone.look()
    page.locator("[name=value]").fill("3.4")
    page.get_by_label("Take a picture").set_input_files(
        {"name": "pellet.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    )
    page.get_by_role("button", name="Hand in", exact=True).tap()
    page.get_by_role("heading", name="What happens next").wait_for()
    phone.look()
    assert page.get_by_role("link", name="pellet.jpg").is_visible()
    phone.tap("link", "See how it goes on")
    expect(page.locator("h1 .badge")).to_have_text("completed", timeout=LONG_MS)
    phone.look()
    record = service.store.campaigns.get(NAME)
    assert record.state is CampaignState.COMPLETED
    (file,) = service.store.artifacts.list(record.id)
    assert (file.name, file.size) == ("pellet.jpg", len(JPEG))
