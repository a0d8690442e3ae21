"""A scientist makes a campaign from a template, watches it finish, and takes away what it found."""

import csv
import io
import re
import zipfile

import pytest
from ase.io import read
from playwright.sync_api import expect
from support.stories import LONG_MS, assert_never_reloaded, facts, mark

from domain.states import CampaignState

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

NAME = "salts-by-hand"
MODEL = "calculator: lj\nparameters: {{ sigma: 1.2, rc: {reach} }}"


def field(page, name: str):
    return page.locator(f"[id='field-{name}']")


def choose_template(page, name: str) -> None:
    page.get_by_role("button", name=f"Fill in from {name}").click()
    expect(field(page, "name")).to_have_value(name)


def test_a_campaign_is_made_from_a_template_and_watched_until_it_is_over(sign_in, service) -> None:
    page = sign_in("scientist", "/campaigns")
    page.get_by_role("link", name="New campaign").first.click()
    choose_template(page, "rock-salts")
    fill_in(page)
    yaml = page.locator("#yaml")
    for follows in (rf"name: {NAME}", r"elements: \[Li, F\]", r"space_groups: \[221, 225\]", r"total: 44", "uniform"):
        expect(yaml).to_have_value(re.compile(follows))
    field(page, "budget.per_round").fill("100")
    expect(page.locator("[data-problems]")).to_contain_text("per_round")
    field(page, "budget.per_round").fill("22")
    expect(page.locator("#can-be-run")).to_contain_text("at most 2 rounds")
    page.get_by_role("button", name="Create the campaign").click()
    page.wait_for_url(f"**/campaigns/{NAME}")

    assert facts(page)["Rounds"] == "0 of 2"
    table = page.context.new_page()
    table.goto(f"/campaigns/{NAME}/crystals")
    table.get_by_text("No crystal yet").wait_for()
    mark(table)
    page.get_by_role("button", name="Start", exact=True).click()
    mark(page)
    expect(page.locator("h1 .badge")).to_have_text("completed", timeout=LONG_MS)
    expect(page.locator("#standing")).to_contain_text("2 of 2")
    page.locator("[data-figure*='best-by-money'][data-points]").wait_for(timeout=LONG_MS)
    assert_never_reloaded(page)
    record = service.store.campaigns.get(NAME)
    assert record.state is CampaignState.COMPLETED
    shown = re.match(r"\S+", facts(page)["Best at relaxed"])
    assert float(shown[0].replace("−", "-")) == pytest.approx(best_value(service.store, record), rel=0.01)

    leaders = table.locator("#crystals tbody tr")
    expect(leaders).to_have_count(len(service.store.candidates.list(record.id)))
    expect(leaders.filter(has_text=shown[0]).first).to_be_visible()
    assert_never_reloaded(table)
    page.get_by_role("link", name="Crystals").first.click()
    page.locator("#crystals tbody tr").first.get_by_role("link").first.click()
    read_the_crystal(page, service)
    page.goto(f"/campaigns/{NAME}")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="RO-Crate").click()
    check_the_crate(downloading.value.path().read_bytes(), service.store, record)


def fill_in(page) -> None:
    """Makes a smaller campaign of the template, with an oracle that answers at once."""
    field(page, "name").fill(NAME)
    for symbol in ("Na", "K", "Rb", "Br", "I", "Cl"):  # out, by way of required
        page.locator(f"[data-element={symbol}]").click()
        page.locator(f"[data-element={symbol}]").click()
    field(page, "space.oxidation_states").fill("")
    page.locator("#system-cubic summary").click()
    page.locator("[data-group='216']").click()
    field(page, "space.volume_per_atom_A3-0").fill("9")
    field(page, "space.volume_per_atom_A3-1").fill("20")
    for number, reach in enumerate(("4.0", "8.0")):
        field(page, f"ladder[{number}].oracle").fill("ase")
        field(page, f"ladder[{number}].settings").fill(MODEL.format(reach=reach))
    field(page, "ladder[1].initial_looks").fill("2")
    field(page, "ladder[0].initial_looks").fill("6")
    field(page, "budget.total").fill("44")
    field(page, "budget.per_round").fill("22")
    field(page, "max_rounds").fill("2")
    page.locator("#advanced summary").click()
    field(page, "pool_size").fill("64")
    field(page, "generator.name").fill("uniform")
    field(page, "generator.settings").fill("")


def best_value(store, campaign) -> float:
    numbers = [query.id for query in store.queries.list(campaign.id) if query.fidelity == "relaxed"]
    values = [one.measurement.value for number in numbers for one in store.measurements.of_query(number)]
    return min(values)


def read_the_crystal(page, service) -> None:
    drawn = page.locator("[data-structure][data-atoms]")
    drawn.wait_for()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CIF", exact=True).click()
    atoms = read(downloading.value.path(), format="cif")
    number = int(re.search(r"/realizations/(\d+)/", drawn.get_attribute("data-structure"))[1])
    sites = page.request.get(f"{service.url}/api/v1/realizations/{number}/structure?format=extxyz").text()
    assert int(drawn.get_attribute("data-atoms")) == len(atoms) == int(sites.splitlines()[0])
    assert set(atoms.get_chemical_symbols()) == {"Li", "F"}
    page.get_by_role("heading", name="Why this crystal, at this fidelity").first.wait_for()


def check_the_crate(content: bytes, store, campaign) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as crate:
        assert crate.testzip() is None
        names = crate.namelist()
        assert any(name.endswith("ro-crate-metadata.json") for name in names)
        (table,) = [name for name in names if name.endswith("measurements.csv")]
        rows = list(csv.DictReader(io.TextIOWrapper(crate.open(table), "utf-8")))
    assert len(rows) == len(store.measurements.list(campaign.id))


def test_a_campaign_that_waits_is_paused_resumed_scheduled_and_stopped(sign_in, service) -> None:
    page = sign_in("scientist", "/campaigns/new")
    choose_template(page, "solid-electrolyte")
    field(page, "name").fill("pellets-by-hand")
    page.locator("#advanced summary").click()
    field(page, "generator.name").fill("uniform")
    field(page, "pool_size").fill("64")
    expect(page.locator("#can-be-run")).to_contain_text("at most 6 rounds")
    page.get_by_label("Start it at once").check()
    page.get_by_role("button", name="Create the campaign").click()
    page.wait_for_url("**/campaigns/pellets-by-hand")
    mark(page)
    badge = page.locator("h1 .badge")
    expect(badge).to_have_text("waiting", timeout=LONG_MS)
    page.get_by_role("link", name="8 looks").wait_for()
    assert_never_reloaded(page)
    page.get_by_role("button", name="Pause").click()
    expect(badge).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    mark(page)
    expect(badge).to_have_text("waiting", timeout=LONG_MS)
    assert_never_reloaded(page)

    page.get_by_role("link", name="Schedules").click()
    page.get_by_label("When").select_option("cron")
    page.get_by_role("textbox", name="Cron expression").fill("30 7 * * 1-5")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(page.locator(".next-dates li")).to_have_count(5)
    expect(page.locator(".next-dates li").first).to_contain_text("07:30")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("tbody tr .dates li")).to_have_count(5)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove").click()
    page.get_by_text("No schedule", exact=True).wait_for()
    record = service.store.campaigns.get("pellets-by-hand")
    assert service.store.schedules.list(record.id) == ()

    page.get_by_role("link", name="Overview").click()
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Stop").click()
    expect(badge).to_have_text("waiting")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop").click()
    mark(page)
    expect(badge).to_have_text("stopped", timeout=LONG_MS)
    assert_never_reloaded(page)
