"""learn: from the store's measurements to a belief."""

from domain.events import EventKind
from flows.workplace import Workplace
from surrogates.ports import Belief


def learn_belief(workplace: Workplace, index: int) -> Belief:
    """Fits the surrogate for a round, and says so."""
    n_known = len(workplace.store.measurements.observations(workplace.campaign.id))
    known = f"{n_known} {'value is' if n_known == 1 else 'values are'} known" if n_known else "nothing is known yet"
    workplace.emit(
        EventKind.STAGE_STARTED,
        f"learn: {known}",
        stage="learn",
        round=index,
        n_observations=n_known,
    )
    return fit_belief(workplace)


def fit_belief(workplace: Workplace) -> Belief:
    """Fits the surrogate to every measurement, with pending looks taken into account.

    Measurements at fidelities that cannot be asked here are left out, because the ladder lacks them.
    """
    names = workplace.ladder.names
    observations = [o for o in workplace.store.measurements.observations(workplace.campaign.id) if o.fidelity in names]
    pending = [look for look in workplace.store.measurements.pending(workplace.campaign.id) if look.fidelity in names]
    return workplace.surrogate.fit(observations, pending=pending, seed=workplace.seed("learn", len(observations)))
