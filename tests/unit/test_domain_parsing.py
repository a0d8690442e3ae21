"""The one door for foreign data: what it refuses, where and in which words."""

import datetime
import math
from typing import Annotated

import pytest
from pydantic import Field

from domain.blueprint import Blueprint
from domain.campaign import Budget, CampaignSpec, Component
from domain.errors import BudgetTooSmallError, SpecError
from domain.fidelity import Fidelity, Limits
from domain.measurement import Failure
from domain.parsing import ParseError, Problem, parse, parse_json, to_json, to_json_value
from domain.quantity import Objective
from domain.search_space import SearchSpace

FIDELITY = {"name": "dft", "oracle": "ase", "cost": 3.0}


@pytest.fixture
def document(small_spec):
    return to_json_value(small_spec)


def _problems(cls, data, **options):
    with pytest.raises(ParseError, match=r"It is not valid: .* Correct the fields named") as caught:
        parse(cls, data, what="It", **options)
    return [(problem.field, problem.message) for problem in caught.value.problems]


def test_a_spec_is_read(document, small_spec):
    assert parse(CampaignSpec, document, what="It") == small_spec


def test_what_is_left_out_takes_its_default(document, small_spec):
    for name in ("generator", "surrogate", "pool_size", "description"):
        del document[name]
    assert parse(CampaignSpec, document, what="It") == small_spec


@pytest.mark.parametrize("cls", [Budget, CampaignSpec, Component, Fidelity, Limits, Objective, SearchSpace])
def test_every_part_of_a_spec_refuses_unknown_keys(cls):
    assert ("colour", "unknown key") in _problems(cls, {"colour": "red"})


def test_an_unknown_key_is_named_by_its_path(document):
    document["ladder"][2]["limits"]["time_m"] = 3
    document["space"]["element"] = []
    document["bugdet"] = {}
    assert _problems(CampaignSpec, document) == [
        ("space.element", "unknown key"),
        ("ladder[2].limits.time_m", "unknown key"),
        ("bugdet", "unknown key"),
    ]


def test_all_problems_are_told_at_once(document):
    del document["max_rounds"]
    document["objective"]["goal"] = "minimise"
    document["ladder"][1]["cost"] = "cheap"
    document["ladder"][0]["cost"] = -1
    document["space"]["elements"] = ["Li", False]
    document["budget"]["per_round"] = 1e9
    document["initial_looks"] = {"static": 1.5}
    assert _problems(CampaignSpec, document) == [
        ("objective.goal", "Input should be 'minimize' or 'maximize'"),
        ("space.elements[1]", "Input should be a valid string"),
        (
            "ladder[0]",
            "Fidelity 'static' costs -1.0; a positive finite number was expected. "
            "Declare what one look costs in the campaign's unit",
        ),
        ("ladder[1].cost", "Input should be a valid number, unable to parse string as a number"),
        ("budget", "A total of 1000.0 and 1000000000.0 a round is no budget. Give 0 < per_round <= total"),
        ("max_rounds", "Field required"),
        ("initial_looks.static", "Input should be a valid integer, got a number with a fractional part"),
    ]


@pytest.mark.parametrize(
    ("cls", "data", "message"),
    [
        (tuple[int, ...], 3, "Input should be a list"),
        (frozenset[str], "Li", "Input should be a list"),
        (Limits, 3, "Input should be an object of named values"),
        (dict[str, int], 3, "Input should be an object of named values"),
        (
            Annotated[frozenset[int], Field(min_length=1)],
            [],
            "List should have at least 1 item after validation, not 0",
        ),
    ],
)
def test_whoever_writes_a_document_needs_no_python(cls, data, message):
    assert _problems(cls, data) == [("", message)]


def test_the_prefix_says_where_the_data_stand():
    assert _problems(Limits, {"time": 1}, prefix=("ladder", 3, "limits")) == [("ladder[3].limits.time", "unknown key")]


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_what_is_no_mapping_is_refused(data):
    assert [field for field, _ in _problems(Limits, data)] == [""]


def test_a_problem_of_the_whole_document_says_so():
    error = ParseError("The file", (Problem((), "Input should be a dictionary"),))
    assert str(error) == "The file is not valid: document: Input should be a dictionary. Correct the fields named."
    assert isinstance(error, SpecError)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"start": datetime.date(2026, 1, 1)}, "settings.start"),
        ({"nested": {"list": [1, {2}]}}, "settings.nested.list[1]"),
    ],
)
def test_a_setting_that_json_cannot_express_is_refused_once(settings, field):
    ((named, message),) = _problems(Fidelity, {**FIDELITY, "settings": settings})
    assert named == field
    assert message.startswith("Input should be a valid boolean or a valid integer or ")


def test_a_key_that_is_no_text_is_refused():
    assert _problems(Fidelity, {**FIDELITY, "settings": {1: 2}}) == [("settings[1]", "keys should be text")]


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_json_cannot_express_is_refused(number):
    ((field, message),) = _problems(Fidelity, {**FIDELITY, "settings": {"a": [number]}})
    assert (field, message) == ("", f"The number {number} cannot be stored. Give a finite number")


def test_errors_that_concern_the_whole_spec_keep_their_type(document):
    document["budget"]["per_round"] = 0.5
    with pytest.raises(
        BudgetTooSmallError, match=r"budget.per_round 0.5 core-seconds is smaller than the cheapest look"
    ):
        parse(CampaignSpec, document, what="It")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "document: Invalid JSON"),
        ("[1]", "document: Input should be an object"),
        ('{"time_s": -1}', "document: Limits of -1.0 s and 12.0 GiB allow no look. Give positive finite numbers."),
        ('{"time_s": "long"}', "time_s: Input should be a valid number"),
        ('{"time": 1}', "time: unknown key"),
        ('{"time_s": NaN}', "allow no look"),
        (b'\xff{"time_s": 1}', "document: Invalid JSON"),
    ],
)
def test_json_is_refused_in_the_same_words(text, problem):
    with pytest.raises(ParseError, match=f"^This Limits is not valid: .*{problem}"):
        parse_json(Limits, text)


def test_stored_values_are_validated_again(rock_salt_licl):
    text = to_json(rock_salt_licl)
    with pytest.raises(ParseError, match=r"is not cubic, as space group 225"):
        parse_json(Blueprint, text.replace("5.13", "5.14", 1))
    with pytest.raises(ParseError, match=r"space_group: 300 is not the number of a space group"):
        parse_json(Blueprint, text.replace("225", "300"))


def test_a_naive_time_is_refused_in_json():
    text = '{"kind":"transient","reason":"a","worker":"w","cost":{"amount":1},"failed_at":"2026-01-01T00:00:00"}'
    assert parse_json(Failure, text.replace("00:00:00", "00:00:00Z")).cost.amount == 1
    with pytest.raises(ParseError, match="has no time zone"):
        parse_json(Failure, text)
