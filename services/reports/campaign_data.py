"""What figures are drawn of: a campaign, of which each figure reads what it needs."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from domain.events import EventKind
from services.store import Store
from services.store.outcomes import Expectation, Explored, Outcome, Payment
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
    def standing(self) -> Sequence[Outcome]:
        """Values that are neither late, nor taken back, nor corrected."""
        return self._store.outcomes.standing(self.campaign.id)

    @cached_property
    def payments(self) -> Sequence[Payment]:
        """What was booked, in the order in which it was."""
        return self._store.outcomes.payments(self.campaign.id)

    @cached_property
    def expectations(self) -> Mapping[int, Expectation]:
        """What was expected before looks at the target, by query."""
        return self._store.outcomes.expectations(self.campaign.id, self.target)

    @cached_property
    def explored(self) -> Sequence[Explored]:
        """Which space groups and elements have values."""
        return self._store.outcomes.explored(self.campaign.id)

    @cached_property
    def training(self) -> Sequence[EventRecord]:
        """Reports of the generator's progress, the earliest first."""
        events, number = self._store.events, self.campaign.id
        newest = events.last_id(number)
        return events.latest(number, [EventKind.TRAINING], up_to_id=newest, limit=MOST_REPORTS)[::-1]
