"""Whether a spec can be run at all: refused before anything is spent. Loads nothing that computes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial

from domain.campaign import CampaignSpec
from domain.errors import EmptySpaceError, OracleUnavailableError, SpecError, UnknownOracleError
from domain.fidelity import AnsweredBy, Fidelity
from domain.parsing import LocatedError, Location, ParseError, Problem
from domain.search_space import SearchSpace
from generators.feasibility import SpaceReport, require_feasible
from generators.registry import require_generator
from oracles.registry import build_oracle, oracle_names
from surrogates.registry import require_surrogate


def require_runnable(spec: CampaignSpec) -> None:
    """Checks a spec against everything that will have to work with it.

    Raises:
        EmptySpaceError: If no crystal satisfies the search space, naming the constraint that empties it.
        UnknownOracleError: If a fidelity names an oracle that is not registered, unless machines answer it.
        SpecError: If a component or an oracle refuses its settings, or an oracle measures something else; where several
            things are wrong, a `LocatedError` with all of them.
    """
    found = tuple(_refusals(spec))
    if len(found) == 1:
        raise found[0]
    if found:
        problems = tuple(problem for error in found for problem in places_of(error))
        raise ParseError("The campaign spec", problems)


@dataclass(frozen=True, slots=True)
class CrystalCount:
    """What a search space holds."""

    n_compositions: int | None
    """Exact number of pairs of a space group and a neutral composition; None where counting would take too long."""
    n_groups: int
    """Space groups that host some composition."""
    empty_groups: tuple[int, ...]
    """Numbers of those that host none."""
    inert_elements: tuple[str, ...]
    """Symbols of the elements that are never drawn, because they have no oxidation state."""


def count_crystals(space: SearchSpace) -> CrystalCount:
    """Counts what a search space holds.

    Raises:
        EmptySpaceError: If it holds no crystal, naming the constraint that empties it.
        SpecError: If it is too large for an exact look-ahead.
    """
    report = _require_crystals(space)
    return CrystalCount(report.n_compositions, len(report.groups), report.empty_groups, report.inert_elements)


def _refusals(spec: CampaignSpec) -> Iterator[SpecError | UnknownOracleError]:
    checks: tuple[Callable[[], object], ...] = (
        partial(_require_crystals, spec.space),
        *(partial(_require_oracle, spec, fidelity, place) for place, fidelity in enumerate(spec.ladder)),
        partial(require_generator, spec.generator),
        partial(require_surrogate, spec.surrogate),
    )
    for check in checks:
        try:
            check()
        except (SpecError, UnknownOracleError) as error:
            yield error


def places_of(error: SpecError | UnknownOracleError) -> tuple[Problem, ...]:
    """What `require_runnable` says is wrong, each with its place."""
    if isinstance(error, LocatedError):
        return error.problems
    field, _, problem = error.problem.partition(": ")  # as every check here begins
    return (Problem(_location(field), f"{problem} {error.remedy}"),)


def _location(field: str) -> Location:
    parts = field.replace("[", ".").replace("]", "").split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts)


def missing_here(spec: CampaignSpec) -> Mapping[str, OracleUnavailableError]:
    """Why fidelities that this machine would look at cannot be looked at here, by fidelity; others may be able to.

    Raises:
        SpecError: If the settings of an oracle are impossible.
        UnknownOracleError: If an oracle is not registered here.
    """
    missing: dict[str, OracleUnavailableError] = {}
    for fidelity in spec.ladder:
        if fidelity.waits_in_queue:
            continue
        try:
            build_oracle(fidelity.oracle, fidelity.settings).check()
        except OracleUnavailableError as error:
            missing[fidelity.name] = error
    return missing


def _require_crystals(space: SearchSpace) -> SpaceReport:
    try:
        return require_feasible(space)
    except EmptySpaceError as error:
        raise EmptySpaceError(f"space.{_field(error.problem)}: {error.problem}", remedy=error.remedy) from error
    except SpecError as error:
        raise SpecError(f"space: {error.problem}", remedy=error.remedy) from error


def _require_oracle(spec: CampaignSpec, fidelity: Fidelity, place: int) -> None:
    if fidelity.answered_by is AnsweredBy.MACHINES and fidelity.oracle not in oracle_names():
        return  # nothing of it is needed here, and what it measures is seen by the units of its answers
    try:
        oracle = build_oracle(fidelity.oracle, fidelity.settings)
    except ParseError as error:
        raise error.within("The campaign spec", "ladder", place, "settings") from error
    except UnknownOracleError as error:
        raise UnknownOracleError(f"ladder[{place}].oracle: {error.problem}", remedy=error.remedy) from error
    except SpecError as error:
        raise SpecError(f"ladder[{place}].settings: {error.problem}", remedy=error.remedy) from error
    if oracle.quantity.name != spec.objective.quantity:
        raise SpecError(
            f"ladder[{place}]: oracle '{fidelity.oracle}' measures {oracle.quantity.name}, but the objective is "
            f"{spec.objective.quantity}.",
            remedy="Choose an oracle that measures the objective.",
        )


def _field(problem: str) -> str:
    """The first key of the search space that a sentence names; `elements` where it names none."""
    keys = [field.name for field in fields(SearchSpace)]
    named = [(problem.index(key), -len(key), key) for key in keys if key in problem]
    return min(named)[2] if named else "elements"
