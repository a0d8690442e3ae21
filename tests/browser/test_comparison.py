"""Crystals and campaigns beside each other, in a browser."""

import pytest
from playwright.sync_api import expect

from services.dashboard.example import fill_campaign
from services.dashboard.testing import GROUP

pytestmark = pytest.mark.browser

CAMPAIGNS = ("bromides", "chlorides")
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module", autouse=True)
def campaigns(dashboard):
    return [fill_campaign(dashboard.store, name, group=GROUP) for name in CAMPAIGNS]


def fits_a_phone(page) -> None:
    """Waits until nothing is wider than the window: figures follow it in their own time."""
    page.set_viewport_size(PHONE)
    # Not wait_for_function, which the page's content security policy refuses to evaluate.
    page.evaluate("""() => new Promise((done) => {
        const page = document.documentElement;
        const look = () => (page.scrollWidth <= page.clientWidth ? done() : requestAnimationFrame(look));
        look();
    })""")


def test_ticked_crystals_stay_ticked_while_the_table_follows_and_are_compared(sign_in, serious_findings) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGNS[0]}/crystals?sort=round")
    boxes = page.get_by_role("checkbox", name="Compare")
    for place in (0, 1):
        boxes.nth(place).check()
    page.locator("#crystals-table").evaluate("table => { table.dataset.isOld = 'true'; }")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('petalite:changed'))")
    expect(page.locator("[data-is-old]")).to_have_count(0)
    assert [boxes.nth(place).is_checked() for place in range(3)] == [True, True, False]
    page.get_by_role("button", name="Compare the ticked ones").click()
    page.wait_for_url("**/compare/crystals?crystal=1&crystal=2")
    page.locator("[data-structure][data-atoms]").first.wait_for()
    assert serious_findings(page) == []
    fits_a_phone(page)


def test_ticked_campaigns_are_drawn_in_one_figure(sign_in, serious_findings) -> None:
    page = sign_in("viewer", "/campaigns", color_scheme="dark", reduced_motion="reduce")
    for name in CAMPAIGNS:
        page.get_by_role("checkbox", name=f"Compare {name}").check()
    page.get_by_role("button", name="Compare the ticked ones").click()
    page.locator("[data-figure][data-points]").wait_for()
    legend = page.locator(".legendtext").all_text_contents()
    assert sorted(legend) == sorted(CAMPAIGNS)
    assert serious_findings(page) == []
    fits_a_phone(page)
