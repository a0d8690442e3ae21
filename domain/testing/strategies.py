"""Hypothesis strategies for every domain type. Each draws valid values only.

Only `domain.testing` needs hypothesis.
"""

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from domain.blueprint import Blueprint, Realization
from domain.campaign import Budget, CampaignSpec, Component
from domain.composition import Composition
from domain.cost import Cost
from domain.disorder import Arrangement
from domain.elements import HEAVIEST, Element
from domain.events import Event, EventKind
from domain.fidelity import LABORATORY_ORACLE, AnsweredBy, Capability, Fidelity, Ladder, Limits
from domain.lattice import LatticeParameters
from domain.look import LookProgress, LookRequest, LookResult, ReferenceEnergy
from domain.measurement import Censoring, Failure, FailureKind, Measurement, Provenance
from domain.quantity import QUANTITIES, Goal, Objective, Quantity
from domain.search_space import SearchSpace
from domain.space_groups import N_SPACE_GROUPS, CellShape, SpaceGroup, WyckoffPosition
from domain.testing.look_files import look_files, series_points
from domain.testing.plain import digests, instants, json_objects, names, numbers, positive_numbers, seeds, texts
from domain.training import CandidateBelief, Decision, Observation, PendingLook, Pick

ALL_SYMBOLS: Final = tuple(Element(atomic_number).symbol for atomic_number in range(1, HEAVIEST + 1))
LEAST_ANGLE_MARGIN_DEG: Final = 2.0
"""How far a drawn triclinic cell stays from being flat."""


def elements() -> st.SearchStrategy[Element]:
    """Chemical elements."""
    return st.integers(1, HEAVIEST).map(Element)


def space_groups() -> st.SearchStrategy[SpaceGroup]:
    """Space groups."""
    return st.integers(1, N_SPACE_GROUPS).map(SpaceGroup)


def wyckoff_positions() -> st.SearchStrategy[WyckoffPosition]:
    """Wyckoff positions that exist."""
    return space_groups().flatmap(lambda group: st.sampled_from(group.wyckoff_positions))


def compositions(
    symbols: Sequence[str] = ALL_SYMBOLS, *, max_elements: int = 5, max_atoms_per_element: int = 16
) -> st.SearchStrategy[Composition]:
    """Compositions of the symbols given."""
    counts = st.dictionaries(
        st.sampled_from(symbols), st.integers(1, max_atoms_per_element), min_size=1, max_size=max_elements
    )
    return counts.map(Composition.of)


@st.composite
def lattice_parameters(draw: st.DrawFn, shape: CellShape = CellShape.TRICLINIC) -> LatticeParameters:
    """Lattice parameters that obey a cell shape."""
    a, b, c = (draw(st.floats(2.0, 30.0)) for _ in range(3))
    match shape:
        case CellShape.TRICLINIC:
            return LatticeParameters(a, b, c, *draw(triclinic_angles()))
        case CellShape.MONOCLINIC:
            return LatticeParameters(a, b, c, 90, draw(st.floats(30.0, 150.0)), 90)
        case CellShape.ORTHORHOMBIC:
            return LatticeParameters(a, b, c, 90, 90, 90)
        case CellShape.TETRAGONAL:
            return LatticeParameters(a, a, c, 90, 90, 90)
        case CellShape.HEXAGONAL:
            return LatticeParameters(a, a, c, 90, 90, 120)
        case CellShape.CUBIC:
            return LatticeParameters(a, a, a, 90, 90, 90)


@st.composite
def triclinic_angles(draw: st.DrawFn) -> tuple[float, float, float]:
    """Three angles (degrees) that span a volume, in general none of them equal."""
    alpha, beta = draw(st.floats(30.0, 150.0)), draw(st.floats(30.0, 150.0))
    low = abs(alpha - beta) + LEAST_ANGLE_MARGIN_DEG
    high = min(alpha + beta, 360.0 - alpha - beta) - LEAST_ANGLE_MARGIN_DEG
    return alpha, beta, draw(st.floats(low, high))


