"""What machines ask about again and again: whether a query is theirs to answer, and who holds it."""

from collections import OrderedDict
from typing import Final

from domain.errors import ConflictError, NotFoundError
from domain.fidelity import Fidelity
from domain.states import QueryState
from services.access.principal import Principal
from services.store import Store
from services.store.pages import OpenQuestion
from services.store.records import CampaignRecord

_MOST_CAMPAIGNS: Final = 256
SEPARATOR: Final = "/"
"""Between the name of a user and the name that its machine gives itself."""


class Questions:
    """Finds queries that a caller may answer. Specs never change, so each is read once."""

    def __init__(self) -> None:
        self._campaigns: OrderedDict[int, CampaignRecord] = OrderedDict()

    def held(self, store: Store, principal: Principal, query_id: int, fence: int) -> OpenQuestion:
        """Finds a computed query that the caller may speak about under a claim.

        Raises:
            NotFoundError: If there is none, or it belongs to others.
            ConflictError: If a laboratory is asked and not a machine, or the claim is another user's.
        """
        try:
            question = store.pages.question(query_id)
        except NotFoundError as error:
            raise _no_query(query_id) from error
        self.require_held(store, principal, question, fence)
        return question

    def require_held(self, store: Store, principal: Principal, question: OpenQuestion, fence: int) -> None:
        """Refuses a query that the caller may not speak about under a claim.

        Raises:
            NotFoundError: If it belongs to others.
            ConflictError: If a laboratory is asked and not a machine, or the claim is another user's.
        """
        if not principal.may_see_group(question.group_id):
            raise _no_query(question.query_id)
        if self.fidelity(store, question).is_laboratory:
            raise ConflictError(
                f"Query {question.query_id} is asked of a laboratory.", remedy="Hand its result in under /laboratory."
            )
        is_current = question.state is QueryState.CLAIMED and question.fence == fence
        if is_current and not (question.worker or "").startswith(principal.name + SEPARATOR):
            raise ConflictError(f"Query {question.query_id} is held by somebody else.", remedy="Claim another query.")

    def fidelity(self, store: Store, question: OpenQuestion) -> Fidelity:
        """At which a query asks to look."""
        return self._campaign(store, question.campaign_id).spec.fidelities.fidelity(question.fidelity)

    def _campaign(self, store: Store, campaign_id: int) -> CampaignRecord:
        campaign = self._campaigns.get(campaign_id)
        if campaign is None:
            campaign = self._campaigns[campaign_id] = store.campaigns.by_id(campaign_id)
            if len(self._campaigns) > _MOST_CAMPAIGNS:
                self._campaigns.popitem(last=False)
        return campaign


def worker_name(principal: Principal, machine: str) -> str:
    """Names a machine so that nobody can pass for another user's."""
    return f"{principal.name}{SEPARATOR}{machine}"


def _no_query(query_id: int) -> NotFoundError:
    return NotFoundError(
        f"There is no query number {query_id}.", remedy="List those of the campaign to see which there are."
    )
