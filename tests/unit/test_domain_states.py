"""The state machines, over all pairs of states."""

import inspect
from itertools import product

import pytest

from domain.errors import IllegalTransitionError
from domain.states import (
    CAMPAIGN_TRANSITIONS,
    QUERY_TRANSITIONS,
    CampaignState,
    QueryState,
    RoundState,
    require_campaign_step,
    require_query_step,
)

QUERY_STEPS = {
    ("proposed", "awaiting_approval"), ("proposed", "queued"), ("proposed", "cancelled"),
    ("awaiting_approval", "queued"), ("awaiting_approval", "cancelled"),
    ("queued", "claimed"), ("queued", "cancelled"),
    ("claimed", "done"), ("claimed", "failed"), ("claimed", "queued"), ("claimed", "cancelled"),
    ("failed", "queued"),
}  # fmt: skip
CAMPAIGN_STEPS = {
    ("ready", "running"), ("ready", "paused"), ("ready", "stopped"),
    ("running", "waiting"), ("running", "paused"), ("running", "stopped"), ("running", "completed"),
    ("waiting", "running"), ("waiting", "paused"), ("waiting", "stopped"), ("waiting", "completed"),
    ("paused", "running"), ("paused", "stopped"),
    ("stopped", "running"),
}  # fmt: skip
MACHINES = [
    pytest.param(QueryState, QUERY_TRANSITIONS, QUERY_STEPS, require_query_step, {"done", "cancelled"}, id="query"),
    pytest.param(
        CampaignState, CAMPAIGN_TRANSITIONS, CAMPAIGN_STEPS, require_campaign_step, {"completed"}, id="campaign"
    ),
]


@pytest.mark.parametrize(("states", "transitions", "steps", "require_step", "final"), MACHINES)
def test_each_pair_of_states_is_a_step_or_refused(states, transitions, steps, require_step, final):
    for before, after in product(states, repeat=2):
        if (before, after) in steps:
            require_step(before, after)
        else:
            with pytest.raises(IllegalTransitionError, match=f"that is {before} cannot become {after}; possible: "):
                require_step(before, after)


@pytest.mark.parametrize(("states", "transitions", "steps", "require_step", "final"), MACHINES)
def test_just_the_final_states_have_no_way_on_and_all_others_reach_one(states, transitions, steps, require_step, final):
    assert set(transitions) == set(states)
    assert {state for state in states if not transitions[state]} == final
    for start in states:
        reached = {start}
        while (further := reached.union(*(transitions[state] for state in reached))) != reached:
            reached = further
        assert reached & final, f"{start} never ends"


@pytest.mark.parametrize(("states", "transitions", "steps", "require_step", "final"), MACHINES)
def test_a_state_machine_is_drawn_with_all_its_states_and_cannot_be_edited(
    states, transitions, steps, require_step, final
):
    drawing = inspect.getdoc(states)
    assert all(state.name in drawing for state in states)
    with pytest.raises(TypeError, match="does not support item assignment"):
        transitions[next(iter(states))] = frozenset()


def test_a_refused_step_out_of_a_final_state_says_so():
    with pytest.raises(IllegalTransitionError, match=r"possible: nothing: it is final\. Read the query again"):
        require_query_step(QueryState.DONE, QueryState.QUEUED)


def test_a_round_is_open_or_closed():
    assert [state.value for state in RoundState] == ["open", "closed"]
