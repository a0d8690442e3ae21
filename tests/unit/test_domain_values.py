"""What each value of the language refuses, and in which words."""

import copy
import dataclasses
import math
import pickle
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given

from domain import errors
from domain.campaign import LARGEST_SEED, Budget, CampaignSpec, Component
from domain.cost import Cost
from domain.errors import BudgetTooSmallError, InvalidValueError, PetaliteError, SpecError
from domain.events import Event, EventKind
from domain.fidelity import Fidelity, Ladder, Limits
from domain.labels import require_labels
from domain.measurement import Failure, FailureKind, Measurement, Provenance, require_utc
from domain.parsing import ParseError, Problem
from domain.quantity import QUANTITIES, Goal, Objective, Scale, quantity
from domain.search_space import SearchSpace
from domain.testing import strategies
from domain.training import Observation

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NAIVE_NOON = NOON.replace(tzinfo=None)
NOT_FINITE = [math.nan, math.inf, -math.inf]


class _ZoneWithoutOffset(tzinfo):
    def utcoffset(self, when):
        return None


MEASUREMENT = {
    "value": -1.0,
    "unit": "eV/atom",
    "sigma": None,
    "provenance": Provenance(oracle="o", oracle_version="1", settings_digest="d", worker="w"),
    "cost": Cost(1.0),
    "measured_at": NOON,
}
FAILURE = {
    "kind": FailureKind.TRANSIENT,
    "reason": "It hung.",
    "worker": "w",
    "cost": Cost(1.0),
    "failed_at": NOON,
}
SPACE = {"elements": ("Li", "Cl"), "space_groups": (225,)}
LADDER = (Fidelity("cheap", oracle="o", cost=1.0), Fidelity("target", oracle="o", cost=10.0))
SPEC = {
    "name": "a",
    "objective": Objective("density", Goal.MAXIMIZE),
    "space": SearchSpace(**SPACE),
    "ladder": LADDER,
    "budget": Budget(total=100.0, per_round=10.0),
    "max_rounds": 3,
    "initial_looks": {"cheap": 4},
}
FIDELITY = {"name": "a", "oracle": "o", "cost": 1.0}


