"""Pages and figures of a long campaign: what they read does not grow with it, and nothing is drawn or sent twice."""

import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from domain.events import Event, EventKind
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.drawn import DrawnFigures
from services.api.testing import OWN_GROUP, example_campaign, serving
from services.dashboard.app import create_service
from services.intake.door import record_measurement
from services.intake.testing import claim, example_measurement
from services.reports.figures import Plot, draw_together, drawn_with
from services.store.crystals import CrystalOrder
from services.store.examples import example_pick, open_round

FEW, MANY = 80, 300
"""Looks of the two campaigns: more than any page holds, and more than any page may read."""
N_ANSWERED = 20
ROWS_OF_A_PAGE = 250
"""More than any page reads, and less than the longer campaign has looks."""
GROWING = re.compile(r"\b(beliefs|candidates|events|failures|ledger|measurements|queries|rounds)\b")
"""Tables that grow with a campaign. Who calls is looked up now and then, however much there is."""
PAGES = (
    "",
    "/crystals",
    *(f"/crystals?sort={by.value}" for by in CrystalOrder),
    "/crystals?state=queued&elements=Li&sort=paid",
    "/rounds",
    "/rounds/0",
    "/looks",
    "/looks?state=done",
    "/events",
)


@pytest.fixture(scope="module")
def read():
    """How many statements were sent to the database, and how many rows came back."""
    counts = Counter()

    def count_rows(connection, _record):
        def counted(_cursor, row):
            counts["rows"] += 1
            return row

        connection.row_factory = counted

    def count_statements(_connection, _cursor, statement, *_):
        counts["statements"] += GROWING.search(statement) is not None

    event.listen(Engine, "connect", count_rows)
    event.listen(Engine, "before_cursor_execute", count_statements)
    yield counts
    event.remove(Engine, "connect", count_rows)
    event.remove(Engine, "before_cursor_execute", count_statements)


@pytest.fixture(scope="module")
def served(tmp_path_factory, read):
    with serving(tmp_path_factory.mktemp("speed"), create=create_service) as running:
        for name, n_looks in (("few", FEW), ("many", MANY)):
            fill(running.store, name, n_looks)
        yield running


def fill(store, name, n_looks):
    """A campaign with so many looks, of which the same number is answered."""
    spec = example_campaign(name)
    spec = replace(spec, budget=replace(spec.budget, total=1e6, per_round=1e6))
    campaign = store.campaigns.create(spec)
    give_campaign(store, name, OWN_GROUP, by=local_operator())
    open_round(store, campaign.id, 0, [example_pick(number) for number in range(n_looks)])
    for number, query in enumerate(store.queries.list_page(campaign.id, limit=N_ANSWERED)):
        found = replace(example_measurement(-1.0 - number / 100), measured_at=store.now())
        record_measurement(store, query.id, fence=claim(store, query).fence, measurement=found)
    return campaign


@contextmanager
def counted(read):
    read.clear()
    found = Counter()
    yield found
    found.update(read)


def visit(served, path, **headers):
    answer = served.client.get(path, headers={**served.acting_as(Role.SCIENTIST), **headers})
    assert answer.status_code in {200, 304}, answer.text[:300]
    return answer


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_reads_does_not_grow_with_its_campaign(served, read, page):
    asked = {}
    for name in ("few", "many"):
        visit(served, f"/campaigns/{name}{page}")
        with counted(read) as found:
            visit(served, f"/campaigns/{name}{page}")
        asked[name] = found
    assert asked["many"]["statements"] == asked["few"]["statements"]
    assert asked["many"]["rows"] <= ROWS_OF_A_PAGE


@pytest.mark.parametrize("page", ["/campaigns", "/laboratory", "/laboratory/mine", "/machines", "/approvals"])
def test_what_the_common_pages_read_is_bounded(served, read, page):
    visit(served, page)
    with counted(read) as found:
        visit(served, page)
    assert found["statements"] < 40
    assert found["rows"] <= ROWS_OF_A_PAGE


