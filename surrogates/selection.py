"""Which crystals to look at next, at which fidelity, under a round's budget.

Legend: P crystals of the pool, M fidelities (T the target).

A round is spent in two parts:

1. **verification**: at least `budget.target_share` of the round goes to looks at the target, by expected improvement
   over the best crystal that was looked at. Information alone would leave winners unverified for ever.
2. **information**: the rest goes, greedily, to the look with the most value per cost, target included.

After each pick the belief is conditioned on the look as pending, so that the next pick asks something else.
"""

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.campaign import Budget
from domain.fidelity import Ladder
from domain.json_value import JsonValue
from domain.ports import Sample
from domain.training import Decision, Pick
from surrogates.acquisition import log_value_per_cost
from surrogates.initial_design import initial_picks
from surrogates.pool import Pool, make_pool
from surrogates.ports import LOWEST_LOG_VALUE, Belief
from surrogates.shortlist import shortlist

__all__ = ["initial_picks", "select_batch"]

MOST_PICKS: Final = 256
"""Looks that one round may choose, however cheap they are."""
UNSEEN_HANDICAP_nats: Final = 1.0
"""By so much more must a crystal that nobody looked at promise to be looked at on the target straight away."""
_REFRESHED: Final = 64
"""Crystals whose value is computed anew at a time, best first, after the belief changed."""
_ROUNDING: Final = 1e-9


def select_batch(  # noqa: PLR0913 - everything that a round knows
    belief: Belief,
    sample: Sample,
    *,
    ladder: Ladder,
    budget_left: float,
    budget: Budget,
    seen: AbstractSet[tuple[str, str]],
    extra: BlueprintBatch,
    round_index: int,
) -> tuple[Pick, ...]:
    """Chooses the looks of one round, in the order in which they were chosen.

    Args:
        belief: Conditioned on pending looks already.
        sample: Crystals that the generator drew.
        ladder: Declared costs.
        budget_left: What the campaign may still spend.
        budget: What a round may spend, and how much of it on the target at least.
        seen: Digest and fidelity of every look that was asked for before, answered or not.
        extra: Crystals that were looked at before and may be looked at again on another fidelity.
        round_index: Which round it is, for the decision cards.

    Returns:
        Picks whose declared costs together stay within the round's budget; none where nothing is affordable.
    """
    money = min(budget.per_round, budget_left)
    if money * (1 + _ROUNDING) < min(ladder.costs) or not (len(sample.batch) or len(extra)):
        return ()
    shortlisted = shortlist(belief, ladder, sample)
    pool = make_pool(extra, shortlisted)
    chooser = _Chooser(
        belief=belief.with_candidates(shortlisted.batch),
        pool=pool,
        ladder=ladder,
        money=money,
        is_open=_open_looks(pool, ladder, seen),
        round_index=round_index,
    )
    return (*chooser.verify(_n_verifications(ladder, budget, money)), *chooser.inform())


def _n_verifications(ladder: Ladder, budget: Budget, money: float) -> int:
    """Looks at the target that the round owes: the least number that makes up the share, if they are affordable."""
    cost = ladder.target.cost
    owed = math.ceil(budget.target_share * money / cost - _ROUNDING)
    return min(owed, math.floor(money / cost + _ROUNDING))


def _open_looks(pool: Pool, ladder: Ladder, seen: AbstractSet[tuple[str, str]]) -> Tensor:
    return torch.tensor(
        [[(digest, name) not in seen for name in ladder.names] for digest in pool.digests], dtype=torch.bool
    )