@pytest.mark.parametrize(
    ("build", "valid", "changed", "problem"),
    [
        *[(Cost, {"amount": 0.0}, {x: -1.0}, f"A cost with {x} -1.0") for x in ("amount", "core_seconds", "money")],
        *[(Cost, {"amount": 0.0}, {"amount": x}, "A cost with amount") for x in NOT_FINITE],
        *[(Limits, {}, {"time_s": x}, "allow no look") for x in (0.0, -1.0, *NOT_FINITE)],
        *[(Limits, {}, {"memory_GiB": x}, "allow no look") for x in (0.0, -1.0, *NOT_FINITE)],
        (Fidelity, FIDELITY, {"name": ""}, "A fidelity has no name"),
        *[(Fidelity, FIDELITY, {"cost": x}, "Fidelity 'a' costs") for x in (0.0, -1.0, *NOT_FINITE)],
        (Fidelity, FIDELITY, {"max_attempts": 0}, "Fidelity 'a' allows 0 attempts"),
        (Fidelity, FIDELITY, {"settings": {"deep": [{"er": math.nan}]}}, "The number nan cannot be stored"),
        (Ladder, {"fidelities": LADDER}, {"fidelities": ()}, "The ladder has no fidelity"),
        (Ladder, {"fidelities": LADDER}, {"fidelities": LADDER[:1] * 2}, "names a fidelity twice: cheap, cheap"),
        (Objective, {"quantity": "density", "goal": Goal.MINIMIZE}, {"quantity": "colour"}, "'colour' is not a known"),
        (SearchSpace, SPACE, {"elements": ()}, "elements must name at least one element"),
        (SearchSpace, SPACE, {"elements": ("Li", "Li")}, "elements must name at least one element, each once"),
        (SearchSpace, SPACE, {"elements": ("Li", "Xx")}, "'Xx' is not the symbol of an element"),
        (SearchSpace, SPACE, {"required_elements": ("O",)}, "required_elements names O, which elements does not list"),
        (SearchSpace, SPACE, {"oxidation_states": {"O": (-2,)}}, "oxidation_states names O, which elements does not"),
        (SearchSpace, SPACE, {"space_groups": ()}, "space_groups must name at least one group"),
        (SearchSpace, SPACE, {"space_groups": (225, 225)}, "space_groups must name at least one group, each once"),
        (SearchSpace, SPACE, {"space_groups": (0,)}, "0 is not the number of a space group"),
        (SearchSpace, SPACE, {"space_groups": (231,)}, "231 is not the number of a space group"),
        (SearchSpace, SPACE, {"min_elements": 0}, "min_elements 0 and max_elements 5 leave no choice"),
        (SearchSpace, SPACE, {"min_elements": 3, "max_elements": 2}, "min_elements 3 and max_elements 2 leave no"),
        (SearchSpace, SPACE, {"max_atoms": 0}, "max_atoms 0 and max_atoms_per_element 16 leave no atom"),
        (SearchSpace, SPACE, {"max_atoms_per_element": 0}, "max_atoms_per_element 0 leave no atom"),
        *[
            (SearchSpace, SPACE, {name: given}, f"{name} .* is not a range between 0 and")
            for name in ("volume_per_atom_A3", "length_A", "angle_deg")
            for given in ((20.0, 10.0), (10.0, 10.0), (0.0, 10.0), (-1.0, 10.0), (1.0, 1e9), (math.nan, 10.0))
        ],
        *[
            (Budget, {"total": 10.0, "per_round": 1.0}, changed, "is no budget")
            for changed in (
                {"per_round": 0.0}, {"per_round": 11.0}, {"per_round": math.nan}, {"total": math.inf}
            )
        ],
        *[
            (Budget, {"total": 10.0, "per_round": 1.0}, {"target_share": share}, "is no share")
            for share in (-0.1, 1.1, math.nan)
        ],
        (Component, {"name": "a"}, {"name": ""}, "A component has no name"),
        (Component, {"name": "a"}, {"settings": {"a": math.inf}}, "The number inf cannot be stored"),
        *[
            (CampaignSpec, SPEC, {"name": name}, "cannot name a campaign")
            for name in ("", "A", "-a", "a b", "a/b", "a\n", "a" * 64)
        ],
        (CampaignSpec, SPEC, {"name": "new"}, "No campaign can be called 'new'"),
        (CampaignSpec, SPEC, {"max_rounds": 0}, "max_rounds is 0"),
        (CampaignSpec, SPEC, {"pool_size": 0}, "pool_size is 0"),
        (CampaignSpec, SPEC, {"seed": -1}, "seed -1 is out of range"),
        (CampaignSpec, SPEC, {"seed": LARGEST_SEED + 1}, "is out of range"),
        (CampaignSpec, SPEC, {"ladder": ()}, "The ladder has no fidelity"),
        (CampaignSpec, SPEC, {"ladder": LADDER[:1] * 2}, "names a fidelity twice"),
        (CampaignSpec, SPEC, {"initial_looks": {}}, "initial_looks asks for no look"),
        (CampaignSpec, SPEC, {"initial_looks": {"cheap": 0}}, "initial_looks asks for no look"),
        (CampaignSpec, SPEC, {"initial_looks": {"cheap": -1}}, "initial_looks.cheap is -1"),
        (CampaignSpec, SPEC, {"initial_looks": {"other": 1}}, "initial_looks.other: the ladder has no such fidelity"),
        *[(Measurement, MEASUREMENT, {"value": x}, "is no number. Record a failure instead") for x in NOT_FINITE],
        *[(Measurement, MEASUREMENT, {"sigma": x}, "A standard deviation of") for x in (-1.0, *NOT_FINITE)],
        *[(Measurement, MEASUREMENT, {"temperature_K": x}, "K is impossible") for x in (0.0, -1.0, *NOT_FINITE)],
        (Measurement, MEASUREMENT, {"measured_at": NAIVE_NOON}, "has no time zone"),
        (Failure, FAILURE, {"reason": ""}, "A failure has no reason"),
        (Failure, FAILURE, {"failed_at": NAIVE_NOON}, "has no time zone"),
        (Event, {"kind": EventKind.STAGE_NOTE, "campaign": "a", "message": ""}, {"at": NAIVE_NOON}, "has no time zone"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused(build, valid, changed, problem):
    build(**valid)
    with pytest.raises(InvalidValueError, match=problem):
        build(**{**valid, **changed})


@pytest.mark.parametrize(
    "changed",
    [*[{"value": x} for x in NOT_FINITE], {"sigma": -1.0}, {"sigma": math.nan}, {"temperature_K": 0.0}],
)
def test_an_impossible_observation_is_refused(rock_salt_licl, changed):
    valid = {"blueprint": rock_salt_licl, "fidelity": "cheap", "value": 1.0}
    Observation(**valid)
    with pytest.raises(InvalidValueError, match=r"is no number|is impossible"):
        Observation(**{**valid, **changed})


def test_a_budget_smaller_than_the_cheapest_look_is_refused():
    with pytest.raises(
        BudgetTooSmallError, match=r"budget.per_round 0.5 core-seconds is smaller than the cheapest look"
    ):
        CampaignSpec(**{**SPEC, "budget": Budget(total=100.0, per_round=0.5)})


def test_initial_looks_that_cost_more_than_the_campaign_has_are_refused():
    with pytest.raises(SpecError, match=r"initial_looks costs 110 core-seconds, more than budget.total 100"):
        CampaignSpec(**{**SPEC, "initial_looks": {"target": 11}})
    CampaignSpec(**{**SPEC, "initial_looks": {"target": 10}})


@pytest.mark.parametrize("name", ["a", "0", "li-cl_2.1", "a" * 63])
def test_a_campaign_may_have_a_plain_name(name):
    assert CampaignSpec(**{**SPEC, "name": name}).name == name


def test_a_time_needs_an_offset_and_not_just_a_zone():
    for instant in (NAIVE_NOON, NAIVE_NOON.replace(tzinfo=_ZoneWithoutOffset())):
        with pytest.raises(InvalidValueError, match=r"has no time zone\. Use datetime\.now\(UTC\)"):
            require_utc(instant)
    for zone in (UTC, timezone(timedelta(hours=2))):
        require_utc(NAIVE_NOON.replace(tzinfo=zone))


def test_an_event_happens_now_unless_it_says_otherwise():
    before = datetime.now(UTC)
    event = Event(EventKind.STAGE_NOTE, campaign="a", message="b")
    assert before <= event.at <= datetime.now(UTC)
    assert event.payload == {}


@pytest.mark.parametrize("name", QUANTITIES)
def test_a_quantity_refuses_what_is_implausible(name):
    found = quantity(name)
    assert found.name == name
    assert found.low < found.high
    assert found.scale is not Scale.LOG10 or found.low > 0
    for value in (found.low, found.high, (found.low + found.high) / 2):
        found.require_plausible(value)
    for value in (found.low - 1e-3, found.high * 1.001, *NOT_FINITE):
        with pytest.raises(InvalidValueError, match=f"{name} of .* is implausible"):
            found.require_plausible(value)


@pytest.mark.parametrize("goal", Goal)
def test_an_objective_knows_which_value_is_better(goal):
    objective = Objective("formation_energy", goal)
    assert objective.measured is QUANTITIES["formation_energy"]
    assert objective.sign == (1 if goal is Goal.MAXIMIZE else -1)
    assert objective.is_better(1.0, -2.0) is (goal is Goal.MAXIMIZE)
    assert objective.is_better(-2.0, 1.0) is (goal is Goal.MINIMIZE)
    assert not objective.is_better(1.0, 1.0)


def test_a_ladder_is_ordered_by_rank_and_ends_with_the_target(small_ladder):
    assert small_ladder.names == ("static", "relaxed", "dft")
    assert small_ladder.costs == (1.0, 10.0, 200.0)
    assert [small_ladder.rank(name) for name in small_ladder.names] == [0, 1, 2]
    assert small_ladder.target is small_ladder.fidelity("dft")
    with pytest.raises(
        InvalidValueError, match=r"The ladder has no fidelity 'lab'\. Choose one of static, relaxed, dft"
    ):
        small_ladder.rank("lab")


@given(fidelity=strategies.fidelities(), renamed=strategies.names())
def test_a_settings_digest_depends_on_oracle_and_settings_alone(fidelity, renamed):
    same = dataclasses.replace(
        fidelity, name=renamed, cost=fidelity.cost + 1, settings=dict(reversed(fidelity.settings.items()))
    )
    assert same.settings_digest == fidelity.settings_digest
    other = dataclasses.replace(fidelity, oracle=fidelity.oracle + "x")
    assert other.settings_digest != fidelity.settings_digest
    changed = dataclasses.replace(fidelity, settings={**fidelity.settings, "one more": 1})
    assert changed.settings_digest != fidelity.settings_digest


def test_a_search_space_lists_its_parts_in_order(small_space):
    assert small_space.atomic_numbers == (3, 8, 9, 17)
    assert [group.number for group in small_space.groups] == [123, 166, 194, 221, 225]
    assert small_space.allowed_oxidation_states == {"Li": (1,), "O": (-2,), "F": (-1,), "Cl": (-1, 1, 3, 5, 7)}
    tamed = dataclasses.replace(small_space, oxidation_states={"Cl": (-1,)})
    assert tamed.allowed_oxidation_states["Cl"] == (-1,)


def test_the_example_crystals_lie_in_the_example_space(small_space, rock_salt_licl, antifluorite_li2o):
    for blueprint in (rock_salt_licl, antifluorite_li2o):
        assert blueprint.space_group in small_space.groups
        assert blueprint.composition.n_atoms <= small_space.max_atoms
        assert max(n for _, n in blueprint.composition.counts) <= small_space.max_atoms_per_element
        assert {entry.symbol for entry in blueprint.composition.elements} <= set(small_space.elements)
        low, high = small_space.volume_per_atom_A3
        assert low <= blueprint.volume_per_atom_A3 <= high


def test_the_example_spec_is_a_campaign(small_spec, small_ladder):
    assert small_spec.fidelities == small_ladder


ERRORS = [member for member in vars(errors).values() if isinstance(member, type) and issubclass(member, PetaliteError)]


@pytest.mark.parametrize("cls", ERRORS)
def test_an_error_says_what_to_do_and_survives_copying(cls):
    error = cls("Nothing is well.", remedy="Try again.")
    assert str(error) == "Nothing is well. Try again."
    for copied in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(copied) is cls
        assert (copied.problem, copied.remedy, copied.args) == (error.problem, error.remedy, error.args)
    assert f"── {cls.__name__}" in errors.__doc__ or cls is PetaliteError


def test_a_parse_error_survives_copying():
    error = ParseError("The spec", (Problem(("ladder", 0, "cost"), "too small"),))
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.problems) == (str(error), error.problems)


def with_labels(*, unit: str = "core-seconds", fidelity: str = "cheap") -> CampaignSpec:
    ladder = (dataclasses.replace(LADDER[0], name=fidelity), *LADDER[1:])
    budget = Budget(total=100.0, per_round=10.0, unit=unit)
    return CampaignSpec(**{**SPEC, "ladder": ladder, "initial_looks": {fidelity: 4}, "budget": budget})


@pytest.mark.parametrize("label", ["core-seconds", "k€", "€", "CPU h", "GPU·h", "nodes (A100)", "g/cm³", "mace@mp"])
def test_labels_may_be_written_as_people_write(label: str) -> None:
    require_labels(with_labels(unit=label, fidelity=label))


@pytest.mark.parametrize("label", [" EUR", "EUR ", "<a href='//else.where'>EUR</a>", "E\nUR", "E&UR", "x" * 64])
def test_labels_hold_no_markup(label: str) -> None:
    with pytest.raises(SpecError, match=r"budget\.unit .* cannot be used"):
        require_labels(with_labels(unit=label))
    with pytest.raises(SpecError, match=r"ladder\[0\]\.name .* cannot be used"):
        require_labels(with_labels(fidelity=label))
