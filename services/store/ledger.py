"""The budget as rows that are only ever appended; a balance is always their sum."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final

from sqlalchemy import Connection, func, insert, literal, select

from domain.campaign import CampaignSpec
from domain.cost import Cost
from domain.errors import NotFoundError
from services.store.database import Database, insert_if_absent
from services.store.records import Balance, LedgerKind, LedgerRow, QueryRecord
from services.store.rows import ledger_row, stored
from services.store.tables import campaigns, ledger

IS_BOOKED: Final = ledger.c.kind == literal(LedgerKind.BOOK.value, literal_execute=True)
"""Written out, because an index over what is booked is only used where the condition says what the index does."""
_SIGN_IN_RESERVED: Final = {LedgerKind.RESERVE: 1, LedgerKind.RELEASE: -1, LedgerKind.BOOK: 0}


class Ledger:
    """What campaigns reserved and spent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def balance(self, campaign_id: int) -> Balance:
        """Sums a campaign's rows.

        Raises:
            NotFoundError: If there is no such campaign.
        """
        with self._database.read() as connection:
            return sum_balance(connection, campaign_id)

    def rows(self, campaign_id: int) -> tuple[LedgerRow, ...]:
        """A campaign's rows in the order in which they were written."""
        statement = select(ledger).where(ledger.c.campaign_id == campaign_id).order_by(ledger.c.id)
        with self._database.read() as connection:
            return tuple(ledger_row(row) for row in connection.execute(statement).mappings())


def sum_balance(connection: Connection, campaign_id: int) -> Balance:
    """Sums a campaign's rows inside a transaction.

    The sums are exact until they are rounded at their end, so that what is released cancels exactly what was reserved.
    Amounts are the prices of a ladder's rungs: of hundreds of thousands of rows few differ.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    spec = connection.execute(select(campaigns.c.spec).where(campaigns.c.id == campaign_id)).scalar_one_or_none()
    if spec is None:
        raise NotFoundError(f"There is no campaign number {campaign_id}.", remedy="List the campaigns.")
    statement = select(ledger.c.kind, ledger.c.amount, func.count().label("n"))
    of_campaign = statement.where(ledger.c.campaign_id == campaign_id)
    rows = connection.execute(of_campaign.group_by(ledger.c.kind, ledger.c.amount)).all()
    sums = [(LedgerKind(row.kind), row.n * Fraction(row.amount)) for row in rows]
    return Balance(
        total=stored(CampaignSpec, spec).budget.total,
        reserved=float(sum(_SIGN_IN_RESERVED[kind] * amount for kind, amount in sums)),
        booked=float(sum(amount for kind, amount in sums if kind is LedgerKind.BOOK)),
    )


def reserve(connection: Connection, queries: Sequence[QueryRecord], *, at: datetime) -> None:
    """Sets the declared amounts of new queries aside."""
    rows = [_row(query, LedgerKind.RESERVE, query.declared, at) for query in queries]
    if rows:
        connection.execute(insert(ledger), rows)


def release(connection: Connection, query: QueryRecord, *, at: datetime) -> None:
    """Gives a query's reservation back; once, however often it is asked."""
    insert_if_absent(connection, ledger, [_row(query, LedgerKind.RELEASE, query.declared, at)])


def book(connection: Connection, query: QueryRecord, measured: Cost, *, at: datetime) -> None:
    """Turns a query's reservation into spending of the declared amount, with what was measured beside it."""
    release(connection, query, at=at)
    cost = Cost(query.declared.amount, core_seconds=measured.core_seconds, money=measured.money)
    connection.execute(insert(ledger), [_row(query, LedgerKind.BOOK, cost, at)])


def _row(query: QueryRecord, kind: LedgerKind, cost: Cost, at: datetime) -> dict[str, object]:
    return {
        "campaign_id": query.campaign_id,
        "query_id": query.id,
        "candidate_id": query.candidate_id,
        "kind": kind.value,
        "amount": cost.amount,
        "core_seconds": cost.core_seconds,
        "money": cost.money,
        "at": at,
    }