@dataclass(slots=True)
class _Chooser:
    """The state of one round's choice."""

    belief: Belief
    pool: Pool
    ladder: Ladder
    money: float
    is_open: Tensor
    """`[P, M]` bool: whether nobody asked for the look yet."""
    round_index: int
    n_picks: int = 0

    def verify(self, n_looks: int) -> tuple[Pick, ...]:
        """Picks looks at the target by expected improvement."""
        picks: list[Pick] = []
        target = len(self.ladder.names) - 1
        while len(picks) < n_looks and self.n_picks < MOST_PICKS:
            open_at_target = self.is_open[:, target]
            if not bool(open_at_target.any()):
                break
            log_improvement = self.belief.log_improvement(self.pool.batch)
            handicapped = log_improvement - UNSEEN_HANDICAP_nats * (~self.pool.is_looked_at)
            ranked = handicapped.masked_fill(~open_at_target, -math.inf)
            row = int(ranked.argmax())
            reason = (
                f"Verifies at the target '{self.ladder.target.name}' a crystal that looks best at other fidelities."
                if bool(self.pool.is_looked_at[row])
                else f"Promises the most improvement at the target '{self.ladder.target.name}', though it is new."
            )
            details = self._beaten(
                ranked, row, {"purpose": "verification", "log_improvement": float(log_improvement[row])}
            )
            picks.append(self._pick(row, target, reason, details))
        return tuple(picks)

    def inform(self) -> tuple[Pick, ...]:
        """Picks looks by value per cost until the money is spent, nothing is open, or nothing is worth it."""
        picks: list[Pick] = []
        costs = torch.tensor(self.ladder.costs, dtype=torch.float64)
        scores = self._scores(torch.arange(len(self.pool)))
        is_fresh = torch.ones(len(self.pool), dtype=torch.bool)
        while self.n_picks < MOST_PICKS:
            is_affordable = costs <= self.money * (1 + _ROUNDING)
            ranked = scores.masked_fill(~(self.is_open & is_affordable), -math.inf)
            best, level_of_row = ranked.max(1)
            row = int(best.argmax())
            if best[row] == -math.inf:
                break
            if not bool(is_fresh[row]):
                # values only fall as more is pending, so a stale score that leads is all that needs another look
                stale = best.masked_fill(is_fresh, -math.inf).topk(min(_REFRESHED, len(best))).indices
                scores[stale] = self._scores(stale)
                is_fresh[stale] = True
                continue
            level = int(level_of_row[row])
            reason = f"A look on '{self.ladder.names[level]}' tells most about the best crystal for its cost."
            picks.append(self._pick(row, level, reason, self._beaten(best, row, {"purpose": "information"})))
            is_fresh[:] = False
        return tuple(picks)

    def _scores(self, rows: Tensor) -> Tensor:
        """Log of value per cost `[rows, M]`; minus infinity where a look tells nothing."""
        costs = torch.tensor(self.ladder.costs, dtype=torch.float64)
        log_value = self.belief.log_value(self.pool.batch.select(rows))
        return (log_value - costs.log()).masked_fill(log_value <= LOWEST_LOG_VALUE, -math.inf)

    def _pick(self, row: int, level: int, reason: str, details: Mapping[str, JsonValue]) -> Pick:
        """Makes the pick, pays for it and takes it as pending from now on."""
        chosen = self.pool.batch.select(torch.tensor([row]))
        fidelity = self.ladder.fidelities[level]
        prediction = self.belief.predict(chosen, self.ladder.target.name)
        score = float(log_value_per_cost(self.belief, self.ladder, chosen)[0, level])
        self.is_open[row, level] = False
        self.money -= fidelity.cost
        self.n_picks += 1
        self.belief = self.belief.condition(chosen, fidelity.name)
        return Pick(
            blueprint=self.pool.blueprints[row],
            fidelity=fidelity.name,
            decision=Decision(
                reason=reason,
                score=score,
                predicted_mean=float(prediction.mean),
                predicted_sd=float(prediction.sd),
                details={"round": self.round_index, "declared_cost": fidelity.cost, **details},
            ),
            log_probability=self.pool.log_probability[row],
        )

    def _beaten(self, ranked: Tensor, row: int, details: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Adds the crystal that came second, and by how much, to the details of a pick."""
        others = ranked.clone()
        others[row] = -math.inf
        second = int(others.argmax())
        if others[second] == -math.inf:
            return dict(details)
        return {
            **details,
            "runner_up": self.pool.blueprints[second].composition.reduced_formula,
            "runner_up_digest": self.pool.digests[second],
            "lead_nats": float(ranked[row] - others[second]),
        }
