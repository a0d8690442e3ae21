"""Bodies: whatever everybody can read is let through, whatever somebody cannot is not, wherever it hides."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.bodies import require_readable
from services.api.errors import MalformedRequestError, TooManyRequestsError
from services.api.rate import Rate, RateLimit
from services.api.recent import REMEMBERED_S, RecentTokens

PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
READABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN_TEXT, inner, max_size=4),
    max_leaves=20,
)
POISON = st.sampled_from(
    ["a\0", "\ud800", "\udfff x", float("nan"), float("inf"), float("-inf"), 2**63, -(2**80), {"\0": 1}, {"\udc00": 1}]
)


@given(READABLE, st.booleans())
def test_what_everybody_can_read_is_let_through(value, ascii_only):
    require_readable(json.dumps(value, ensure_ascii=ascii_only).encode())


@given(READABLE, POISON, st.sampled_from(["list", "value", "deep"]))
def test_what_somebody_cannot_read_is_refused_wherever_it_hides(value, poison, where):
    hidden = {"list": [value, poison], "value": {"a": value, "b": poison}, "deep": [[[value, {"x": [poison]}]]]}[where]
    with pytest.raises(MalformedRequestError, match=r"NUL|finite"):
        require_readable(json.dumps(hidden).encode())


@given(st.integers(61, 300))
def test_nesting_ends(depth):
    with pytest.raises(MalformedRequestError, match="deep"):
        require_readable(b"[" * depth + b"]" * depth)
    require_readable(b"[" * 60 + b"1" + b"]" * 60)


@given(st.lists(st.floats(0, 3), max_size=60))
def test_nobody_gets_more_than_the_rate_and_the_burst(pauses):
    rate, now, n_allowed = Rate(per_s=2.0, burst=5.0), 0.0, 0
    limit = RateLimit(rate, lambda: now)
    for pause in pauses:
        now += pause
        with suppress(TooManyRequestsError):
            limit.count("somebody")
            n_allowed += 1
    assert n_allowed <= rate.burst + rate.per_s * now + 1e-6
    limit.count("somebody else")


def test_a_token_is_remembered_for_a_moment():
    now = 0.0
    recent, holder = RecentTokens(lambda: now), object()
    assert recent.find("petalite_x") is None
    recent.keep("petalite_x", holder)
    assert recent.find("petalite_x") is holder
    assert recent.find("petalite_y") is None
    now = REMEMBERED_S
    assert recent.find("petalite_x") is None
