"""A scientist who uses no mouse: from signing in to signing out with the keyboard alone."""

import re

import pytest
from playwright.sync_api import expect
from support.stories import LONG_MS

from domain.states import CampaignState, QueryState
from services.dashboard.testing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

NAME = "by-keyboard"
MOST_STOPS = 150
"""Of the Tab key from the top of a page to anything on it."""
HERE = """() => {
  const focused = document.activeElement;
  const named = focused.labels?.length ? [...focused.labels].map((label) => label.textContent).join(" ") : "";
  const style = getComputedStyle(focused);
  const box = focused.getBoundingClientRect();
  return {
    tag: focused.tagName.toLowerCase(),
    id: focused.id,
    name: (focused.getAttribute("aria-label") ?? (named || focused.textContent)).replace(/\\s+/g, " ").trim(),
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    isSeen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


class Keyboard:
    """What hands on a keyboard can do, and what eyes on the focus see at each step."""

    def __init__(self, page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def here(self) -> dict[str, object]:
        return self.page.evaluate(HERE)

    def tab_to(self, name: str | re.Pattern[str], *, tag: str = "") -> None:
        """Presses Tab until the focus is on something of that name; the focus is seen at every stop on the way."""
        wanted = re.compile(f"^{re.escape(name)}") if isinstance(name, str) else name
        before = None
        for _ in range(MOST_STOPS):
            stop = self.here()
            if stop["tag"] not in ("body", "main"):
                assert stop["isSeen"], f"the focus is out of sight: {stop}"
                assert stop["outline"] >= 2, f"the focus is not shown: {stop}"
                assert stop != before or stop["tag"] == "input", f"the focus is trapped: {stop}"
                if wanted.search(str(stop["name"])) and re.fullmatch(tag or ".*", str(stop["tag"])):
                    return
            before = stop
            self.press("Tab")
        pytest.fail(f"Tab never came to {name} on {self.page.url}")

    def write(self, field: str, text: str) -> None:
        self.tab_to(field, tag="input|textarea")
        self.press("Control+a")
        self.page.keyboard.type(text)

    def follow(self, name: str | re.Pattern[str], to: str, *, tag: str = "") -> None:
        """Presses Enter on a link or a button that leads to another page."""
        self.tab_to(name, tag=tag)
        with self.page.expect_navigation(url=to):
            self.press("Enter")

    def skip(self) -> None:
        """Goes past the head of the page."""
        self.press("Tab")
        assert self.here()["name"] == "Skip to the content"
        assert self.here()["isSeen"]
        self.press("Enter")
        expect(self.page.locator("#main")).to_be_focused()


@pytest.fixture
def keyboard(sign_in):
    """Somebody who has just signed in, and has touched no mouse for it."""
    keyboard = Keyboard(sign_in(None, "/campaigns"))
    keyboard.page.keyboard.type("scientist")
    keyboard.write("Password", PASSWORD)
    with keyboard.page.expect_navigation(url="**/campaigns"):
        keyboard.press("Enter")
    return keyboard


def test_a_whole_campaign_without_a_mouse(keyboard, service) -> None:
    page = keyboard.page
    make_the_campaign(keyboard)
    keyboard.skip()
    keyboard.follow("Start", f"**/campaigns/{NAME}", tag="button")
    expect(page.locator("#standing")).to_contain_text(re.compile(r"1\s+looks?\s+waits? for approval"), timeout=LONG_MS)
    expect(page.locator("#standing")).to_contain_text("15 done", timeout=LONG_MS)
    assert_the_focus_stays(keyboard)

    page.reload()
    keyboard.skip()
    keyboard.follow("Crystals", f"**/campaigns/{NAME}/crystals", tag="a")
    keyboard.skip()
    leader = page.locator("tbody th a").first.text_content() or ""
    keyboard.follow(" ".join(leader.split()), "**/crystals/*", tag="a")
    page.get_by_role("heading", name="Why this crystal, at this fidelity").first.wait_for()

    keyboard.follow("Approvals", "**/approvals", tag="a")
    keyboard.skip()
    (look,) = service.store.queries.list(service.store.campaigns.get(NAME).id, fidelity="weighed")
    keyboard.follow(re.compile(rf"^Approve .*query {look.id}\)"), "**/approvals**")
    assert service.store.queries.get(look.id).state is QueryState.QUEUED

    hand_a_result_in(keyboard, look.id)
    keyboard.follow("See how it goes on", f"**/campaigns/{NAME}", tag="a")
    expect(page.locator("h1 .badge")).to_have_text("completed", timeout=LONG_MS)
    assert service.store.campaigns.get(NAME).state is CampaignState.COMPLETED

    keyboard.tab_to("scientist", tag="summary")
    keyboard.press("Enter")
    keyboard.follow("Sign out", "**/login", tag="button")


def make_the_campaign(keyboard) -> None:
    page = keyboard.page
    keyboard.skip()
    keyboard.follow("New campaign", "**/campaigns/new")
    keyboard.skip()
    keyboard.follow("Fill in from tour", "**/campaigns/new?template=tour**")
    keyboard.skip()
    keyboard.write("Name", NAME)
    keyboard.tab_to("Add a way of looking")
    keyboard.press("Enter")
    expect(page.locator("[id='field-ladder[1].name']")).to_be_focused()
    for field, text in (
        ("Name", "weighed"),
        ("Oracle", "laboratory"),
        ("Cost of a look", "5"),
        ("Looks in the first round", "1"),
        ("Settings", "quantity: density"),
        ("Approval above", "2"),
        ("Most rounds", "1"),
    ):
        keyboard.write(field, text)
    expect(page.locator("#can-be-run")).to_contain_text("at most 1 round")
    keyboard.follow("Create the campaign", f"**/campaigns/{NAME}", tag="button")


def hand_a_result_in(keyboard, number: int) -> None:
    page = keyboard.page
    page.reload()
    keyboard.follow("Laboratory", "**/laboratory", tag="a")
    keyboard.skip()
    keyboard.tab_to("Campaign", tag="select")
    page.keyboard.type(NAME)
    keyboard.follow("Show", f"**/laboratory?**{NAME}**", tag="button")
    expect(page.locator("#main")).to_be_focused()  # whoever has skipped the head once need not do it again
    keyboard.follow("Take on", f"**/laboratory?campaign={NAME}", tag="button")
    keyboard.follow("Hand in", f"**/laboratory/queries/{number}**", tag="a")
    keyboard.write("Value", "3.3")
    keyboard.follow(re.compile("^Hand in$"), f"**/laboratory/queries/{number}**", tag="button")
    page.get_by_role("heading", name="What happens next").wait_for()


def assert_the_focus_stays(keyboard) -> None:
    """Where it is, while the part of the page that it is in fetches itself anew."""
    page = keyboard.page
    keyboard.tab_to(re.compile(r"^\d+ done"), tag="a")
    before = keyboard.here()
    page.evaluate("document.activeElement.dataset.isOld = 'true'")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('petalite:changed'))")
    expect(page.locator("[data-is-old]")).to_have_count(0)
    assert keyboard.here() == before
