"""What a store says in the end, to be compared between a storm and a calm day."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from services.store import open_store

Charge: TypeAlias = tuple[str, str, str, float]
"""Blueprint digest, fidelity, kind, amount: named by what it was for and not by row numbers."""
Answer: TypeAlias = tuple[str, str, float, bool]
"""Blueprint digest, fidelity, value, whether it corrects another one."""


@dataclass(frozen=True, slots=True)
class Books:
    """Every movement of money and every answer that counts."""

    charges: Counter[Charge]
    answers: Counter[Answer]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a storm did. All zero is what is promised."""

    lost: int = 0
    """Acknowledged answers that are not there."""
    duplicated: int = 0
    """Answers that are there more than once."""
    charges_wrong: int = 0
    """Movements of money that differ from the calm day's."""
    answers_missing: int = 0
    """Answers of the calm day that never came, though the work was taken up again."""

    def __add__(self, other: "Verdict") -> "Verdict":
        """Adds up over many storms."""
        return Verdict(
            self.lost + other.lost,
            self.duplicated + other.duplicated,
            self.charges_wrong + other.charges_wrong,
            self.answers_missing + other.answers_missing,
        )


def read_books(url: str, campaign: str) -> Books:
    """Reads a campaign's books."""
    with open_store(url) as store:
        record = store.campaigns.get(campaign)
        digests = {candidate.id: candidate.digest for candidate in store.candidates.list(record.id)}
        asked = {query.id: (digests[query.candidate_id], query.fidelity) for query in store.queries.list(record.id)}
        charges = Counter((*asked[row.query_id], row.kind.value, row.amount) for row in store.ledger.rows(record.id))
        answers = Counter(
            (*asked[found.query_id], found.measurement.value, found.supersedes is not None)
            for found in store.measurements.list(record.id)
        )
    return Books(charges, answers)


def judge(calm: Books, stormy: Books, acknowledged: Iterable[str], known: Iterable[str]) -> Verdict:
    """Compares the books of a storm with a calm day's.

    Args:
        calm: The books that nobody disturbed.
        stormy: The books after the storm, once everything was done.
        acknowledged: What was said to be safe during the storm.
        known: What the store knows of it.
    """
    return Verdict(
        lost=len(set(acknowledged) - set(known)),
        duplicated=sum((stormy.answers - calm.answers).values()),
        charges_wrong=sum(((stormy.charges - calm.charges) + (calm.charges - stormy.charges)).values()),
        answers_missing=sum((calm.answers - stormy.answers).values()),
    )
