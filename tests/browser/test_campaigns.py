"""Making a campaign: by clicking, by writing YAML, from an example, from another campaign; scheduling it; the list."""

import re

import pytest
from playwright.sync_api import expect

from domain.timing import Timing, TimingKind
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.api.testing import example_campaign
from services.dashboard.testing import GROUP
from services.store.examples import example_pick, open_round

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def filled(dashboard):
    """A campaign that waits for people."""
    store = dashboard.store
    record = store.campaigns.create(example_campaign("chlorides"))
    give_campaign(store, "chlorides", GROUP, by=local_operator())
    open_round(
        store, record.id, 0, [example_pick(n, fidelity) for n, fidelity in enumerate(["lab", "approved", "static"])]
    )
    store.schedules.add(record.id, Timing(TimingKind.CRON, "0 6 * * 1", "Europe/Berlin"), created_by="scientist")
    return store


@pytest.fixture
def new_page(sign_in):
    page = sign_in("scientist", "/campaigns/new?template=quickstart")
    page.locator("#space-count").wait_for()
    return page


def yaml_of(page):
    return page.locator("#yaml").input_value()


def test_an_element_is_allowed_required_and_taken_out_by_clicks_and_the_yaml_follows(new_page) -> None:
    sodium = new_page.locator("[data-element=Na]")
    sodium.click()
    assert sodium.get_attribute("aria-pressed") == "mixed"
    assert "Na +1" in new_page.locator("[data-common-states]").inner_text()
    expect(new_page.locator("#yaml")).to_have_value(re.compile(r"elements: \[Li, Mg, O, F, S, Cl, Na\]"))
    sodium.click()
    assert sodium.get_attribute("aria-pressed") == "true"
    expect(new_page.locator("#yaml")).to_have_value(re.compile(r"required_elements: \[Li, Na\]"))
    sodium.click()
    assert sodium.get_attribute("aria-pressed") == "false"
    expect(new_page.locator("#yaml")).to_have_value(re.compile(r"required_elements: \[Li\]"))
    assert "Na" not in yaml_of(new_page)


def test_the_periodic_table_and_the_groups_are_used_by_keyboard(new_page) -> None:
    new_page.locator("[data-element=H]").focus()
    new_page.keyboard.press("ArrowDown")
    assert new_page.evaluate("document.activeElement.dataset.element") == "Li"
    new_page.keyboard.press("ArrowDown")
    new_page.keyboard.press("Space")
    assert new_page.locator("[data-element=Na]").get_attribute("aria-pressed") == "mixed"
    new_page.get_by_placeholder("number or symbol").fill("Pnma")
    new_page.locator("[data-group='62']").focus()
    new_page.keyboard.press("Enter")
    assert "62" in new_page.get_by_label("Numbers").input_value()


def test_a_crystal_system_is_chosen_at_once(new_page) -> None:
    before = new_page.locator("#space-count strong").inner_text()
    new_page.locator("#system-cubic summary").click()
    new_page.locator("#system-cubic").get_by_role("button", name="All of them").click()
    assert new_page.get_by_label("Numbers").input_value().endswith("194-230")
    expect(new_page.locator("#system-cubic [data-chosen]")).to_have_text("36")
    expect(new_page.locator("#space-count strong")).not_to_have_text(before)


def test_what_is_written_in_yaml_is_shown_in_the_form(new_page) -> None:
    text = yaml_of(new_page).replace("elements: [Li, Mg,", "elements: [Li, K,").replace("max_atoms: 12", "max_atoms: 9")
    new_page.locator("#yaml").fill(text)
    expect(new_page.locator("[id='field-space.elements']")).to_have_value("Li, K, O, F, S, Cl")
    expect(new_page.get_by_label("Most atoms")).to_have_value("9")
    assert new_page.locator("[data-element=K]").get_attribute("aria-pressed") == "mixed"
    assert "# in the conventional cell" in yaml_of(new_page)  # what was written stays as it was written


