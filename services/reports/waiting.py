"""Whom a campaign waits for."""

from dataclasses import dataclass

from domain.fidelity import AnsweredBy
from domain.states import QueryState
from services.store import Store
from services.store.records import CampaignRecord
from services.store.rounds import OPEN_STATES


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many looks of a campaign wait for whom."""

    approvals: int
    """That somebody must approve."""
    laboratory: int
    """That a laboratory is asked for and nobody has taken on."""
    machines: int
    """That any machine may take."""
    under_way: int
    """That somebody has taken: a worker, a machine or a laboratory."""

    @property
    def in_words(self) -> tuple[str, ...]:
        """Each of them that is not zero, as it ends a sentence: `2 looks wait for approval`."""
        counts = (
            (self.under_way, "is under way", "are under way"),
            (self.approvals, "waits for approval", "wait for approval"),
            (self.laboratory, "waits for a laboratory", "wait for a laboratory"),
            (self.machines, "waits for a machine", "wait for a machine"),
        )
        told = [(n, one if n == 1 else many) for n, one, many in counts if n]
        first = [f"{n} {'look' if n == 1 else 'looks'} {what}" for n, what in told[:1]]
        return (*first, *(f"{n} {what}" for n, what in told[1:]))


def waiting(store: Store, campaign: CampaignRecord) -> Waiting:
    """Counts a campaign's open looks by whom they wait for."""
    counts = store.pages.count_looks(campaign.id, states=OPEN_STATES)
    queued = [
        (campaign.spec.fidelities.fidelity(each.fidelity), each.n) for each in counts if each.state is QueryState.QUEUED
    ]
    return Waiting(
        approvals=sum(count.n for count in counts if count.state is QueryState.AWAITING_APPROVAL),
        laboratory=sum(n for fidelity, n in queued if fidelity.is_laboratory),
        machines=sum(
            n for fidelity, n in queued if fidelity.answered_by is AnsweredBy.MACHINES and not fidelity.is_laboratory
        ),
        under_way=sum(count.n for count in counts if count.state is QueryState.CLAIMED),
    )
