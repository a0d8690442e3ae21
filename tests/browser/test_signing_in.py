"""The door of the dashboard."""

import pytest

pytestmark = pytest.mark.browser


def test_who_is_not_signed_in_is_led_to_the_door_and_back(sign_in) -> None:
    page = sign_in("scientist", "/campaigns?state=paused")
    assert page.url.endswith("/campaigns?state=paused")
    assert page.get_by_role("heading", name="Campaigns").is_visible()


def test_a_wrong_password_is_said_and_the_name_is_kept(sign_in) -> None:
    page = sign_in(None, "/")
    page.get_by_label("Name").fill("scientist")
    page.get_by_label("Password").fill("something else")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").filter(has_text="password").wait_for()
    assert page.get_by_label("Name").input_value() == "scientist"


def test_signing_out_ends_the_session(sign_in) -> None:
    page = sign_in("scientist", "/campaigns")
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.goto("/campaigns")
    assert "/login" in page.url


def test_after_signing_in_nobody_is_led_to_another_site(sign_in) -> None:
    page = sign_in("scientist", "/login?next=//elsewhere.example/")
    assert page.url.endswith("/campaigns")


def test_what_is_not_there_is_said_on_a_page(sign_in) -> None:
    page = sign_in("scientist", "/campaigns/of-others")
    assert page.get_by_text("There is no campaign 'of-others'.").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_door_and_the_list_are_usable_for_everybody(sign_in, serious_findings, scheme) -> None:
    page = sign_in(None, "/login", color_scheme=scheme)
    assert serious_findings(page) == []
    page = sign_in("scientist", "/campaigns", color_scheme=scheme)
    assert serious_findings(page) == []
