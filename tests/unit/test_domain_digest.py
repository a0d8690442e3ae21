"""Digests and seeds: the same content has the same name on every machine, for ever."""

import hashlib
import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.digest import canonical_json, content_digest, derive_seed, require_finite
from domain.errors import InvalidValueError
from domain.testing.plain import json_objects, json_values


def test_the_digest_of_a_known_value_never_changes():
    value = {"b": [1, 2.5, None, True], "a": "Å"}
    assert canonical_json(value) == '{"a":"Å","b":[1,2.5,null,true]}'
    assert content_digest(value) == "905b6b3a902bb63d511159faf6bfc2780e541b5c1484473f9d214a3eef67d545"
    assert content_digest(value) == hashlib.sha256('{"a":"Å","b":[1,2.5,null,true]}'.encode()).hexdigest()


def test_the_digest_is_the_same_in_another_process_with_another_hash_seed():
    code = "from domain.digest import content_digest; print(content_digest({'z': {'y': 1, 'x': 2}, 'a': 0.1}))"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert printed == {content_digest({"a": 0.1, "z": {"x": 2, "y": 1}})}


@given(value=json_values())
def test_canonical_json_is_json(value):
    assert json.loads(canonical_json(value)) == value
    assert len(content_digest(value)) == 64


@given(value=json_objects())
def test_the_order_of_keys_does_not_matter(value):
    assert content_digest(dict(reversed(value.items()))) == content_digest(value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_express_is_refused(number):
    for value in (number, [number], (1, number), {"a": [{"b": (number,)}]}):
        with pytest.raises(InvalidValueError, match=f"The number {number} cannot be stored"):
            canonical_json(value)
        with pytest.raises(InvalidValueError, match="Give a finite number"):
            require_finite(value)


@given(parts=st.lists(st.text(max_size=8) | st.integers(), min_size=1, max_size=4))
def test_seeds_fit_a_signed_64_bit_integer(parts):
    assert 0 <= derive_seed(*parts) < 2**63
    assert derive_seed(*parts) == derive_seed(*parts)


def test_seeds_depend_on_every_part_and_on_their_order():
    seeds = [derive_seed("a", 1), derive_seed(1, "a"), derive_seed("a", "1"), derive_seed("a"), derive_seed("a1")]
    assert len(set(seeds)) == len(seeds)
    assert derive_seed("campaign", 0, "generator") == 0x94F279F08C52FDD6 >> 1


def test_seeds_fill_their_whole_range():
    seeds = [derive_seed("range", index) for index in range(2000)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) < 2**54
    assert max(seeds) > 2**63 - 2**54
    assert sum(seed % 2 for seed in seeds) == pytest.approx(1000, abs=150)
