"""What figures are drawn of: a campaign, of which each figure reads what it needs."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Final

from domain.events import EventKind
from services.store import Store
from services.store.curves import Improvements, Paid
from services.store.outcomes import Explored, Spent, Verified
from services.store.records import CampaignRecord, EventRecord

MOST_REPORTS: Final = 1_000
"""Reports of a generator's progress that are shown, the latest ones."""


class CampaignData:
    """A campaign with its values, its money and what was expected; each is read once, when somebody asks for it."""

    def __init__(self, store: Store, campaign: CampaignRecord) -> None:
        self._store = store
        self.campaign = campaign

    @property
    def target(self) -> str:
        """Name of the fidelity that counts."""
        return self.campaign.spec.fidelities.target.name

    @cached_property
    def improvements(self) -> Mapping[str, Improvements]:
        """How the best value got better, by fidelity."""
        return {name: self.improvements_at(name) for name in self.campaign.spec.fidelities.names}

    def improvements_at(self, fidelity: str) -> Improvements:
        """The same of one fidelity."""
        return self._store.curves.improvements(self.campaign.id, fidelity, self.campaign.spec.objective)

    def paid(self, payments: Collection[int]) -> Mapping[int, Paid]:
        """What had been booked with some payments, and when they were made, by their numbers."""
        return self._store.curves.paid(self.campaign.id, payments)

    def seen_by_both(self, lower: str, upper: str) -> Sequence[tuple[float, float]]:
        """The values of the crystals of which two fidelities know more than bounds."""
        return self._store.curves.seen_by_both(self.campaign.id, lower, upper)

    @cached_property
    def spent(self) -> Sequence[Spent]:
        """What was booked, by round and fidelity."""
        return self._store.outcomes.spent(self.campaign.id)

    @cached_property
    def verified(self) -> Sequence[Verified]:
        """What was expected before looks at the target, and what they said."""
        return self._store.outcomes.verified(self.campaign.id, self.target)

    @cached_property
    def explored(self) -> Sequence[Explored]:
        """Which space groups and elements have values."""
        return self._store.outcomes.explored(self.campaign.id)

    @cached_property
    def training(self) -> Sequence[EventRecord]:
        """Reports of the generator's progress, the earliest first."""
        return self._latest(EventKind.TRAINING)

    @cached_property
    def sampled(self) -> Sequence[EventRecord]:
        """What was said of the crystals that the generator drew, the earliest first."""
        return self._latest(EventKind.SAMPLED)

    def _latest(self, kind: EventKind) -> Sequence[EventRecord]:
        events, number = self._store.events, self.campaign.id
        return events.latest(number, [kind], up_to_id=events.last_id(number), limit=MOST_REPORTS)[::-1]
