"""The table of a campaign's crystals, as machines and people read it."""

import csv

import pytest

from domain.parsing import to_json_value
from domain.states import QueryState
from domain.training import CandidateBelief
from services.access.roles import Role
from services.api.testing import serving
from services.intake.door import record_measurement
from services.intake.testing import claim, example_measurement

N_CRYSTALS = 7


@pytest.fixture(scope="module")
def served(tmp_path_factory, store_url):
    with serving(tmp_path_factory.mktemp("leaders"), store_url=store_url) as running:
        campaign = running.new_campaign("chlorides", n_picks=N_CRYSTALS - 2)
        asked = running.store.queries.list(campaign.id, fidelity="static")
        for place, query in enumerate(asked[:3]):
            fence = claim(running.store, query).fence
            record_measurement(running.store, query.id, fence=fence, measurement=example_measurement(-1.0 - place))
        (opened,) = running.store.rounds.list(campaign.id)
        beliefs = [
            CandidateBelief(candidate.id, -1.0 - (number % 3), 0.1 * (1 + number))
            for number, candidate in enumerate(running.store.candidates.list(campaign.id))
        ]
        for query in running.store.queries.list(campaign.id, states={QueryState.QUEUED}):
            if query.fidelity == "static":
                running.store.queries.cancel(query.id)
        notes = {"beliefs": [to_json_value(belief) for belief in beliefs]}
        running.store.rounds.close(opened.id, notes=notes, riding_along=frozenset({"lab", "approved"}))
        yield running


def listed(served, limit: int = 500, **parameters):
    items, after = [], None
    while True:
        place = {} if after is None else {"after": after}
        answer = served.client.get(
            "/api/v1/campaigns/chlorides/leaders",
            params={"limit": limit, **parameters, **place},
            headers=served.acting_as(Role.VIEWER),
        )
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        after = answer.json()["next"]
        if after is None:
            return items


def test_the_best_promise_comes_first(served) -> None:
    rows = listed(served)
    promises = [row["expected_sd"] + row["expected"] for row in rows]  # the goal is to make it small
    assert promises == sorted(promises)
    assert len(rows) == N_CRYSTALS


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("sort", ["promise", "expected", "value", "paid", "formula", "space_group", "density", "round"])
def test_pages_of_any_order_hold_each_crystal_once(served, sort, order) -> None:
    whole = listed(served, sort=sort, order=order, value_at="static")
    paged = listed(served, sort=sort, order=order, value_at="static", limit=2)
    assert paged == whole
    assert len({row["candidate_id"] for row in whole}) == len(whole) == (3 if sort == "value" else N_CRYSTALS)


def test_values_are_sorted_and_come_with_what_they_cost(served) -> None:
    rows = listed(served, sort="value", value_at="static")
    assert [row["looks"][0]["value"] for row in rows] == [-3.0, -2.0, -1.0]
    assert {row["paid"] for row in rows} == {1.1}
    assert {row["looks"][0]["state"] for row in rows} == {"done"}


def test_crystals_are_narrowed_down(served) -> None:
    assert len(listed(served, reached="static")) == 3
    assert len(listed(served, state="awaiting_approval")) == 1
    assert len(listed(served, element=["Li", "Cl"])) == N_CRYSTALS
    assert listed(served, element="C") == []
    assert len(listed(served, formula="Li4Cl4", space_group=225, round_index=0)) == N_CRYSTALS
    assert listed(served, formula="Li2Cl") == listed(served, space_group=1) == []


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"after": "anywhere"}, "no place in a list"),
        ({"after": '["LiCl",1]'}, "no place in a list"),
        ({"value_at": "guess"}, "no fidelity 'guess'"),
        ({"formula": "lithium"}, "is no formula"),
    ],
)
def test_what_makes_no_sense_is_refused(served, parameters, problem) -> None:
    answer = served.client.get(
        "/api/v1/campaigns/chlorides/leaders", params=parameters, headers=served.acting_as(Role.VIEWER)
    )
    assert answer.status_code == 422
    assert problem in answer.text


def test_the_table_holds_what_is_shown(served) -> None:
    answer = served.client.get(
        "/api/v1/campaigns/chlorides/leaders.csv",
        params={"sort": "value", "value_at": "static"},
        headers=served.acting_as(Role.SCIENTIST),
    )
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["static (eV/atom)"] for row in rows] == ["-3.0", "-2.0", "-1.0"]
    assert {row["formula"] for row in rows} == {"LiCl"}
    assert answer.headers["content-disposition"] == 'attachment; filename="chlorides-crystals.csv"'
