"""Whether a spec can be run at all: refused before anything is spent."""

from dataclasses import fields

from domain.campaign import CampaignSpec
from domain.errors import EmptySpaceError, SpecError, UnknownOracleError
from domain.fidelity import Fidelity
from domain.parsing import ParseError
from domain.ports import Oracle
from domain.search_space import SearchSpace
from generators.feasibility import require_feasible
from generators.registry import build_generator
from oracles.registry import build_oracle
from surrogates.registry import build_surrogate


def require_runnable(spec: CampaignSpec) -> None:
    """Checks a spec against everything that will have to work with it.

    Raises:
        EmptySpaceError: If no crystal satisfies the search space, naming the constraint that empties it.
        UnknownOracleError: If a fidelity names an oracle that is not registered.
        SpecError: If a component or an oracle refuses its settings, or an oracle measures something else.
    """
    try:
        require_feasible(spec.space)
    except EmptySpaceError as error:
        raise EmptySpaceError(f"space.{_field(error.problem)}: {error.problem}", remedy=error.remedy) from error
    for position, fidelity in enumerate(spec.ladder):
        oracle = _build(fidelity, position)
        if oracle.quantity.name != spec.objective.quantity:
            raise SpecError(
                f"ladder[{position}]: oracle '{fidelity.oracle}' measures {oracle.quantity.name}, but the objective "
                f"is {spec.objective.quantity}.",
                remedy="Choose an oracle that measures the objective.",
            )
    build_generator(spec.generator, spec.space, seed=spec.seed)
    build_surrogate(spec.surrogate, space=spec.space, ladder=spec.fidelities, objective=spec.objective)


def _build(fidelity: Fidelity, position: int) -> Oracle:
    try:
        return build_oracle(fidelity.oracle, fidelity.settings)
    except ParseError as error:
        raise error.within("The campaign spec", "ladder", position, "settings") from error
    except UnknownOracleError as error:
        raise UnknownOracleError(f"ladder[{position}].oracle: {error.problem}", remedy=error.remedy) from error


def _field(problem: str) -> str:
    """The first key of the search space that a sentence names; `elements` where it names none."""
    keys = [field.name for field in fields(SearchSpace)]
    named = [(problem.index(key), -len(key), key) for key in keys if key in problem]
    return min(named)[2] if named else "elements"
