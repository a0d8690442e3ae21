"""open: the round's decisions, written down before anything is asked."""

from domain.events import EventKind
from domain.parsing import to_json_value
from domain.training import Pick
from flows.workplace import Workplace
from services.store.records import RoundRecord
from surrogates.ports import Belief


def open_with_picks(workplace: Workplace, belief: Belief, picks: tuple[Pick, ...], index: int) -> RoundRecord:
    """Writes candidates, queries and reservations down; a round that is open already is returned as it is."""
    opened = workplace.store.rounds.open(
        workplace.campaign.id,
        index,
        picks=picks,
        generator_version=workplace.generator.version,
        surrogate_version=workplace.surrogate.version,
        notes={
            "diagnostics": to_json_value(belief.diagnostics),
            "last_measurement": workplace.last_measurement(),
        },
    )
    counts = {name: sum(pick.fidelity == name for pick in picks) for name in workplace.ladder.names}
    workplace.emit(
        EventKind.STAGE_NOTE,
        f"choose: {', '.join(f'{n} × {name}' for name, n in counts.items() if n)}",
        round=index,
        looks=counts,
    )
    return opened
