"""The laboratory before its pages: queue, sample, sheet, files, fits."""

from pathlib import Path

import pytest

from services.access.people import give_campaign
from services.access.principal import local_operator
from services.dashboard.testing import GROUP
from services.uploads.testing import conductor_campaign

pytestmark = pytest.mark.browser

DATA = Path(__file__).parents[1] / "data" / "uploads"
UPLOADS = "/campaigns/conductors/uploads"


@pytest.fixture(scope="module", autouse=True)
def campaign(dashboard) -> None:
    conductor_campaign(dashboard.store, n_asked=8)
    give_campaign(dashboard.store, "conductors", GROUP, by=local_operator())


def numbers(dashboard) -> list[int]:
    return [query.id for query in dashboard.store.queries.list(1)]


def fill_result(page, value: str) -> None:
    page.locator("[name=value]").fill(value)
    page.get_by_label("Temperature (it matters)").fill("25")


def test_a_sample_is_taken_on_measured_on_a_phone_and_confirmed(sign_in, dashboard) -> None:
    page = sign_in("laboratory", "/laboratory", viewport={"width": 390, "height": 800})
    page.get_by_role("button", name="Take on").first.click()
    page.get_by_role("link", name="Hand in").first.click()
    page.get_by_role("heading", name="Hand in the result").wait_for()
    fill_result(page, "5")
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.get_by_role("alert").filter(has_text="unusually high").wait_for()
    page.locator("[name=unit]").select_option("mS/cm")
    fill_result(page, "5")
    page.get_by_label("Pictures or PDFs").set_input_files(
        {"name": "pellet.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0 a pellet"}
    )
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.get_by_role("heading", name="What happens next").wait_for()
    assert page.get_by_role("link", name="pellet.jpg").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_time_of_a_measurement_is_the_readers_own(sign_in, dashboard) -> None:
    number = numbers(dashboard)[-1]
    page = sign_in("laboratory", f"/laboratory/queries/{number}", timezone_id="Asia/Tokyo")
    fill_result(page, "1e-4")
    page.get_by_text("More: when it was measured").click()
    page.get_by_label("Measured at").fill("2025-12-01T12:00")
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.get_by_role("heading", name="What happens next").wait_for()
    (record,) = dashboard.store.measurements.of_query(number)
    assert record.measurement.measured_at.isoformat() == "2025-12-01T03:00:00+00:00"


def test_a_correction_says_what_becomes_other_in_the_readers_own_time(sign_in, dashboard) -> None:
    (record,) = dashboard.store.measurements.of_query(numbers(dashboard)[-1])
    page = sign_in("laboratory", f"/measurements/{record.id}", timezone_id="Asia/Tokyo")
    page.get_by_text("Correct it").click()
    assert page.get_by_label("Measured at").input_value() == "2025-12-01T12:00"
    changes = page.locator("[data-changes]")
    assert not changes.is_visible()
    page.get_by_label("Measured at").fill("2025-12-01T13:00")
    page.locator("form[data-tells-changes] [name=value]").fill("2e-4")
    assert changes.inner_text().splitlines() == [
        "Value: 0.0001 → 2e-4",
        "Measured at: 2025-12-01 12:00 → 2025-12-01 13:00",
    ]
    page.get_by_label("What was wrong").fill("The clock, and the area.")
    page.get_by_role("button", name="Correct", exact=True).click()
    page.get_by_text("All that was said of this look").wait_for()
    becomes = dashboard.store.measurements.of_query(numbers(dashboard)[-1])[-1].measurement
    assert (becomes.value, becomes.measured_at.isoformat()) == (2e-4, "2025-12-01T04:00:00+00:00")


def test_a_row_is_corrected_in_place_and_everything_enters(sign_in, dashboard) -> None:
    first, second = numbers(dashboard)[3:5]
    page = sign_in("laboratory", UPLOADS)
    table = f"query,value,unit,temperature,temperature unit\n{first},1e-4,S/cm,25,degC\n{second},much,S/cm,25,degC\n"
    page.locator("[name=file]").first.set_input_files(
        {"name": "results.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url("**/uploads/*")
    row = page.locator("#row-2")
    assert "is no number" in row.inner_text()
    row.get_by_role("link", name="Correct").click()
    row.locator('[name="cell:value"]').fill("2e-4")
    row.get_by_role("button", name="Check the row again").click()
    row.locator(".badge", has_text="converted").wait_for()
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Everything has entered").wait_for()


def test_a_file_that_is_dropped_is_handed_in_and_one_too_large_is_not_sent(sign_in) -> None:
    page = sign_in("laboratory", UPLOADS)
    drop = """([name, size]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(size)], name));
      document.querySelector("[data-drop]").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer }));
    }"""
    page.evaluate(drop, ["huge.zip", 65 * 2**20])
    page.get_by_text("This is 65 MiB; at most 64 MiB are taken.").wait_for()
    page.get_by_role("button", name="Hand in", exact=True).click()
    assert page.url.endswith(UPLOADS)
    page.evaluate(drop, ["small.csv", 3])
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url("**/uploads/*")
    assert page.get_by_role("heading", name="small.csv").is_visible()


def test_a_spectrum_is_drawn_and_its_window_narrowed(sign_in, dashboard) -> None:
    page = sign_in("laboratory", f"{UPLOADS}?query={numbers(dashboard)[5]}")
    page.locator("[name=file]").first.set_input_files(DATA / "spectrum.csv")
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url("**/uploads/*")
    nyquist = page.locator("[data-figure*='nyquist']")
    page.locator("[data-figure*='nyquist'][data-points='82']").wait_for()
    page.get_by_label("Lowest frequency").fill("100 Hz")
    page.get_by_role("button", name="Fit again").click()
    page.wait_for_url("**/rows/1")
    nyquist.get_by_text("not fitted").wait_for()
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Everything has entered").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_usable_for_everybody(sign_in, serious_findings, dashboard, scheme) -> None:
    page = sign_in("laboratory", "/laboratory", color_scheme=scheme)
    number = numbers(dashboard)[0]
    paths = ["/laboratory", "/laboratory/mine", "/laboratory/history", f"/laboratory/queries/{number}", UPLOADS]
    paths += [f"/laboratory/queries/{number}/traveller", "/measurements/1", "/uploads/2", "/uploads/2/rows/1"]
    for path in paths:
        page.goto(path)
        assert serious_findings(page) == [], path