@st.composite
def blueprints(
    draw: st.DrawFn,
    *,
    groups: st.SearchStrategy[SpaceGroup] | None = None,
    contents: st.SearchStrategy[Composition] | None = None,
) -> Blueprint:
    """Blueprints. The counts need not fit the group's Wyckoff positions: the type does not demand it."""
    group = draw(space_groups() if groups is None else groups)
    return Blueprint(
        space_group=group,
        composition=draw(compositions() if contents is None else contents),
        lattice=draw(lattice_parameters(group.cell_shape)),
    )


@st.composite
def realizations(draw: st.DrawFn, blueprint_digest: str | None = None) -> Realization:
    """Realizations, ranked by energy or not; the CIF is any text."""
    is_ranked = draw(st.booleans())
    return Realization(
        blueprint_digest=blueprint_digest or draw(digests()),
        cif=draw(texts()),
        method=draw(names()),
        seed=draw(seeds()),
        energy_eV_per_atom=draw(numbers(-100, 100)) if is_ranked else None,
        ranked_by=draw(names()) if is_ranked else None,
        is_relaxed=draw(st.booleans()),
        arrangement=draw(st.none() | arrangements()),
    )


def arrangements() -> st.SearchStrategy[Arrangement]:
    """Ordered choices for a disordered crystal."""
    weights = st.floats(1e-6, 1.0)
    return st.builds(Arrangement, weights, st.integers(1, 100), st.sampled_from(("6", "10^24")), names())


def quantities() -> st.SearchStrategy[Quantity]:
    """Quantities of the table."""
    return st.sampled_from(sorted(QUANTITIES.values(), key=lambda quantity: quantity.name))


def objectives() -> st.SearchStrategy[Objective]:
    """Objectives."""
    return st.builds(Objective, quantity=st.sampled_from(sorted(QUANTITIES)), goal=st.sampled_from(Goal))


def costs() -> st.SearchStrategy[Cost]:
    """Costs, free ones among them."""
    optional = st.none() | numbers(0, 1e9)
    return st.builds(Cost, amount=numbers(0, 1e9), core_seconds=optional, money=optional)


def limits() -> st.SearchStrategy[Limits]:
    """Limits of a computed look."""
    return st.builds(Limits, time_s=positive_numbers(), memory_GiB=positive_numbers(1e3))


def fidelities(*, name: str | None = None) -> st.SearchStrategy[Fidelity]:
    """Fidelities of any oracle name."""
    return st.builds(
        Fidelity,
        name=names() if name is None else st.just(name),
        oracle=names().filter(lambda oracle: oracle != LABORATORY_ORACLE),
        cost=positive_numbers(),
        settings=json_objects(),
        limits=limits(),
        max_attempts=st.integers(1, 5),
        answered_by=st.sampled_from(AnsweredBy),
        max_concurrent=st.none() | st.integers(1, 100),
    )


def capabilities() -> st.SearchStrategy[Capability]:
    """Oracles that a machine offers, with any settings or with its own."""
    return st.builds(Capability, oracle=names(), settings_digest=st.none() | digests())


def ladders(*, max_fidelities: int = 4) -> st.SearchStrategy[Ladder]:
    """Ladders; costs need not ascend, because only rank orders a ladder."""
    listed = st.lists(fidelities(), min_size=1, max_size=max_fidelities, unique_by=lambda fidelity: fidelity.name)
    return listed.map(lambda chosen: Ladder(tuple(chosen)))