def test_what_is_wrong_is_said_at_the_field_and_at_the_line(new_page) -> None:
    new_page.locator("#yaml").fill(yaml_of(new_page).replace("max_rounds: 4", "max_rounds: many"))
    problem = new_page.locator("[data-problem-for=max_rounds]")
    problem.wait_for()
    field = new_page.get_by_label("Most rounds")
    assert field.get_attribute("aria-invalid") == "true"
    problem.get_by_role("button", name=re.compile("line")).click()
    chosen = (
        "document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)"
    )
    assert new_page.evaluate(chosen) == "max_rounds: many"
    field.fill("3")
    expect(new_page.locator("#can-be-run")).to_contain_text("at most 3 rounds")
    expect(field).not_to_have_attribute("aria-invalid", "true")


def test_yaml_that_cannot_be_read_is_never_overwritten_by_the_form(new_page) -> None:
    broken = yaml_of(new_page) + "space: ["
    new_page.locator("#yaml").fill(broken)
    new_page.locator("[data-problems]", has_text="not YAML").wait_for()
    new_page.get_by_label("Most rounds").fill("7")
    new_page.get_by_text("Correct the YAML first").wait_for()
    assert yaml_of(new_page) == broken


def test_a_rung_is_added_moved_and_removed(new_page) -> None:
    new_page.get_by_role("button", name="Add a way of looking").click()
    new_page.locator("[id='field-ladder[3].name']").fill("lab")
    new_page.locator("[id='field-ladder[3].oracle']").fill("laboratory")
    new_page.locator("[id='field-ladder[3].cost']").fill("60")
    expect(new_page.locator("#yaml")).to_have_value(re.compile("oracle: laboratory"))
    new_page.locator("#step-up-3").click()
    expect(new_page.locator("[id='field-ladder[2].name']")).to_have_value("lab")
    new_page.locator("#step-remove-2").click()
    expect(new_page.locator("[id='field-ladder[2].name']")).to_have_value("dft")
    assert "laboratory" not in yaml_of(new_page)


def test_a_campaign_is_created_scheduled_and_started(new_page, dashboard) -> None:
    new_page.get_by_label("Name", exact=False).first.fill("first-try")
    new_page.get_by_label("Start it at once").check()
    new_page.get_by_label("When").select_option("week")
    new_page.get_by_label("Wednesday").check()
    new_page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(new_page.locator(".next-dates li")).to_have_count(5)
    expect(new_page.locator(".next-dates li").first).to_contain_text(re.compile("Monday|Wednesday"))
    new_page.get_by_role("button", name="Create the campaign").click()
    new_page.wait_for_url("**/campaigns/first-try")
    record = dashboard.store.campaigns.get("first-try")
    assert record.wake_at is not None
    (schedule,) = dashboard.store.schedules.list(record.id)
    assert (schedule.timing.expression, schedule.timing.time_zone) == ("0 6 * * 1,3", "Europe/Berlin")


def test_a_campaign_is_cloned_under_a_free_name(sign_in, filled) -> None:
    page = sign_in("scientist", "/campaigns/chlorides/spec")
    page.get_by_role("link", name="Clone it").click()
    assert page.locator("#field-name").input_value() == "chlorides-2"


def test_a_file_fills_the_form(sign_in) -> None:
    page = sign_in("scientist", "/campaigns/new")
    content = b"name: from-a-file\nspace: {elements: [Li, I], space_groups: [225]}\n"
    page.get_by_label("Start from a YAML file").set_input_files(
        {"name": "x.yaml", "mimeType": "text/plain", "buffer": content}
    )
    page.get_by_role("button", name="Read it").click()
    expect(page.locator("#field-name")).to_have_value("from-a-file")
    assert page.locator("[data-element=I]").get_attribute("aria-pressed") == "mixed"
    page.locator("#space-count").wait_for()


