"""Two people reach for one sample, and the service dies under a half-filled form: all is said, nothing is lost."""

import pytest
from playwright.sync_api import Page
from support.journeys import fact, group_campaign, start
from support.real_service import RealService
from support.stories import assert_never_reloaded, mark

from services.store.records import QueryRecord

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

NAME = "outage"
SPEC = f"""
name: {NAME}
objective: {{ quantity: density, goal: maximize }}
space:
  elements: [Li, Cl, Br]
  space_groups: [221, 225]
  max_atoms: 12
ladder:
  - {{ name: pycnometer, oracle: laboratory, cost: 20, settings: {{ quantity: density }} }}
budget: {{ total: 40, per_round: 40 }}
initial_looks: {{ pycnometer: 2 }}
max_rounds: 1
pool_size: 64
generator: {{ name: uniform }}
"""
AWAY = "The service does not answer."


@pytest.fixture(scope="module")
def asked(service: RealService) -> tuple[QueryRecord, ...]:
    return start(service, group_campaign(service, SPEC), n_asked=2)


def take_on(page: Page, query: QueryRecord) -> None:
    page.get_by_role("row").filter(has_text=f"№ {query.id}").get_by_role("button", name="Take on").click()


def test_of_two_who_take_a_sample_on_one_is_told_who_has_it(sign_in, service: RealService, asked) -> None:
    query = asked[0]
    quick, slow = (sign_in(name, f"/laboratory?campaign={NAME}") for name in ("laboratory", "scientist"))
    looking = slow.context.new_page()
    looking.goto(f"/laboratory/queries/{query.id}")
    mark(looking)
    take_on(quick, query)
    quick.get_by_role("row").filter(has_text=f"№ {query.id}").get_by_role("link", name="Hand in").wait_for()
    looking.get_by_role("button", name="Take on").wait_for(state="hidden")
    assert_never_reloaded(looking)
    take_on(slow, query)
    slow.get_by_role("alert").filter(has_text=f"Query {query.id} is held by laboratory.").wait_for()
    slow.get_by_role("heading", name=f"№ {query.id}").wait_for()
    assert slow.get_by_role("button", name="Hand in", exact=True).count() == 0
    assert service.store.queries.get(query.id).worker == "laboratory"


def test_a_page_outlives_the_service_with_what_was_typed(sign_in, service: RealService, asked) -> None:
    query = asked[1]
    watching = sign_in("scientist", f"/campaigns/{NAME}")
    typing = sign_in("laboratory", f"/laboratory/queries/{query.id}")
    value, sigma = typing.locator("[name=value]"), typing.locator("[name=sigma]")
    value.fill("2.345")
    sigma.fill("0.005")
    for page in (watching, typing):
        mark(page)

    service.kill()
    for page in (watching, typing):
        page.get_by_role("status").filter(has_text=AWAY).wait_for()
    typing.get_by_role("button", name="Hand in", exact=True).click()
    typing.get_by_role("alert").filter(has_text="It was not sent").wait_for()

    service.start()
    for page in (watching, typing):
        page.get_by_text(AWAY).wait_for(state="hidden")
        assert_never_reloaded(page)
    assert typing.get_by_text("It was not sent").count() == 0
    assert (value.input_value(), sigma.input_value()) == ("2.345", "0.005")
    typing.get_by_role("button", name="Hand in", exact=True).click()
    typing.get_by_role("heading", name="What happens next").wait_for()
    fact(watching, "Best at pycnometer", "2.3450 ± 0.0050 g cm⁻³")
    assert_never_reloaded(watching)
