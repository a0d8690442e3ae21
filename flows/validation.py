"""Whether a spec can be run at all: refused before anything is spent."""

from domain.campaign import CampaignSpec
from domain.errors import SpecError
from domain.fidelity import Fidelity
from domain.parsing import ParseError
from domain.ports import Oracle
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
    require_feasible(spec.space)
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
