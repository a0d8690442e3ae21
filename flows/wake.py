"""The herald: finds campaigns that are to be advanced, and asks Prefect to run them.

The store says who wants to be advanced and who is being advanced; what Prefect thinks of its flow runs is never asked.
So a lost flow run, a lost server or a killed worker costs a minute, and asking twice is harmless: the second process
finds the campaign's lease taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import PetaliteError
from flows.names import ADVANCING, DEPLOYMENT
from services.store import Store
from services.store.records import CampaignRecord

if TYPE_CHECKING:
    import httpx

ASK_AGAIN_S: Final = 60.0
"""When a campaign is asked for again whose flow run nobody has begun."""


class Herald:
    """Asks for flow runs, no more at a time than its worker can carry out.

    Args:
        store: Where campaigns say that they want to be advanced.
        prefect: Carries the wish on.
        n_slots: Campaigns that the worker advances at the same time.
    """

    def __init__(self, store: Store, prefect: PrefectDeployment, *, n_slots: int) -> None:
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


class PrefectAwayError(PetaliteError):
    """Prefect does not answer, or does not know the deployment yet."""


class PrefectDeployment:
    """A deployment on a Prefect server.

    Args:
        environ: Holds PREFECT_API_URL, and PREFECT_API_AUTH_STRING or PREFECT_API_KEY where the server wants one.
        client: Speaks to the server; one is made where none is given.
    """

    def __init__(self, environ: Mapping[str, str], *, client: httpx.Client | None = None) -> None:
        self._client = client or prefect_client(environ)
        self._id: str | None = None

    def run(self, campaign: str, *, key: str) -> None:
        """Asks for a flow run that advances a campaign; the same key again asks for nothing new.

        Raises:
            PrefectAwayError: If Prefect does not answer as expected.
        """
        if self._id is None:
            self._id = str(self._ask("GET", f"/deployments/name/{ADVANCING}/{DEPLOYMENT}")["id"])
        wish = {
            "parameters": {"campaign": campaign},
            "idempotency_key": key,
            "state": {"type": "SCHEDULED", "name": "Scheduled"},
        }
        try:
            self._ask("POST", f"/deployments/{self._id}/create_flow_run", wish)
        except PrefectAwayError:
            self._id = None  # a new server knows the deployment by another number
            raise

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Mapping[str, object]:
        import httpx

        try:
            answer = self._client.request(method, path, json=body)
            answer.raise_for_status()
            found = answer.json()
        except httpx.HTTPStatusError as error:
            raise PrefectAwayError(
                f"Prefect at {self._client.base_url.host} answers {error.response.status_code} to {path}.",
                remedy="Wait until a worker has made its deployment known, else read the server's log.",
            ) from error
        except (httpx.HTTPError, ValueError) as error:
            raise PrefectAwayError(
                f"Prefect does not answer at {self._client.base_url.host}: {type(error).__name__}.",
                remedy="Start its server; campaigns that wait go on then.",
            ) from error
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


def prefect_client(environ: Mapping[str, str]) -> httpx.Client:
    """Speaks to the Prefect server that the environment names, with the secret that it wants."""
    import httpx

    user, _, password = environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    headers = {"Authorization": f"Bearer {environ['PREFECT_API_KEY']}"} if environ.get("PREFECT_API_KEY") else {}
    return httpx.Client(
        base_url=environ["PREFECT_API_URL"], auth=(user, password) if user else None, headers=headers, timeout=30.0
    )


def _key(record: CampaignRecord, now: datetime) -> str:
    """The same for all workers that see the same wish in the same minute."""
    wish = record.wake_at.isoformat() if record.wake_at else "abandoned"
    return f"{record.name}:{wish}:{int(now.timestamp() // ASK_AGAIN_S)}"
