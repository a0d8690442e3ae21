"""Secrets are recognised, and nothing else is."""

import re

from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.access.token_format import Secret, SecretKind, new_secret

kinds = st.sampled_from(SecretKind)
RANDOM_PART = slice(len("petalite_t"), -6)


@given(kinds)
def test_a_new_secret_is_recognised(kind):
    drawn = new_secret(kind)
    read = Secret.read(drawn.text)
    assert read == Secret(kind, drawn.prefix, drawn.hash)
    assert read.is_hashed_as(drawn.hash)
    assert re.fullmatch(rf"petalite_{kind.value}[0-9A-Za-z]{{36}}", drawn.text)
    assert drawn.text[RANDOM_PART].startswith(drawn.prefix)


@given(kinds, st.data())
def test_any_changed_character_is_noticed(kind, data):
    text = new_secret(kind).text
    place = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.one_of(st.sampled_from(text), st.characters(codec="ascii"), st.characters()))
    assume(character != text[place])
    assert Secret.read(text[:place] + character + text[place + 1 :]) is None


@given(kinds, st.integers(0, 45), st.characters())
def test_any_missing_or_added_character_is_noticed(kind, place, character):
    text = new_secret(kind).text
    assert Secret.read(text[:place] + text[place + 1 :]) is None
    assert Secret.read(text[:place] + character + text[place:]) is None


@given(kinds, st.integers(len("petalite_t"), 44))
def test_neighbours_that_changed_places_are_noticed(kind, place):
    text = new_secret(kind).text
    assume(text[place] != text[place + 1])
    assert Secret.read(text[:place] + text[place + 1] + text[place] + text[place + 2 :]) is None


@given(st.text())
@example("")
@example("petalite_t" + "0" * 36)
@example("petalite_t\ud800")
@example(new_secret(SecretKind.TOKEN).text + "\n")
@example(new_secret(SecretKind.TOKEN).text.replace("petalite", "Petalite"))
def test_nothing_else_is_recognised(text):
    assert Secret.read(text) is None


def test_a_new_secret_is_not_shown_by_accident():
    drawn = new_secret(SecretKind.TOKEN)
    assert drawn.text not in repr(drawn)


def test_secrets_differ():
    assert len({new_secret(SecretKind.TOKEN).text for _ in range(100)}) == 100
