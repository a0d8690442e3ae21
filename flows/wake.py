"""The herald: finds campaigns that are to be advanced, and asks Prefect to run them.

The store says who wants to be advanced and who is being advanced; what Prefect thinks of its flow runs is never asked.
So a lost flow run, a lost server or a killed worker costs a minute, and asking twice is harmless: the second process
finds the campaign's lease taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.json_value import JsonObject
from flows.names import ADVANCING, DEPLOYMENT
from flows.prefect_api import PrefectApi, PrefectAwayError
from services.store import Store
from services.store.records import CampaignRecord

ASK_AGAIN_S: Final = 60.0
"""When a campaign is asked for again whose flow run nobody has begun."""


class Herald:
    """Asks for flow runs, no more at a time than its worker can carry out.

    Args:
        store: Where campaigns say that they want to be advanced.
        prefect: Carries the wish on.
        n_slots: Campaigns that the worker advances at the same time.
    """

    def __init__(self, store: Store, prefect: "PrefectDeployment", *, n_slots: int) -> None:
        self._store = store
        self._prefect = prefect
        self._n_slots = n_slots
        self._asked: dict[str, _Asked] = {}

    def look_round(self) -> tuple[str, ...]:
        """Asks for those campaigns that are to be advanced now, the most urgent first; returns their names.

        Raises:
            PrefectAwayError: If Prefect does not answer; nothing is lost, the next round asks again.
            StoreError: If the store does not answer.
        """
        now = self._store.now()
        wanting = [*self._store.campaigns.waking(now), *self._store.campaigns.abandoned(now)]
        idle = {record.name: record for record in wanting if self._store.campaigns.runner(record.id) is None}
        self._forget_settled(idle, now)
        asked: list[str] = []
        for record in sorted(idle.values(), key=lambda record: -record.priority):
            if len(self._asked) >= self._n_slots:
                break
            if record.name not in self._asked:
                self._prefect.run(record.name, key=_key(record, now))
                self._asked[record.name] = _Asked(now, record.wake_at)
                asked.append(record.name)
        return tuple(asked)

    def _forget_settled(self, idle: Mapping[str, CampaignRecord], now: datetime) -> None:
        """Frees the slots of campaigns that have been advanced, and of those whose flow run nobody has begun."""
        for name, asked in list(self._asked.items()):
            is_driven = self._store.campaigns.runner(self._store.campaigns.get(name).id) is not None
            is_same_wish = name in idle and idle[name].wake_at == asked.wish
            is_awaited = is_same_wish and now - asked.at < timedelta(seconds=ASK_AGAIN_S)
            if not (is_driven or is_awaited):
                del self._asked[name]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A flow run that was asked for."""

    at: datetime
    wish: datetime | None
    """The campaign's wish to be advanced that it answers; None where its driver had died."""


class PrefectDeployment:
    """The deployment that every worker has, on a Prefect server.

    Args:
        prefect: The server.
    """

    def __init__(self, prefect: PrefectApi) -> None:
        self._prefect = prefect
        self._id: str | None = None

    def run(self, campaign: str, *, key: str) -> None:
        """Asks for a flow run that advances a campaign; the same key again asks for nothing new.

        Raises:
            PrefectAwayError: If Prefect does not answer as expected.
        """
        if self._id is None:
            self._id = str(self._prefect.ask_object("GET", f"/deployments/name/{ADVANCING}/{DEPLOYMENT}").get("id"))
        wish: JsonObject = {
            "parameters": {"campaign": campaign},
            "idempotency_key": key,
            "state": {"type": "SCHEDULED", "name": "Scheduled"},
        }
        try:
            self._prefect.ask_object("POST", f"/deployments/{self._id}/create_flow_run", wish)
        except PrefectAwayError:
            self._id = None  # a new server knows the deployment by another number
            raise


def _key(record: CampaignRecord, now: datetime) -> str:
    """The same for all workers that see the same wish in the same minute."""
    wish = record.wake_at.isoformat() if record.wake_at else "abandoned"
    return f"{record.name}:{wish}:{int(now.timestamp() // ASK_AGAIN_S)}"
