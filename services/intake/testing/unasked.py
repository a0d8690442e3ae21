"""Reports that nobody asked for, for tests."""

from dataclasses import replace

from domain.blueprint import Blueprint
from domain.lattice import LatticeParameters
from domain.measurement import Measurement
from services.intake import (
    UnsolicitedRecord,
    record_unsolicited,
)
from services.intake.testing.examples import example_measurement
from services.store.examples import Bench, example_pick


def by_ada(value: float, unit: str = "eV/atom") -> Measurement:
    """The example's formation energy as a person reports it."""
    measurement = example_measurement(value, unit)
    return replace(measurement, sigma=None, provenance=replace(measurement.provenance, worker="Ada"))


def stretched_crystal(number: int, *, strain: float = 1.0) -> Blueprint:
    """An example's rock salt, its lattice stretched."""
    blueprint = example_pick(number).blueprint
    length = blueprint.lattice.a * strain
    return replace(blueprint, lattice=LatticeParameters(length, length, length, 90, 90, 90))


def report_unasked(
    bench: Bench, campaign_id: int, crystal: Blueprint, value: float, *, unit: str = "eV/atom", fidelity: str = "static"
) -> UnsolicitedRecord:
    """Reports what nobody asked for."""
    return record_unsolicited(
        bench.store, campaign_id, fidelity=fidelity, measurement=by_ada(value, unit), about=crystal
    )


def taught_values(bench: Bench, campaign_id: int) -> list[float]:
    """What a campaign learns from, by value."""
    return sorted(look.value for look in bench.store.measurements.observations(campaign_id))
