"""open: the round's decisions, written down before anything is asked."""

from domain.errors import AskedBeforeError
from domain.events import EventKind
from domain.json_value import JsonObject
from domain.parsing import to_json_value
from domain.training import Pick
from flows.standing import asked_looks
from flows.workplace import Workplace
from services.store.records import RoundRecord
from surrogates.ports import Belief


def open_with_picks(
    workplace: Workplace, belief: Belief, picks: tuple[Pick, ...], *, index: int, known: JsonObject
) -> RoundRecord:
    """Writes candidates, queries and reservations down; a round that is open already is returned as it is.

    A pick that somebody has answered unasked since it was chosen is left out, and its money is the next round's.

    Args:
        workplace: The campaign.
        belief: From which the picks were chosen.
        picks: The looks.
        index: Number of the round.
        known: What the belief has learned from, for the round's notes (`Workplace.known`).
    """
    try:
        opened = _open(workplace, belief, picks, index=index, known=known)
    except AskedBeforeError:
        asked = asked_looks(workplace)
        fresh = tuple(pick for pick in picks if (pick.blueprint.digest, pick.fidelity) not in asked)
        if len(fresh) == len(picks):
            raise
        n_left_out = len(picks) - len(fresh)
        workplace.emit(EventKind.STAGE_NOTE, f"choose: {n_left_out} looks left out, which were answered meanwhile")
        return open_with_picks(workplace, belief, fresh, index=index, known=known)
    counts = {name: sum(pick.fidelity == name for pick in picks) for name in workplace.ladder.names}
    workplace.emit(
        EventKind.STAGE_NOTE,
        f"choose: {', '.join(f'{n} × {name}' for name, n in counts.items() if n)}",
        round=index,
        looks=counts,
    )
    return opened


def _open(
    workplace: Workplace, belief: Belief, picks: tuple[Pick, ...], *, index: int, known: JsonObject
) -> RoundRecord:
    return workplace.store.rounds.open(
        workplace.campaign.id,
        index,
        picks=picks,
        generator_version=workplace.generator.version,
        surrogate_version=workplace.surrogate.version,
        notes={"diagnostics": to_json_value(belief.diagnostics), **known},
    )