@st.composite
def search_spaces(draw: st.DrawFn, symbols: Sequence[str] = ALL_SYMBOLS) -> SearchSpace:
    """Search spaces; some of them are empty, which only a generator can tell."""
    chosen = draw(st.lists(st.sampled_from(symbols), min_size=1, max_size=6, unique=True))
    min_elements = draw(st.integers(1, len(chosen)))
    oxidation_states = st.lists(st.integers(-4, 7), min_size=1, max_size=3, unique=True).map(tuple)
    return SearchSpace(
        elements=tuple(chosen),
        space_groups=tuple(draw(st.lists(st.integers(1, N_SPACE_GROUPS), min_size=1, max_size=6, unique=True))),
        required_elements=tuple(draw(st.lists(st.sampled_from(chosen), max_size=2, unique=True))),
        min_elements=min_elements,
        max_elements=draw(st.integers(min_elements, min_elements + 4)),
        max_atoms=draw(st.integers(1, 40)),
        max_atoms_per_element=draw(st.integers(1, 40)),
        oxidation_states=draw(st.dictionaries(st.sampled_from(chosen), oxidation_states, max_size=3)),
        volume_per_atom_A3=(draw(numbers(2, 10)), draw(numbers(11, 100))),
        length_A=(draw(numbers(1, 5)), draw(numbers(6, 50))),
        angle_deg=(draw(numbers(30, 85)), draw(numbers(95, 150))),
    )


@st.composite
def budgets(draw: st.DrawFn, *, least_per_round: float = 1e-3, least_total: float = 1e-3) -> Budget:
    """Budgets that pay for at least what is asked."""
    per_round = least_per_round * draw(numbers(1, 100))
    return Budget(
        total=max(per_round, least_total) * draw(numbers(1, 100)),
        per_round=per_round,
        unit=draw(st.sampled_from(("core-seconds", "EUR"))),
        target_share=draw(numbers(0, 1)),
        approval_above=draw(st.none() | numbers(0, 1000)),
    )


def components() -> st.SearchStrategy[Component]:
    """Generators and surrogates by name."""
    return st.builds(Component, name=names(), settings=json_objects())


@st.composite
def campaign_specs(draw: st.DrawFn) -> CampaignSpec:
    """Campaign specs that their budget pays for."""
    ladder = draw(ladders())
    initial_looks = draw(st.dictionaries(st.sampled_from(ladder.names), st.integers(1, 5), min_size=1))
    price = sum(ladder.fidelity(name).cost * n_looks for name, n_looks in initial_looks.items())
    return CampaignSpec(
        name=draw(names()),
        objective=draw(objectives()),
        space=draw(search_spaces()),
        ladder=ladder.fidelities,
        budget=draw(budgets(least_per_round=min(ladder.costs), least_total=price)),
        max_rounds=draw(st.integers(1, 50)),
        initial_looks=initial_looks,
        generator=draw(components()),
        surrogate=draw(components()),
        pool_size=draw(st.integers(1, 5000)),
        description=draw(texts()),
        seed=draw(seeds()),
    )


def provenances() -> st.SearchStrategy[Provenance]:
    """Provenances."""
    return st.builds(
        Provenance,
        oracle=names(),
        oracle_version=names(),
        settings_digest=digests(),
        worker=names(),
        seed=st.none() | seeds(),
        realization_digest=st.none() | digests(),
    )


@st.composite
def measurements(draw: st.DrawFn, quantity: Quantity | None = None) -> Measurement:
    """Measurements that are plausible for a quantity, in its unit."""
    measured = quantity or draw(quantities())
    return Measurement(
        value=draw(numbers(measured.low, measured.high)),
        unit=measured.unit,
        sigma=draw(st.none() | numbers(0, 10)),
        provenance=draw(provenances()),
        cost=draw(costs()),
        measured_at=draw(instants()),
        censoring=draw(st.sampled_from(Censoring)),
        temperature_K=draw(st.none() | numbers(1, 3000)),
        details=draw(json_objects()),
    )


def failures() -> st.SearchStrategy[Failure]:
    """Failures."""
    return st.builds(
        Failure,
        kind=st.sampled_from(FailureKind),
        reason=texts(min_size=1),
        worker=names(),
        cost=costs(),
        failed_at=instants(),
        details=json_objects(),
    )


