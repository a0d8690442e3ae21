"""Every domain value survives the way through JSON, and the strategies draw what they promise."""

import dataclasses
import importlib
import json
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

import domain
from domain.blueprint import Blueprint, Realization
from domain.campaign import Budget, CampaignSpec, Component
from domain.composition import Composition
from domain.cost import Cost
from domain.disorder import Arrangement
from domain.elements import Element
from domain.events import Event
from domain.fidelity import Capability, Fidelity, Ladder, Limits
from domain.lattice import LatticeParameters
from domain.look import FileNote, LookFile, LookProgress, LookRequest, LookResult, ReferenceEnergy
from domain.material import KnownMaterial
from domain.measurement import Failure, Measurement, Provenance, SeriesPoint
from domain.parsing import parse, parse_json, to_json, to_json_object, to_json_value
from domain.quantity import Objective, Quantity
from domain.relaxation import Relaxation
from domain.search_space import SearchSpace
from domain.space_groups import CellShape, SpaceGroup, WyckoffPosition
from domain.structure import Occupation, Site, Structure
from domain.testing import materials, strategies
from domain.testing.look_files import file_notes, look_files, series_points
from domain.testing.relaxations import relaxations
from domain.training import CandidateBelief, Decision, Observation, PendingLook, Pick

STRATEGIES = {
    Element: strategies.elements(),
    SpaceGroup: strategies.space_groups(),
    WyckoffPosition: strategies.wyckoff_positions(),
    Composition: strategies.compositions(),
    LatticeParameters: strategies.lattice_parameters(),
    Blueprint: strategies.blueprints(),
    Realization: strategies.realizations(),
    Quantity: strategies.quantities(),
    Occupation: materials.occupations(),
    Site: materials.sites(),
    Structure: materials.structures(),
    KnownMaterial: materials.known_materials(),
    Objective: strategies.objectives(),
    Cost: strategies.costs(),
    Limits: strategies.limits(),
    Fidelity: strategies.fidelities(),
    Capability: strategies.capabilities(),
    Ladder: strategies.ladders(),
    SearchSpace: strategies.search_spaces(),
    Budget: strategies.budgets(),
    Component: strategies.components(),
    CampaignSpec: strategies.campaign_specs(),
    Provenance: strategies.provenances(),
    Measurement: strategies.measurements(),
    Failure: strategies.failures(),
    LookRequest: strategies.look_requests(),
    LookResult: strategies.look_results(),
    Arrangement: strategies.arrangements(),
    Relaxation: relaxations(),
    FileNote: file_notes(),
    LookFile: look_files(),
    SeriesPoint: series_points(),
    LookProgress: strategies.look_progresses(),
    ReferenceEnergy: strategies.reference_energies(),
    Observation: strategies.observations(),
    PendingLook: strategies.pending_looks(),
    Decision: strategies.decisions(),
    Pick: strategies.picks(),
    CandidateBelief: strategies.candidate_beliefs(),
    Event: strategies.events(),
}


WITHOUT_JSON = {
    "BlueprintBatch": "tensors; tests/unit/test_domain_batch.py",
    "Sample": "tensors",
    "Interval": "a result on its way; tests/unit/test_domain_uncertainty.py",
    "StraightLine": "a result on its way; tests/unit/test_domain_straight_line.py",
    "Trust": "read from the environment; tests/unit/test_oracles_trust.py",
    "Workbench": "a folder and a function",
    "TrainingStep": "shown, never stored",
    "TrainingSummary": "its numbers are stored by the round",
    "Problem": "a part of an error",
    "Timing": "its two texts are columns; tests/unit/test_ops_timing.py",
}


@pytest.mark.parametrize("cls", STRATEGIES)
@given(data=st.data())
def test_a_value_survives_json(cls, data):
    value = data.draw(STRATEGIES[cls])
    assert type(value) is cls
    text = to_json(value)
    assert parse_json(cls, text) == value
    assert to_json(parse_json(cls, text)) == text
    plain = to_json_value(value)
    assert json.loads(text) == plain
    assert to_json_object(value) == plain
    assert parse(cls, plain, what="It") == value


def test_every_type_of_the_domain_is_drawn_and_frozen():
    modules = [importlib.import_module(f"domain.{module.name}") for module in pkgutil.iter_modules(domain.__path__)]
    types = {
        member
        for module in modules
        for member in vars(module).values()
        if dataclasses.is_dataclass(member) and isinstance(member, type) and member.__module__ == module.__name__
    }
    assert all(cls.__dataclass_params__.frozen for cls in types)
    assert {cls.__name__ for cls in types} == {cls.__name__ for cls in STRATEGIES} | set(WITHOUT_JSON)


@pytest.mark.parametrize("shape", CellShape)
@given(data=st.data())
def test_a_drawn_cell_obeys_its_shape(shape, data):
    lattice = data.draw(strategies.lattice_parameters(shape))
    assert lattice.obeys(shape)
    assert lattice.volume_A3 > 0


@given(data=st.data())
def test_drawn_parts_belong_together(data):
    request = data.draw(strategies.look_requests())
    assert {realization.blueprint_digest for realization in request.realizations} <= {request.blueprint.digest}
    quantity = data.draw(strategies.quantities())
    quantity.require_plausible(data.draw(strategies.measurements(quantity)).value)
