"""A campaign's pages and a crystal's page, in a browser."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from domain.states import QueryState
from services.dashboard.example import fill_campaign
from services.dashboard.testing import GROUP
from services.intake.door import record_measurement
from services.intake.testing import claim, example_measurement

pytestmark = pytest.mark.browser

CAMPAIGN = "salts"
PATHS = ("", "/crystals", "/rounds", "/rounds/1", "/looks", "/events", "/scorecard")
N_FIGURES = 13
WIDTH = 390
PATIENCE_MS = 60_000
MARKUP = "<a href='https://evil.example'>EUR</a>"


@pytest.fixture(scope="module", autouse=True)
def campaign(dashboard):
    return fill_campaign(dashboard.store, CAMPAIGN, group=GROUP)


@pytest.fixture
def crystal(dashboard, campaign):
    return dashboard.store.candidates.list(campaign.id)[0]


def wait_for_figures(page, n: int) -> None:
    expect(page.locator("[data-figure][data-points], .figure-empty")).to_have_count(n, timeout=PATIENCE_MS)


def sideways(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_a_campaign_are_usable_for_everybody(sign_in, serious_findings, scheme) -> None:
    page = sign_in("scientist", f"/campaigns/{CAMPAIGN}", color_scheme=scheme, reduced_motion="reduce")
    wait_for_figures(page, N_FIGURES)
    for path in PATHS:
        page.goto(f"/campaigns/{CAMPAIGN}{path}")
        assert serious_findings(page) == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_crystal_is_usable_for_everybody(sign_in, serious_findings, crystal, scheme) -> None:
    page = sign_in("scientist", f"/crystals/{crystal.id}", color_scheme=scheme, reduced_motion="reduce")
    page.locator("[data-structure][data-atoms]").wait_for()
    assert serious_findings(page) == []
    page.goto("/materials")
    assert serious_findings(page) == []


def test_no_page_scrolls_sideways_on_a_phone(sign_in, crystal) -> None:
    page = sign_in("scientist", f"/crystals/{crystal.id}", viewport={"width": WIDTH, "height": 800})
    page.locator("[data-structure][data-atoms]").wait_for()
    assert sideways(page) <= 0
    for path in (*(f"/campaigns/{CAMPAIGN}{path}" for path in PATHS), "/materials"):
        page.goto(path)
        assert sideways(page) <= 0, path


def test_the_table_of_crystals_follows_and_leaves_its_reader_in_peace(sign_in) -> None:
    place = f"/campaigns/{CAMPAIGN}/crystals?sort=formula&order=descending"
    page = sign_in("scientist", place, viewport={"width": WIDTH, "height": 800})
    table = page.locator("#crystals-table")
    page.locator("tbody tr").nth(3).get_by_role("link").first.focus()
    reader = "() => [document.activeElement.getAttribute('href'), document.querySelector('#crystals-table').scrollLeft]"
    table.evaluate("table => { table.scrollLeft = 60; table.dataset.isOld = 'true'; }")
    before, order = page.evaluate(reader), table.locator("tbody th").all_inner_texts()
    assert before[1] == 60
    page.evaluate("document.body.dispatchEvent(new CustomEvent('petalite:changed'))")
    expect(page.locator("[data-is-old]")).to_have_count(0)
    assert page.evaluate(reader) == before
    assert table.locator("tbody th").all_inner_texts() == order
    expect(page.locator("[aria-sort=descending]")).to_contain_text("Formula")


def test_a_structure_is_turned_into_a_supercell_and_its_lithium_stands_out(sign_in, crystal) -> None:
    page = sign_in("viewer", f"/crystals/{crystal.id}")
    drawn = page.locator("[data-structure]")
    page.locator("[data-structure][data-atoms='8']").wait_for()
    assert drawn.get_attribute("data-highlighted") == "4"
    page.get_by_label("Cells along each axis").select_option("2")
    page.locator("[data-structure][data-atoms='64']").wait_for()
    page.get_by_label("Cells along each axis").select_option("1")
    page.locator("[data-structure][data-atoms='8']").wait_for()
    page.get_by_label("Highlight").select_option("")
    page.locator("[data-structure][data-highlighted='0']").wait_for()
    assert page.get_by_text("8 atoms are drawn, and 10 images of them on the border.").is_visible()
    page.get_by_label("Whole cell").uncheck()
    page.locator("[data-structure][data-images='0']").wait_for()
    assert page.get_by_text("8 atoms are drawn.").is_visible()


def test_figures_are_asked_for_anew_when_the_campaign_has_changed(sign_in) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGN}")
    page.locator("[data-figure$='best-by-money'][data-points]").wait_for()
    with page.expect_response("**/plots/best-by-money"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('petalite:changed'))")


def test_what_a_figure_draws_is_taken_away_as_a_table(sign_in) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGN}")
    with page.expect_download() as taken:
        page.get_by_role("button", name="What was bought in each round, and what is left as CSV").click()
    assert taken.value.suggested_filename == f"campaigns-{CAMPAIGN}-plots-spending.csv"
    lines = taken.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == '"series","round","spent (core-seconds)","says"'
    assert '"dft","2","100","' in "\n".join(lines)


def test_another_realization_is_chosen(sign_in, dashboard, crystal) -> None:
    first, _ = dashboard.store.realizations.list(crystal.id)
    page = sign_in("viewer", f"/crystals/{crystal.id}")
    page.get_by_role("link", name=str(first.id), exact=True).click()
    page.wait_for_url(f"**/crystals/{crystal.id}?realization={first.id}")
    assert f"/realizations/{first.id}/" in page.locator("[data-structure]").get_attribute("data-structure")


def test_crystals_are_sorted_by_a_click_on_a_heading(sign_in) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGN}/crystals")
    page.get_by_role("link", name="Density").click()
    page.wait_for_url("**sort=density**")
    heading = page.get_by_role("columnheader", name="Density")
    assert heading.get_attribute("aria-sort") == "ascending"
    page.get_by_role("link", name="Density").click()
    page.wait_for_url("**order=descending**")
    page.get_by_label("Elements, all of").fill("Li")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**elements=Li**")
    assert page.get_by_role("columnheader", name="Density").get_attribute("aria-sort") == "descending"
    assert page.locator("tbody tr").count() == 6


def test_the_overview_changes_by_itself_when_an_answer_comes(sign_in, dashboard, campaign) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGN}")
    wait_for_figures(page, N_FIGURES)
    best = page.locator("dt", has_text="Best at lab").locator("xpath=following-sibling::dd")
    assert "−1.4" in best.text_content()
    store = dashboard.store
    asked = store.queries.list(campaign.id, fidelity="lab", states={QueryState.AWAITING_APPROVAL})[0]
    store.approval.approve(asked.id, "administrator", "")
    fence = claim(store, store.queries.get(asked.id)).fence
    found = replace(example_measurement(-1.9), measured_at=store.now())
    record_measurement(store, asked.id, fence=fence, measurement=found)
    page.locator("dd", has_text="−1.900").wait_for()


def test_a_browser_without_webgl_is_offered_the_file(sign_in, crystal) -> None:
    page = sign_in("viewer", "/campaigns")
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(f"/crystals/{crystal.id}")
    page.get_by_text("This browser cannot draw structures").wait_for()
    assert page.get_by_role("link", name="CIF").is_visible()


def test_where_drawing_is_slow_the_page_is_there_before_it_begins(sign_in, crystal) -> None:
    page = sign_in("viewer", "/campaigns")
    page.add_init_script("""
      const context = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        if (kind.startsWith("webgl")) {
          window.atFirstDrawing ??= {
            state: document.readyState,
            told: document.querySelector("[data-structure]").textContent,
            time: document.querySelector("time").textContent,
          };
        }
        return context.call(this, kind, ...rest);
      };
    """)
    page.goto(f"/crystals/{crystal.id}")
    page.locator("[data-structure][data-atoms='8']").wait_for()
    seen = page.evaluate("window.atFirstDrawing")
    assert (seen["state"], seen["told"]) == ("complete", "The structure is being drawn.")
    assert "UTC" not in seen["time"]  # told in the reader's zone already: the page's other scripts have run


def test_when_the_graphics_fail_later_the_page_says_so_and_the_files_remain(sign_in, crystal) -> None:
    page = sign_in("viewer", f"/crystals/{crystal.id}")
    page.locator("[data-structure][data-atoms='8']").wait_for()
    page.locator("[data-structure] canvas").first.dispatch_event("webglcontextlost")
    page.get_by_text("This browser cannot draw structures").wait_for()
    assert page.get_by_role("link", name="CIF").is_visible()
    assert not page.get_by_label("Cells along each axis").is_visible()


def test_what_stands_along_a_logarithmic_axis_are_whole_numbers(sign_in) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGN}")
    page.locator("[data-figure$='training'][data-points]").wait_for()
    ticks = page.locator("[data-figure$='training'] .ytick text").all_text_contents()
    along = [float(text.replace("\u2212", "-")) for text in ticks]
    assert len(along) > 1
    assert along == sorted(along)


def test_a_figures_tables_stand_together(sign_in) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGN}", viewport={"width": 390, "height": 844})
    wait_for_figures(page, N_FIGURES)
    pairs = page.locator("figcaption .nowrap").filter(has=page.get_by_role("button"))
    assert pairs.count() > 1
    for pair in pairs.all():
        first, second = (pair.locator(".figure-table").nth(place).bounding_box() for place in (0, 1))
        assert abs(first["y"] - second["y"]) < first["height"] / 2


def test_a_figure_is_told_in_a_sentence_to_those_who_do_not_see_it(sign_in) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGN}")
    wait_for_figures(page, N_FIGURES)
    bought = page.get_by_role("group", name="What was bought in each round, and what is left")
    expect(bought).to_have_accessible_description(re.compile("in 2 rounds: .* for static, .* for dft .* left"))


def test_a_text_that_holds_markup_is_drawn_as_text(sign_in) -> None:
    page = sign_in("viewer", f"/campaigns/{CAMPAIGN}")
    wait_for_figures(page, N_FIGURES)

    def with_markup(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('"name":"dft"', f'"name":"{MARKUP}"'))

    page.route("**/plots/spending", with_markup)
    page.reload()
    wait_for_figures(page, N_FIGURES)
    bought = page.get_by_role("group", name="What was bought in each round, and what is left")
    expect(bought.locator(".legendtext").filter(has_text="EUR")).to_have_text(MARKUP)
    assert bought.locator("a[href*='evil']").count() == 0
