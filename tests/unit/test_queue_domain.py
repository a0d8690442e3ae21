"""What a spec says of approval, machines and limits."""

import math
from dataclasses import replace

import pytest

from domain.campaign import Budget, CampaignSpec
from domain.digest import derive_seed
from domain.errors import InvalidValueError
from domain.fidelity import AnsweredBy, Capability, Fidelity
from domain.parsing import parse, to_json_value

DFT = Fidelity("dft", oracle="ase", cost=50.0, settings={"calculator": "gpaw"}, answered_by=AnsweredBy.MACHINES)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"max_concurrent": 0}, "'dft' allows 0 looks at the same time"),
        ({"oracle": "laboratory"}, "is the laboratory's, which no machine answers"),
    ],
)
def test_impossible_fidelities_are_refused(change: dict[str, object], match: str) -> None:
    with pytest.raises(InvalidValueError, match=match):
        replace(DFT, **change)


@pytest.mark.parametrize("price", [-1.0, math.inf, math.nan])
def test_an_impossible_threshold_is_refused(price: float) -> None:
    with pytest.raises(InvalidValueError, match="is no price"):
        Budget(total=10, per_round=10, approval_above=price)


def test_only_looks_above_the_threshold_need_approval() -> None:
    assert not Budget(total=10, per_round=10).needs_approval(1e9)
    guarded = Budget(total=10, per_round=10, approval_above=5)
    assert [guarded.needs_approval(cost) for cost in (4.9, 5.0, 5.1)] == [False, False, True]


def test_who_waits_in_the_queue() -> None:
    assert DFT.waits_in_queue
    assert not replace(DFT, answered_by=AnsweredBy.RUNNER).waits_in_queue
    assert Fidelity("lab", oracle="laboratory", cost=1.0).waits_in_queue


def test_a_machine_answers_what_it_offers() -> None:
    assert Capability("ase").answers(DFT)
    assert Capability("ase", DFT.settings_digest).answers(DFT)
    assert not Capability("ase", "0" * 64).answers(DFT)
    assert not Capability("potential").answers(DFT)
    assert not Capability("ase").answers(replace(DFT, answered_by=AnsweredBy.RUNNER))


def test_specs_from_before_are_read_and_mean_the_same(small_spec: CampaignSpec, rock_salt_licl) -> None:
    data = to_json_value(small_spec)
    del data["budget"]["approval_above"]
    for fidelity in data["ladder"]:
        del fidelity["answered_by"], fidelity["max_concurrent"]
    assert parse(CampaignSpec, data, what="An old spec") == small_spec
    assert small_spec.look_seed(rock_salt_licl) == derive_seed(7, "look", rock_salt_licl.digest)
