"""What figures are drawn of: a campaign, of which each figure reads what it needs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Final

from domain.events import EventKind
from services.store import Store
from services.store.outcomes import Explored, Payments, Spent, Values, Verified
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
    def values(self) -> Mapping[str, Values]:
        """Values that are neither late, nor taken back, nor corrected, by fidelity."""
        outcomes, names = self._store.outcomes, self.campaign.spec.fidelities.names
        return {name: outcomes.values(self.campaign.id, name) for name in names}

    @cached_property
    def payments(self) -> Payments:
        """What was booked, in the order in which it was."""
        return self._store.outcomes.payments(self.campaign.id)

    def paid_at(self, numbers: Collection[int]) -> Mapping[int, datetime]:
        """When payments were made, by their numbers."""
        return self._store.outcomes.paid_at(numbers)

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