@pytest.mark.parametrize("plot", Plot)
def test_a_figure_that_the_caller_has_is_not_sent_again(served, plot):
    path = f"/api/v1/campaigns/few/plots/{plot.value}"
    first = visit(served, path)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = visit(served, path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert visit(served, path, **{"If-None-Match": '"another"'}).content == first.content


def test_a_figure_follows_its_campaign(served, read):
    campaign = fill(served.store, "moving", 5)
    path = "/api/v1/campaigns/moving/plots/best-by-money"
    first = visit(served, path)
    assert served.store.measurements.list(campaign.id)
    with counted(read) as unmoved:
        visit(served, path)
    served.store.events.append(Event(EventKind.STAGE_NOTE, "moving", "something that changes no figure"))
    with counted(read) as told:
        known = visit(served, path, **{"If-None-Match": first.headers["ETag"]})
    assert known.status_code == 304, "it is drawn again, and is the same"
    assert told["statements"] > unmoved["statements"]
    open_round_again(served.store, campaign)
    moved = visit(served, path, **{"If-None-Match": first.headers["ETag"]})
    assert moved.status_code == 200
    assert moved.headers["ETag"] != first.headers["ETag"]


def open_round_again(store, campaign):
    opened = store.rounds.latest(campaign.id)
    store.rounds.close(opened.id, notes={})
    open_round(store, campaign.id, 1, [example_pick(500)])
    (query,) = store.queries.list(campaign.id, round_index=1)
    found = replace(example_measurement(-9.0), measured_at=store.now())
    record_measurement(store, query.id, fence=claim(store, query).fence, measurement=found)


def test_nobody_sees_anothers_figure_by_its_tag(served):
    path = "/api/v1/campaigns/few/plots/spending"
    tag = visit(served, path).headers["ETag"]
    stranger = served.client.get(
        path, headers={**served.acting_as(Role.SCIENTIST, stranger=True), "If-None-Match": tag}
    )
    assert stranger.status_code == 404
    assert "ETag" not in stranger.headers
    assert served.client.get(path, headers={"If-None-Match": tag}).status_code == 401


def test_figures_of_the_same_data_are_drawn_together(served, read):
    campaign, figures = served.store.campaigns.get("few"), DrawnFigures()
    for group in {drawn_with(plot) for plot in Plot}:
        figures.get(served.store, campaign, group[0])
        for plot in group:
            with counted(read) as found:
                figures.get(served.store, campaign, plot)
            assert found["statements"] <= 2, "how far the campaign has come, and nothing else"


def test_the_figures_that_were_wanted_last_stay(served, monkeypatch):
    campaign = served.store.campaigns.get("few")
    first, second, third = Plot.SPENDING, Plot.TRAINING, Plot.VARIETY
    redrawn = []

    def draw(store, record, plot):
        redrawn.append(plot)
        return draw_together(store, record, plot)

    monkeypatch.setattr("services.api.drawn.draw_together", draw)
    roomy = DrawnFigures()
    for plot in (first, second, third):
        roomy.get(served.store, campaign, plot)
    figures = DrawnFigures(largest_bytes=roomy.n_bytes - 1)
    redrawn.clear()
    for plot in (first, second, first, third):  # there is no room for three: the second goes, which nobody wanted since
        figures.get(served.store, campaign, plot)
    assert redrawn == [first, second, third]
    for plot in (first, third, second):
        figures.get(served.store, campaign, plot)
    assert redrawn == [first, second, third, second]


def test_figures_take_no_more_memory_than_they_may(served):
    campaign, figures = served.store.campaigns.get("few"), DrawnFigures(largest_bytes=1)
    wanted = figures.get(served.store, campaign, Plot.SPENDING)
    assert figures.n_bytes == 0
    assert figures.get(served.store, campaign, Plot.SPENDING) == wanted