@st.composite
def look_requests(draw: st.DrawFn) -> LookRequest:
    """Look requests whose realizations and references belong to the blueprint."""
    blueprint = draw(blueprints())
    symbols = [entry.symbol for entry in blueprint.composition.elements]
    return LookRequest(
        blueprint=blueprint,
        seed=draw(seeds()),
        realizations=tuple(draw(st.lists(realizations(blueprint.digest), max_size=2))),
        references=draw(st.dictionaries(st.sampled_from(symbols), numbers(-20, 0))),
    )


@st.composite
def look_results(draw: st.DrawFn) -> LookResult:
    """Look results; the sites that the value belongs to are among those found."""
    found = tuple(draw(st.lists(realizations(), max_size=2)))
    return LookResult(
        value=draw(numbers()),
        sigma=draw(st.none() | numbers(0, 10)),
        realizations=found,
        realization_digest=draw(st.sampled_from([None, *(realization.digest for realization in found)])),
        details=draw(json_objects()),
        censoring=draw(st.sampled_from(Censoring)),
        temperature_K=draw(st.none() | positive_numbers(5_000)),
        series=tuple(draw(st.lists(series_points(), max_size=2))),
        files=tuple(draw(st.lists(look_files(), max_size=2, unique_by=lambda file: file.note.name))),
    )


def look_progresses() -> st.SearchStrategy[LookProgress]:
    """How far looks have come."""
    return st.builds(LookProgress, share=numbers(0, 1), note=texts())


def reference_energies() -> st.SearchStrategy[ReferenceEnergy]:
    """Reference energies."""
    return st.builds(
        ReferenceEnergy,
        symbol=st.sampled_from(ALL_SYMBOLS),
        energy_eV_per_atom=numbers(-20, 0),
        structure=texts(),
        cif=texts(),
        details=json_objects(),
    )


def observations(
    crystals: st.SearchStrategy[Blueprint] | None = None, *, fidelity_names: Sequence[str] = ("cheap", "target")
) -> st.SearchStrategy[Observation]:
    """Observations at the fidelities named."""
    return st.builds(
        Observation,
        blueprint=blueprints() if crystals is None else crystals,
        fidelity=st.sampled_from(fidelity_names),
        value=numbers(),
        sigma=st.none() | numbers(0, 10),
        censoring=st.sampled_from(Censoring),
        temperature_K=st.none() | numbers(1, 3000),
    )


def pending_looks(
    crystals: st.SearchStrategy[Blueprint] | None = None, *, fidelity_names: Sequence[str] = ("cheap", "target")
) -> st.SearchStrategy[PendingLook]:
    """Pending looks at the fidelities named."""
    return st.builds(
        PendingLook, blueprint=blueprints() if crystals is None else crystals, fidelity=st.sampled_from(fidelity_names)
    )


def decisions() -> st.SearchStrategy[Decision]:
    """Decisions, of a first round (nothing known) or a later one."""
    optional = st.none() | numbers()
    return st.builds(
        Decision,
        reason=texts(min_size=1),
        score=optional,
        predicted_mean=optional,
        predicted_sd=st.none() | numbers(0, 10),
        details=json_objects(),
    )


def picks(
    crystals: st.SearchStrategy[Blueprint] | None = None, *, fidelity_names: Sequence[str] = ("cheap", "target")
) -> st.SearchStrategy[Pick]:
    """Picks at the fidelities named."""
    return st.builds(
        Pick,
        blueprint=blueprints() if crystals is None else crystals,
        fidelity=st.sampled_from(fidelity_names),
        decision=decisions(),
        log_probability=st.none() | numbers(-100, 10),
    )


def candidate_beliefs() -> st.SearchStrategy[CandidateBelief]:
    """Beliefs about candidates of a store."""
    return st.builds(CandidateBelief, candidate=st.integers(1, 10**6), mean=numbers(), sd=numbers(0, 10))


def events() -> st.SearchStrategy[Event]:
    """Events."""
    return st.builds(
        Event,
        kind=st.sampled_from(EventKind),
        campaign=names(),
        message=texts(),
        payload=json_objects(),
        at=instants(),
    )
