"""Machines, approvals, administration and the account, in a real browser."""

import pytest

from services.access.people import give_campaign
from services.access.principal import local_operator
from services.api.testing import example_campaign
from services.dashboard.testing import GROUP, PASSWORD
from services.store.examples import example_pick, open_round

pytestmark = pytest.mark.browser

PAGES = [
    "/machines",
    "/machines/oracles/potential",
    "/approvals",
    "/approvals/judged",
    "/account",
    "/administration",
    "/administration/people",
    "/administration/people/scientist",
    "/administration/groups",
    "/administration/tokens",
    "/administration/audit",
    "/administration/audit/verify",
    "/administration/health",
]


@pytest.fixture(scope="module", autouse=True)
def campaign(dashboard):
    """A campaign with two looks that wait for approval."""
    store = dashboard.store
    record = store.campaigns.create(example_campaign("first"))
    give_campaign(store, "first", GROUP, by=local_operator())
    picks = [example_pick(n, fidelity) for n, fidelity in enumerate(["lab", "approved", "approved", "static"])]
    open_round(store, record.id, 0, picks)
    return record


def test_looks_are_chosen_and_approved_by_keyboard_alone(sign_in, dashboard, campaign) -> None:
    page = sign_in("scientist", "/approvals")
    page.get_by_label("Choose all on this page").focus()
    page.keyboard.press("Space")
    assert page.locator("input[name=query]:checked").count() == 2
    assert page.get_by_text("2 chosen: 401.4 core-seconds").is_visible()
    page.get_by_label("Reason").focus()
    page.keyboard.type("worth it")
    page.keyboard.press("Enter")
    page.get_by_text("Nothing waits for you").wait_for()
    assert dashboard.store.approval.waiting(campaign.id) == ()
    page.goto("/approvals/judged")
    assert page.get_by_role("cell", name="worth it").count() == 2


def test_a_secret_is_shown_once_and_can_be_copied(sign_in) -> None:
    page = sign_in("scientist", "/account", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_text("Make a token").first.click()
    page.get_by_label("What it is for").fill("notebook")
    page.get_by_label("read see the campaigns").check()
    page.get_by_role("button", name="Make the token").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.goto("/account")
    assert secret not in page.content()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke notebook").click()
    page.get_by_text("revoked").wait_for()


def test_whoever_is_invited_joins_and_is_signed_in(sign_in) -> None:
    administrator = sign_in("administrator", "/administration/people")
    administrator.get_by_label("Role").select_option("viewer")
    administrator.get_by_role("button", name="Make the link").click()
    link = administrator.locator("#secret").inner_text()
    guest = sign_in(None, link)
    guest.get_by_label("Name").fill("guest")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Join").click()
    guest.get_by_role("heading", name="Campaigns").wait_for()
    again = sign_in(None, link)
    again.get_by_label("Name").fill("second-guest")
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Join").click()
    again.get_by_text("This invitation is not good").wait_for()


def test_whoever_forgot_their_password_takes_a_new_one(sign_in) -> None:
    administrator = sign_in("administrator", "/administration/people/guest")
    administrator.get_by_role("button", name="Make a link to a new password").click()
    link = administrator.locator("#password-link").inner_text()
    guest = sign_in(None, link)
    guest.get_by_label("New password").fill("a wholly new sentence")
    guest.get_by_role("button", name="Take it").click()
    guest.get_by_text("Your new password is kept.").wait_for()
    guest.get_by_label("Name").fill("guest")
    guest.get_by_label("Password").fill("a wholly new sentence")
    guest.get_by_role("button", name="Sign in").click()
    guest.get_by_role("heading", name="Campaigns").wait_for()
    again = sign_in(None, link)
    again.get_by_label("New password").fill("yet another sentence")
    again.get_by_role("button", name="Take it").click()
    again.get_by_text("This link is not good").wait_for()


def test_colours_are_resolved_for_figures(sign_in) -> None:
    for scheme, expected in (("light", "#ffffff"), ("dark", "#211e26")):
        page = sign_in("viewer", "/account", color_scheme=scheme)
        assert page.evaluate("resolvedColour('--card')") == expected
    page.get_by_role("button", name="Light or dark").last.click()
    assert page.evaluate("resolvedColour('--card')") == "#ffffff"


def test_a_viewer_is_led_to_nothing_that_they_may_not_do(sign_in) -> None:
    page = sign_in("viewer", "/machines")
    places = page.get_by_role("navigation", name="Parts of the site")
    assert places.get_by_role("link", name="Machines").is_visible()
    assert places.get_by_role("link", name="Approvals").count() == 0
    assert places.get_by_role("link", name="Administration").count() == 0
    page.goto("/administration/people")
    page.get_by_text("Viewers cannot").wait_for()


def test_machines_stay_up_to_date(sign_in, dashboard) -> None:
    page = sign_in("scientist", "/machines")
    page.get_by_text("No worker of the service is alive.").wait_for()
    dashboard.store.cursors.give_sign("worker:here:1")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('petalite:changed'))")
    page.get_by_text("1 worker of the service").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_usable_for_everybody(sign_in, serious_findings, scheme) -> None:
    page = sign_in("administrator", "/machines", color_scheme=scheme)
    for path in PAGES:
        page.goto(path)
        assert serious_findings(page) == [], path
        assert page.locator("h1").count() == 1
    page = sign_in(None, "/join", color_scheme=scheme)
    assert serious_findings(page) == []


def test_no_page_scrolls_sideways_on_a_phone(sign_in) -> None:
    page = sign_in("administrator", "/machines", viewport={"width": 390, "height": 844})
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
