"""What becomes of results that nobody asked for, for every database."""

from dataclasses import replace
from functools import partial

import pytest

from domain.composition import Composition
from domain.errors import (
    InvalidValueError,
    NotFoundError,
    UnconfirmedValueError,
)
from domain.states import QueryState
from services.intake import (
    Reading,
    UnsolicitedOutcome,
    amend_material_value,
    record_unsolicited,
    report_laboratory_result,
    retract_material_value,
)
from services.intake.testing.examples import claim
from services.intake.testing.unasked import by_ada, report_unasked, stretched_crystal, taught_values
from services.store.examples import Bench, example_pick, open_example


def check_unsolicited_results_find_their_place(bench: Bench) -> None:
    """An open query is answered, a new one costs nothing, an answer stays, somebody else's claim is left alone."""
    campaign, _, (waiting, held) = open_example(bench.store, [example_pick(1), example_pick(100)])
    claim(bench.store, held, "Bob")
    near = stretched_crystal(1, strain=1.001)
    for _ in range(2):
        answered = report_unasked(bench, campaign.id, near, -1.0)
        assert answered.outcome is UnsolicitedOutcome.ANSWERED
        assert answered.measurement is not None
        assert answered.measurement.query_id == waiting.id
        assert answered.measurement.measurement.cost.amount == waiting.declared.amount
    added = report_unasked(bench, campaign.id, near, -2.0, fidelity="dft")
    assert added.outcome is UnsolicitedOutcome.ADDED
    assert added.measurement is not None
    assert added.measurement.measurement.cost.amount == 0
    assert report_unasked(bench, campaign.id, near, -2.0, fidelity="dft") == added
    assert report_unasked(bench, campaign.id, near, -3.0).outcome is UnsolicitedOutcome.EVIDENCE
    beside = report_unasked(bench, campaign.id, stretched_crystal(100), -4.0)
    assert beside.outcome is UnsolicitedOutcome.MATERIAL
    assert taught_values(bench, campaign.id) == [-4.0, -2.0, -1.0]
    assert bench.store.queries.get(held.id).worker == "Bob"
    balance = bench.store.ledger.balance(campaign.id)
    assert (balance.booked, balance.reserved) == (1.1, 1.1)
    unasked = [query for query in bench.store.queries.list(campaign.id) if query.fidelity == "dft"]
    assert [(query.state, query.declared.amount) for query in unasked] == [(QueryState.DONE, 0.0)]
    assert unasked[0].decision.reason.startswith("Unsolicited")


def check_unknown_crystals_become_known_materials(bench: Bench) -> None:
    """The campaign learns from them, once; what does not fit the campaign is refused."""
    campaign, _, _ = open_example(bench.store, [example_pick(1)])
    stranger = stretched_crystal(1, strain=1.3)
    for _ in range(2):
        found = report_unasked(bench, campaign.id, stranger, -1300.0, unit="meV/atom", fidelity="lab")
        assert found.outcome is UnsolicitedOutcome.MATERIAL
    value = found.material_value
    assert value is not None
    assert value.measurement.value == pytest.approx(-1.3)
    assert value.reported_unit == "meV/atom"
    assert bench.store.material_values.list(campaign.id) == (value,)
    (look,) = bench.store.measurements.observations(campaign.id)
    assert (look.blueprint, look.fidelity) == (stranger, "lab")
    assert look.value == pytest.approx(-1.3)
    again = record_unsolicited(
        bench.store, campaign.id, fidelity="lab", measurement=by_ada(-1.4), about=value.material_id
    )
    assert again.material_value is not None
    assert again.material_value.material_id == value.material_id
    amended = amend_material_value(
        bench.store, value.id, measurement=by_ada(-1.5), reason="Decimal point.", worker="Ada"
    )
    assert amended.supersedes == value.id
    assert taught_values(bench, campaign.id) == [-1.5, -1.4]
    retract_material_value(bench.store, amended.id, reason="Wrong sample.", worker="Ada")
    assert taught_values(bench, campaign.id) == [-1.4]
    assert bench.store.ledger.balance(campaign.id).booked == 0
    with pytest.raises(InvalidValueError, match="no fidelity 'neutron'"):
        report_unasked(bench, campaign.id, stranger, -1.0, fidelity="neutron")
    with pytest.raises(InvalidValueError, match="implausible"):
        report_unasked(bench, campaign.id, stranger, -1000.0)
    with pytest.raises(NotFoundError, match="no material number 99"):
        record_unsolicited(bench.store, campaign.id, fidelity="lab", measurement=by_ada(-1.0), about=99)


def check_an_undated_report_counts_once(bench: Bench) -> None:
    """Handed in twice, minutes apart, a report that does not say when it was measured is one report."""
    campaign, _, _ = open_example(bench.store, [example_pick(1)])
    for crystal, value in ((stretched_crystal(1), -1.0), (stretched_crystal(1, strain=1.3), -1.2)):
        found = []
        for _ in range(2):
            measurement = replace(by_ada(value), measured_at=bench.clock())
            found.append(
                record_unsolicited(
                    bench.store,
                    campaign.id,
                    fidelity="lab",
                    measurement=measurement,
                    about=crystal,
                    is_dated=False,
                )
            )
            bench.clock.advance(60)
        assert found[0] == found[1]
    assert taught_values(bench, campaign.id) == [-1.2, -1.0]
    later = replace(by_ada(-1.2), measured_at=bench.clock())
    record_unsolicited(
        bench.store, campaign.id, fidelity="lab", measurement=later, about=stretched_crystal(1, strain=1.3)
    )
    assert taught_values(bench, campaign.id) == [-1.2, -1.2, -1.0]


def check_reports_that_teach_nothing_are_doubted(bench: Bench) -> None:
    """A crystal of other elements than the campaign's is kept only where somebody says that it is meant."""
    open_example(bench.store, [example_pick(1)])
    blueprint = replace(stretched_crystal(1), composition=Composition.of({"Na": 4, "Cl": 4}))
    report = partial(
        report_laboratory_result,
        bench.store,
        "example",
        blueprint,
        fidelity="lab",
        worker="Ada",
        reading=Reading(-1.0, "eV/atom"),
    )
    with pytest.raises(UnconfirmedValueError, match=r"Na is not among the campaign's elements .* teaches nothing here"):
        report()
    assert report(confirmed=True).outcome is UnsolicitedOutcome.MATERIAL