def test_a_schedule_is_added_paused_and_removed(sign_in, filled) -> None:
    page = sign_in("scientist", "/campaigns/chlorides/schedules")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.get_by_text("on Monday at 06:00").is_visible()
    page.get_by_label("When").select_option("interval")
    expect(page.locator(".next-dates li")).to_have_count(5)
    page.get_by_role("button", name="Add it").click()
    row = page.locator("tbody tr", has_text="every 6 hours")
    row.get_by_role("button", name="Pause").click()
    row.get_by_role("button", name="Resume").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Remove").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_list_keeps_itself_up_to_date(sign_in, filled) -> None:
    page = sign_in("scientist", "/campaigns")
    row = page.locator("tbody tr", has_text="chlorides").last
    assert row.get_by_text("1 to approve").is_visible()
    assert row.get_by_text("1 for the laboratory").is_visible()
    record = filled.campaigns.create(example_campaign("arrived-meanwhile"))
    give_campaign(filled, record.name, GROUP, by=local_operator())
    page.evaluate("document.body.dispatchEvent(new CustomEvent('petalite:changed'))")
    page.get_by_role("link", name="arrived-meanwhile").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_usable_for_everybody(sign_in, filled, serious_findings, scheme) -> None:
    page = sign_in("scientist", "/campaigns", color_scheme=scheme)
    assert serious_findings(page) == []
    for path in ("/campaigns/chlorides/spec", "/campaigns/chlorides/schedules", "/campaigns/new?template=quickstart"):
        page.goto(path)
        if "new" in path:
            page.locator("#space-count").wait_for()
            page.locator("#system-cubic summary").click()
        assert serious_findings(page) == [], path


def test_nothing_is_wider_than_a_phone(sign_in, filled) -> None:
    page = sign_in("scientist", "/campaigns", viewport={"width": 390, "height": 800})
    for path in (
        "/campaigns",
        "/campaigns/new?template=quickstart",
        "/campaigns/chlorides/spec",
        "/campaigns/chlorides/schedules",
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_an_example_does_not_replace_what_was_typed_without_a_question(sign_in) -> None:
    page = sign_in("scientist", "/campaigns/new")
    name = page.locator("[id='field-name']")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    name.fill("mine")
    page.get_by_role("button", name="Fill in from tour").click()
    assert asked == ["Replace what stands in the form and in the YAML?"]
    assert name.input_value() == "mine"
    page.goto("/campaigns/new")
    page.get_by_role("button", name="Fill in from tour").click()
    page.wait_for_url("**template=tour")
    assert page.locator("[id='field-name']").input_value() == "tour"
    assert len(asked) == 1


def test_a_bad_item_in_every_list_is_told_at_its_field_and_hangs_nothing(sign_in) -> None:
    page = sign_in("scientist", "/campaigns/new")
    typed = {
        "space.elements": "Li, Xx, O",
        "space.required_elements": "Li, Yy",
        "space.oxidation_states": "Li: one",
        "space.space_groups": "225, 999, 10-5",
        "space.length_A-0": "short",
    }
    for name, text in typed.items():
        page.locator(f"[id='field-{name}']").fill(text)
        expect(page.locator(f"[id='field-{name}']")).to_have_attribute("aria-invalid", "true")
    assert page.get_by_text("'10-5' is no range of space groups: write 5-10.").count() > 0
    page.locator("[id='field-name']").fill("still-here")
    expect(page.locator("#yaml")).to_have_value(re.compile("still-here"))


def test_what_is_only_not_there_yet_is_a_quiet_list(sign_in) -> None:
    page = sign_in("scientist", "/campaigns/new")
    page.locator("[id='field-name']").fill("mine")
    expect(page.locator("#still-needed")).to_contain_text("Still needed: what is looked for, elements and space groups")
    assert page.locator("[aria-invalid]").count() == 0
    assert page.locator("[data-problems]").count() == 0
