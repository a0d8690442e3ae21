"""What waits for somebody to say that it may cost so much, and what was said before."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import Response

from domain.errors import ConflictError, InvalidValueError
from domain.quantity import Scale
from domain.states import QueryState
from domain.uncertainty import log_deviation
from services.access.principal import Principal
from services.access.roles import Permission
from services.api.change import Change, changing
from services.api.dependencies import LARGEST_NUMBER, TheStore, require
from services.api.paging import After
from services.api.problems import status_of
from services.api.routers import queries
from services.api.views import CandidateView, candidate_view
from services.dashboard.view import TheView, View
from services.store import Store
from services.store.records import Balance, CampaignRecord, QueryRecord
from services.store.standings import BestValue

router = APIRouter(prefix="/approvals")

ON_A_PAGE: Final = 50

Judge = Annotated[Principal, Depends(require(Permission.QUERY_APPROVE))]
Judging = Annotated[Change, Depends(changing(Permission.QUERY_APPROVE, takes_key=False))]
Chosen = Annotated[list[Annotated[int, Form(ge=1, le=LARGEST_NUMBER)]], Form(max_length=queries.MOST_AT_ONCE)]
Only = Annotated[int | None, Form(ge=1, le=LARGEST_NUMBER)]
Reason = Annotated[str, Form(max_length=1000)]
Refused = InvalidValueError | ConflictError


@dataclass(frozen=True, slots=True)
class Case:
    """A query with what one must know to judge it."""

    query: QueryRecord
    campaign: CampaignRecord
    crystal: CandidateView
    balance: Balance
    best: BestValue | None = None
    """The best that its campaign knows."""

    @property
    def chance(self) -> float | None:
        """How probable it is that the crystal is better than the best one known, as the campaign sees it.

        None where nothing is known.
        """
        decision, objective = self.query.decision, self.campaign.spec.objective
        if self.best is None or decision.predicted_mean is None or not decision.predicted_sd:
            return None
        gain, spread = decision.predicted_mean - self.best.value, decision.predicted_sd
        if objective.measured.scale is Scale.LOG10:
            if decision.predicted_mean <= 0 or self.best.value <= 0:
                return None
            gain = math.log10(decision.predicted_mean) - math.log10(self.best.value)
            spread = log_deviation(decision.predicted_mean, decision.predicted_sd)
        return 0.5 * (1.0 + math.erf(objective.sign * gain / spread / math.sqrt(2.0)))

    @property
    def is_denied(self) -> bool:
        """Whether the judgement ended it; one that was approved may be cancelled later, for another reason."""
        return self.query.state is QueryState.CANCELLED and self.query.finished_at == self.query.judged_at


@router.get("")
def show_waiting(
    view: TheView,
    store: TheStore,
    principal: Judge,
    after: After = 0,
    campaign: Annotated[str | None, Query(max_length=63)] = None,
) -> Response:
    """Everything that waits, or what waits of one campaign, in the order in which it was chosen."""
    return _waiting(view, store, principal, after=after, campaign=campaign)


@router.get("/judged")
def show_judged(
    view: TheView,
    store: TheStore,
    principal: Judge,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None,
) -> Response:
    """Who approved or denied what, and why."""
    page = queries.list_judged(store, principal, before=before, limit=ON_A_PAGE)
    return view.page("pages/judged.html", page=page, cases=_cases(store, page.items))


@router.post("/approve")
def approve(view: TheView, change: Judging, query: Chosen = [], only: Only = None, reason: Reason = "") -> Response:  # noqa: B006 - the framework copies it
    """Lets those that were chosen be asked, or the one whose button was pressed."""
    return _judge(view, change, queries.approve_queries, queries.ManyJudged(_numbers(query, only), reason.strip()))


@router.post("/deny")
def deny(view: TheView, change: Judging, query: Chosen = [], only: Only = None, reason: Reason = "") -> Response:  # noqa: B006 - the framework copies it
    """Cancels those that were chosen, or the one whose button was pressed, and frees their money."""
    return _judge(view, change, queries.deny_queries, queries.ManyJudged(_numbers(query, only), reason.strip()))


def _numbers(chosen: Sequence[int], only: int | None) -> tuple[int, ...]:
    return tuple(chosen) if only is None else (only,)


def _judge(
    view: View, change: Change, judge: Callable[[queries.ManyJudged, Change], Response], judged: queries.ManyJudged
) -> Response:
    try:
        if not judged.queries:
            raise InvalidValueError(
                "No look is chosen.", remedy="Tick those that are meant, or use a look's own button."
            )
        judge(judged, change)
    except (InvalidValueError, ConflictError) as error:
        return _waiting(view, change.store, change.principal, judged=judged, problem=error)
    return view.go("/approvals")


def _waiting(
    view: View,
    store: Store,
    principal: Principal,
    *,
    after: int = 0,
    campaign: str | None = None,
    judged: queries.ManyJudged | None = None,
    problem: Refused | None = None,
) -> Response:
    page = queries.list_approvals(store, principal, after=after, limit=ON_A_PAGE, campaign=campaign)
    return view.page(
        "pages/approvals.html",
        status=200 if problem is None else status_of(problem).value,
        page=page,
        campaign=campaign,
        cases=(cases := _cases(store, page.items)),
        most_worth=max(
            (case.query.decision.score for case in cases if case.query.decision.score is not None), default=None
        ),
        chosen=() if judged is None else judged.queries,
        reason="" if judged is None else judged.reason,
        problem=problem,
    )


def _cases(store: Store, records: Sequence[QueryRecord]) -> tuple[Case, ...]:
    campaigns = {number: store.campaigns.by_id(number) for number in {query.campaign_id for query in records}}
    balances = {number: store.ledger.balance(number) for number in campaigns}
    standings = store.standings.of(tuple(campaigns.values()))
    crystals = store.candidates.get_all({query.candidate_id for query in records})
    return tuple(
        Case(
            query,
            campaigns[query.campaign_id],
            candidate_view(crystals[query.candidate_id]),
            balances[query.campaign_id],
            standings[query.campaign_id].best,
        )
        for query in records
    )
