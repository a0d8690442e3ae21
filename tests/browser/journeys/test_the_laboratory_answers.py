"""A laboratory is asked, measures, hands a table in and mends a row; the campaign goes on with what it found."""

import csv
import io
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Page
from support.journeys import fact, group_campaign
from support.real_service import RealService
from support.stories import LONG_MS, assert_never_reloaded, mark

from services.store.records import QueryRecord

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

NAME = "pycnometry"
SPEC = f"""
name: {NAME}
objective: {{ quantity: density, goal: maximize }}
space:
  elements: [Li, O, F]
  space_groups: [221, 225]
  max_atoms: 12
ladder:
  - {{ name: computed, oracle: density, cost: 1 }}
  - {{ name: pycnometer, oracle: laboratory, cost: 20, settings: {{ quantity: density }} }}
budget: {{ total: 200, per_round: 60, target_share: 0.7 }}
initial_looks: {{ computed: 6, pycnometer: 2 }}
max_rounds: 3
pool_size: 64
generator: {{ name: uniform }}
"""
DRAWN = """image => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const [module, border] = [4, 4];
  const n = canvas.width / module - 2 * border;
  const isDark = (row, column) =>
    context.getImageData((border + column) * module + 2, (border + row) * module + 2, 1, 1).data[0] < 128;
  return Array.from({ length: n }, (_, row) => Array.from({ length: n }, (_, column) => isDark(row, column)));
}"""
"""The modules of the code as the browser has drawn them."""


def asked_of_laboratory(service: RealService, round_index: int) -> list[QueryRecord]:
    campaign = service.store.campaigns.get(NAME)
    asked = service.store.queries.list(campaign.id, round_index=round_index)
    return [query for query in asked if query.fidelity == "pycnometer"]


def take_on(page: Page, query: QueryRecord) -> None:
    page.goto("/laboratory?show=free")
    page.get_by_role("row").filter(has_text=f"№ {query.id}").get_by_role("button", name="Take on").click()
    page.get_by_role("row").filter(has_text=f"№ {query.id}").get_by_role("link", name="Hand in").wait_for()


def print_sheet(page: Page, query: QueryRecord, address: str) -> None:
    """The sheet's code opens the sample's page."""
    page.get_by_role("row").filter(has_text=f"№ {query.id}").get_by_role("link").first.click()
    page.get_by_role("link", name="Sheet to print").click()
    code = page.get_by_role("img", name=f"sample {query.id}")
    code.evaluate("image => image.decode()")
    expected = segno.make(address, error="m", micro=False).matrix
    assert code.evaluate(DRAWN) == [[bool(module) for module in row] for row in expected]
    page.goto(address)
    page.get_by_role("heading", name=f"№ {query.id}").wait_for()


def fill_template(page: Page, values: dict[int, tuple[str, str]]) -> bytes:
    """Downloads the template and fills its rows in: value and unit by sample."""
    page.goto(f"/campaigns/{NAME}/uploads")
    page.get_by_text("What can be handed in").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="csv", exact=True).click()
    rows = list(csv.DictReader(Path(downloading.value.path()).read_text(encoding="utf-8").splitlines()))
    assert {int(row["query"]) for row in rows} == set(values)
    filled = io.StringIO(newline="")
    writer = csv.DictWriter(filled, rows[0])
    writer.writeheader()
    for row in rows:
        value, unit = values[int(row["query"])]
        writer.writerow({**row, "value": value, "unit": unit, "sigma": ""})
    return filled.getvalue().encode()


def hand_in(page: Page, table: bytes) -> None:
    page.locator("[name=file]").first.set_input_files(
        {"name": "pycnometer.csv", "mimeType": "text/csv", "buffer": table}
    )
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url("**/uploads/*")


def mend_row(page: Page, number: int, column: str, text: str) -> None:
    """Corrects a refused row where it stands."""
    row = page.locator(f"#row-{number}")
    assert "The value has no unit. Write g/cm^3" in row.inner_text()
    row.get_by_role("link", name="Correct").click()
    row.locator(f'[name="cell:{column}"]').fill(text)
    row.get_by_role("button", name="Check the row again").click()
    row.locator(".badge", has_text="converted").wait_for()


def correct(page: Page, value: str, reason: str) -> None:
    """Puts another measurement in the place of the last one that was handed in."""
    page.get_by_role("link", name="measurement №").last.click()
    page.get_by_text("Correct it", exact=True).click()
    form = page.locator("form[action$=amend]")
    form.locator("[name=value]").fill(value)
    form.locator("[name=unit]").select_option("kg/m^3")
    form.locator("[name=reason]").fill(reason)
    form.get_by_role("button").click()
    page.get_by_text(reason).wait_for()


def values_of(service: RealService, *queries: QueryRecord) -> list[float]:
    """The values that count, and no others of the campaign's laboratory."""
    campaign = service.store.campaigns.get(NAME)
    found = [o for o in service.store.measurements.observations(campaign.id) if o.fidelity == "pycnometer"]
    assert len(found) == len(queries)
    return [service.store.measurements.of_query(query.id)[-1].measurement.value for query in queries]


def test_what_the_laboratory_found_is_used_by_the_next_round(sign_in, service: RealService) -> None:
    group_campaign(service, SPEC)
    watching = sign_in("scientist", f"/campaigns/{NAME}")
    watching.get_by_role("button", name="Start").click()
    watching.get_by_role("link", name="2 looks").wait_for(timeout=LONG_MS)
    mark(watching)

    first, second = asked_of_laboratory(service, 0)
    page = sign_in("laboratory", "/laboratory")
    take_on(page, first)
    print_sheet(page, first, f"{service.url}/laboratory/queries/{first.id}")

    hand_in(page, fill_template(page, {first.id: ("2.07", "g/cm^3"), second.id: ("2090", "")}))
    mend_row(page, 2, "unit", "kg/m^3")
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Everything has entered").wait_for()
    assert values_of(service, first, second) == pytest.approx([2.07, 2.09])

    fact(watching, "Rounds", "2 of 3")
    fact(watching, "Best at pycnometer", "2.090 g cm⁻³")
    watching.locator("a[href^='/laboratory?campaign=']").wait_for(timeout=LONG_MS)
    opened = service.store.rounds.latest(service.store.campaigns.get(NAME).id)
    came = [record.recorded_at for query in (first, second) for record in service.store.measurements.of_query(query.id)]
    assert opened.opened_at > max(came)
    assert asked_of_laboratory(service, 1)

    believed = watching.get_by_text("Most promising:").inner_text()
    correct(page, "2900", "Two digits had changed places.")
    fact(watching, "Best at pycnometer", "2.900 g cm⁻³")
    watching.get_by_text("Most promising:").filter(has_not_text=believed).wait_for(timeout=LONG_MS)
    fact(watching, "Rounds", "2 of 3")  # it was no answer, and asks for nothing new
    assert_never_reloaded(watching)
    assert values_of(service, first, second) == pytest.approx([2.07, 2.9])

    watching.get_by_role("navigation", name="Pages of the campaign").get_by_role("link", name="Rounds").click()
    watching.get_by_role("link", name="Round 2").click()
    known = watching.get_by_role("region", name="when it opened").get_by_role("row").filter(has_text="pycnometer")
    assert known.get_by_role("cell").first.inner_text() == "2"
