"""A spec as a form and back, and the YAML beside it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign import Component
from domain.errors import SpecError
from domain.parsing import LocatedError
from generators.registry import require_generator
from services.dashboard.pages.new_campaign import GENERATORS, SURROGATES
from services.dashboard.spec_draft import draft_from_text, draft_of
from services.dashboard.spec_form import document_of, fields_of, with_step
from services.specs import dump_spec, problems_of, read_document, read_spec, write_document
from services.store.examples import example_spec
from surrogates.registry import require_surrogate

GOOD = dump_spec(example_spec("good"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
KEYS = st.sampled_from(
    ["name", "space", "ladder", "budget", "initial_looks", "generator", "objective", "elements", "limits"]
)


def spec_of(text):
    return read_spec(text.encode(), Path("spec"))


def test_a_spec_survives_the_form() -> None:
    document = document_of(fields_of(read_document(GOOD)))
    assert spec_of(draft_of(fields_of(document)).text) == spec_of(GOOD)


def test_the_example_survives_the_form() -> None:
    text = Path("docs/examples/quickstart.yaml").read_text(encoding="utf-8")
    assert spec_of(draft_of(fields_of(read_document(text))).text) == spec_of(text)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, ANYTHING, max_size=3) | ANYTHING, max_size=5))
def test_whatever_is_written_is_shown_somehow(document) -> None:
    assert all(isinstance(text, str) for text in fields_of(document).values())


@given(st.dictionaries(st.sampled_from(list(fields_of(read_document(GOOD)))), st.text(max_size=12)))
def test_whatever_is_typed_is_read_or_refused_with_its_place(fields) -> None:
    try:
        draft = draft_of(fields)
    except LocatedError:
        pytest.fail("a draft tells its problems")
    assert draft.spec is not None or draft.problems or draft.needed


@given(st.sets(st.integers(1, 230), min_size=1))
def test_space_groups_are_written_as_ranges_and_read_again(groups) -> None:
    fields = fields_of({"space": {"space_groups": sorted(groups)}})
    assert document_of(fields) == {"space": {"space_groups": sorted(groups)}}


def test_space_groups_that_cannot_be_read_stay_as_they_are() -> None:
    document = document_of({"space.space_groups": "195 – 197; 999999999, 7-3 1-100000"})
    assert document["space"] == {"space_groups": [195, 196, 197, 999999999, "7-3", "1-100000"]}


def test_oxidation_states_are_read_a_line_an_element() -> None:
    document = document_of({"space.oxidation_states": "Fe: +2, 3\n\nS: −2\nO"})
    assert document["space"] == {"oxidation_states": {"Fe": [2, 3], "S": [-2], "O": []}}


def test_settings_that_are_no_yaml_are_told_at_their_place() -> None:
    with pytest.raises(LocatedError, match="cannot be read") as refused:
        document_of({"ladder[0].name": "a", "ladder[0].settings": "x: ["})
    assert [problem.field for problem in refused.value.problems] == ["ladder[0].settings"]


@pytest.mark.parametrize("step", ["add", "remove-0", "up-0", "down-2", "up-9", "remove-x", "dance", ""])
def test_no_step_loses_what_it_does_not_speak_of(step) -> None:
    fields = fields_of(read_document(GOOD))
    after = with_step(fields, step)
    assert after["budget.total"] == fields["budget.total"]
    names = {after[f"ladder[{place}].name"] for place in range(2)}
    assert names <= {"static", "dft", "lab"}


@pytest.mark.parametrize("step", ["remove", "remove-x", "up", "down-0"])
def test_a_step_at_no_rung_changes_nothing(step) -> None:
    fields = fields_of(read_document(GOOD))
    if step != "down-0":
        assert with_step(fields, step) == fields
    assert with_step({"name": "empty"}, step) == {"name": "empty"}


def test_comments_stay_until_the_form_is_changed() -> None:
    text = "# why\n" + GOOD
    fields = draft_from_text(text).fields
    assert draft_of({**fields, "yaml": text, "yaml_before": text}).text == text
    changed = draft_of({**fields, "max_rounds": "9", "yaml": text, "yaml_before": text})
    assert "# why" not in changed.text
    assert changed.spec is not None
    assert changed.spec.max_rounds == 9


def test_yaml_that_cannot_be_read_leaves_the_form_alone() -> None:
    fields = fields_of(read_document(GOOD))
    draft = draft_of({**fields, "yaml": GOOD + "x: [", "yaml_before": GOOD}, prefer="yaml")
    assert draft.fields == fields
    assert not draft.is_form_stale
    assert draft.problems[0].line == GOOD.count("\n") + 2


def test_a_problem_of_the_first_looks_is_told_at_the_rung() -> None:
    draft = draft_from_text(GOOD.replace("initial_looks: {static: 2}", "initial_looks: {static: -1}"))
    assert [draft.target_of(problem) for problem in draft.problems] == ["ladder[0].initial_looks"]


def test_every_problem_has_its_line() -> None:
    text = GOOD.replace("max_rounds: 5", "max_rounds: many\nmax_round: 5")
    with pytest.raises(SpecError, match="max_rounds") as refused:
        spec_of(text)
    told = {problem.field: text.splitlines()[problem.line - 1] for problem in problems_of(refused.value, text.encode())}
    assert told == {"max_rounds": "max_rounds: many", "max_round": "max_round: 5"}


@pytest.mark.parametrize(("names", "require"), [(GENERATORS, require_generator), (SURROGATES, require_surrogate)])
def test_what_is_offered_is_what_there_is(names, require) -> None:
    for name in names:
        require(Component(name))
    with pytest.raises(SpecError, match="no-such-thing") as refused:
        require(Component("no-such-thing"))
    assert all(name in refused.value.remedy for name in names)
    assert refused.value.remedy.count(",") == len(names) - 1


def test_what_nobody_has_filled_in_yet_is_no_mistake() -> None:
    draft = draft_of({"name": "chlorides", "ladder[0].name": "static"})
    assert draft.problems == ()
    assert draft.needed == (
        "what is looked for",
        "elements and space groups",
        "an oracle for way of looking 1",
        "the cost of a look for way of looking 1",
        "a budget",
        "the number of rounds",
        "looks in the first round",
    )
    assert draft_of({}).needed[0] == "a name"


def test_mistakes_are_told_at_once_and_in_words_however_little_else_is_there() -> None:
    typed = {
        "name": "My Campaign!",
        "space.elements": "Li, Xx, O",
        "space.required_elements": "Yy",
        "space.space_groups": "225, 999, 10-5, cubic",
        "max_rounds": "three",
    }
    told = {problem.field: problem.message for problem in draft_of(typed).problems}
    assert told["name"].startswith("'My Campaign!' cannot name a campaign.")
    assert told["space.elements[1]"].startswith("'Xx' is not the symbol of an element")
    assert told["space.required_elements[0]"].startswith("'Yy' is not the symbol of an element")
    assert told["space.space_groups[1]"] == "999 is not the number of a space group. Give a number from 1 to 230."
    assert told["space.space_groups[2]"] == "'10-5' is no range of space groups: write 5-10."
    assert told["space.space_groups[3]"].startswith("'cubic' is not the number of a space group.")
    assert told["max_rounds"] == "Write a whole number."
    assert len(told) == 7


def test_a_mistake_that_the_whole_spec_tells_too_is_told_once() -> None:
    fields = fields_of(read_document(GOOD)) | {"space.elements": "Li, Xx", "name": "My Campaign!"}
    told = [problem.message for problem in draft_of(fields).problems]
    assert len(told) == len(set(told))
    assert sum("'Xx'" in message for message in told) == 1


def test_a_budget_that_is_none_is_told_at_a_field() -> None:
    draft = draft_of({"budget.total": "5", "budget.per_round": "10"})
    assert [draft.target_of(problem) for problem in draft.problems] == ["budget.per_round"]


def test_settings_are_shown_one_a_line_and_long_ones_fill_no_braces() -> None:
    settings = {"quantity": "ionic_conductivity", "instructions": "Press 100 mg between stainless steel. " * 2 + "Dry."}
    shown = fields_of({"ladder": [{"name": "pellet", "settings": settings}]})["ladder[0].settings"]
    assert shown.startswith("quantity: ionic_conductivity\ninstructions: Press")
    assert "{" not in write_document({"ladder": [{"name": "pellet", "settings": settings}]})
    assert fields_of({"generator": {"settings": {"n_steps": 100}}})["generator.settings"] == "n_steps: 100"
