"""Rounds: opened in one transaction with everything that they ask."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from domain.digest import content_digest
from domain.errors import AskedBeforeError, BudgetTooSmallError, ConflictError, NotFoundError
from domain.events import EventKind
from domain.json_value import JsonObject
from domain.parsing import to_json_value
from domain.rounds import round_number
from domain.states import CampaignState, QueryState, RoundState
from domain.training import Pick
from services.store.beliefs import replace_beliefs
from services.store.campaigns import lock_campaign
from services.store.candidates import candidate_names
from services.store.database import Database
from services.store.events import write_events
from services.store.ledger import reserve, sum_balance
from services.store.records import CampaignRecord, RoundHead, RoundRecord
from services.store.rows import query_record, round_head, round_record
from services.store.tables import candidates, queries, rounds

OPEN_STATES = (QueryState.PROPOSED, QueryState.AWAITING_APPROVAL, QueryState.QUEUED, QueryState.CLAIMED)
"""States of a query whose answer may still come."""
_HEAD = tuple(column for column in rounds.c if column.name != "closing_notes")
_ROUNDING = 1e-9
"""Share of the budget by which sums of declared costs may miss it."""


class Rounds:
    """Rounds of campaigns, in order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(
        self,
        campaign_id: int,
        index: int,
        *,
        picks: Sequence[Pick],
        generator_version: str,
        surrogate_version: str,
        notes: JsonObject,
    ) -> RoundRecord:
        """Opens a round: its candidates, its queries and their reservations, all or nothing.

        A round that is there already is returned unchanged, whatever the picks are now.

        Raises:
            NotFoundError: If there is no such campaign.
            ConflictError: If the campaign takes no more rounds, or a round is skipped.
            AskedBeforeError: If a pick was asked before.
            BudgetTooSmallError: If the picks cost more than the budget has left.
            InvalidValueError: If the ladder has no such fidelity.
        """
        now = self._database.now()
        with self._database.write() as connection:
            campaign = lock_campaign(connection, campaign_id)
            known = _find(connection, campaign_id, index)
            if known is not None:
                return round_record(known)
            _require_next(connection, campaign, index)
            values = {
                "campaign_id": campaign_id,
                "round_index": index,
                "state": RoundState.OPEN.value,
                "generator_version": generator_version,
                "surrogate_version": surrogate_version,
                "notes": dict(notes),
                "closing_notes": {},
                "opened_at": now,
            }
            connection.execute(insert(rounds), [values])
            _add_candidates(connection, campaign, index, picks, generator_version, now)
            price = _add_queries(connection, campaign, index, picks, now)
            message = f"round {round_number(index)} opens: {len(picks)} looks for {price:g} {campaign.spec.budget.unit}"
            opened = (EventKind.ROUND_OPENED, message, {"round": index, "n_queries": len(picks), "price": price})
            write_events(connection, campaign_id, [opened, *_wanted_approvals(campaign, index, picks)], at=now)
            row = connection.execute(
                select(rounds).where(rounds.c.campaign_id == campaign_id, rounds.c.round_index == index)
            )
            return round_record(row.mappings().one())

    def get(self, round_id: int) -> RoundRecord:
        """Finds a round by number in the store.

        Raises:
            NotFoundError: If there is none.
        """
        with self._database.read() as connection:
            return _read(connection, round_id)

    def list(self, campaign_id: int) -> tuple[RoundHead, ...]:
        """A campaign's rounds in order."""
        statement = select(*_HEAD).where(rounds.c.campaign_id == campaign_id).order_by(rounds.c.round_index)
        with self._database.read() as connection:
            return tuple(round_head(row) for row in connection.execute(statement).mappings())

    def every(self, campaign_id: int) -> Iterator[RoundRecord]:
        """A campaign's rounds in order with their closing notes, of which only one is held at a time."""
        for head in self.list(campaign_id):
            yield self.get(head.id)

    def list_page(self, campaign_id: int, *, after_id: int = 0, limit: int = 100) -> tuple[RoundHead, ...]:
        """A campaign's rounds in order, page by page.

        Args:
            campaign_id: Whose rounds.
            after_id: Number in the store of the last round that is known already.
            limit: Most rounds to return.
        """
        statement = select(*_HEAD).where(rounds.c.campaign_id == campaign_id, rounds.c.id > after_id)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(rounds.c.id).limit(limit)).mappings().all()
        return tuple(round_head(row) for row in rows)

    def newest(self, campaign_id: int, *, before: int | None = None, limit: int = 20) -> tuple[RoundHead, ...]:
        """A campaign's rounds from the newest back.

        Args:
            campaign_id: Whose rounds.
            before: Index of the earliest round that is known already; None to begin with the newest.
            limit: Most rounds to return.
        """
        statement = select(*_HEAD).where(rounds.c.campaign_id == campaign_id)
        if before is not None:
            statement = statement.where(rounds.c.round_index < before)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(rounds.c.round_index.desc()).limit(limit)).mappings().all()
        return tuple(round_head(row) for row in rows)

    def count(self, campaign_id: int) -> int:
        """How many rounds a campaign has opened."""
        statement = select(func.count()).where(rounds.c.campaign_id == campaign_id)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def at(self, campaign_id: int, index: int) -> RoundRecord:
        """A campaign's round, counted from 0.

        Raises:
            NotFoundError: If it has no such round.
        """
        found = self.find(campaign_id, index)
        if found is None:
            raise NotFoundError(
                f"The campaign has no round {round_number(index)} (round_index {index}).", remedy="List its rounds."
            )
        return found

    def find(self, campaign_id: int, index: int) -> RoundRecord | None:
        """The same; None if it was never opened."""
        with self._database.read() as connection:
            row = _find(connection, campaign_id, index)
        return None if row is None else round_record(row)

    def latest(self, campaign_id: int) -> RoundRecord | None:
        """A campaign's newest round; None before the first."""
        statement = select(rounds).where(rounds.c.campaign_id == campaign_id).order_by(rounds.c.round_index.desc())
        with self._database.read() as connection:
            row = connection.execute(statement.limit(1)).mappings().one_or_none()
        return None if row is None else round_record(row)

    def close(self, round_id: int, *, notes: JsonObject, riding_along: frozenset[str] = frozenset()) -> RoundRecord:
        """Closes a round. Closed already: nothing happens.

        Args:
            round_id: The round.
            notes: What is known now.
            riding_along: Names of fidelities that people or machines answer, whose queries may stay open.

        Raises:
            NotFoundError: If there is no such round.
            ConflictError: If a query of another fidelity is still open.
        """
        now = self._database.now()
        with self._database.write() as connection:
            connection.execute(select(rounds.c.id).where(rounds.c.id == round_id).with_for_update(key_share=True))
            record = _read(connection, round_id)
            if record.state is RoundState.CLOSED:
                return record
            n_open = _n_riding_along(connection, record, riding_along)
            values = {"state": RoundState.CLOSED.value, "closing_notes": dict(notes), "closed_at": now}
            connection.execute(update(rounds).where(rounds.c.id == round_id).values(values))
            replace_beliefs(connection, record.campaign_id, notes)
            told = f"round {round_number(record.index)} closes"
            if n_open:
                told += f"; {n_open} of its looks may still be answered"
            closed = (EventKind.ROUND_CLOSED, told, {"round": record.index, "n_open": n_open})
            write_events(connection, record.campaign_id, [closed], at=now)
            return _read(connection, round_id)

    def summarise(self, round_id: int, *, notes: JsonObject) -> RoundRecord:
        """Replaces a closed round's closing notes, for answers that came after it was closed.

        Raises:
            NotFoundError: If there is no such round.
            ConflictError: If it is still open.
        """
        with self._database.write() as connection:
            record = _read(connection, round_id)
            if record.state is not RoundState.CLOSED:
                raise ConflictError(f"Round {round_number(record.index)} is still open.", remedy="Close it first.")
            connection.execute(update(rounds).where(rounds.c.id == round_id).values(closing_notes=dict(notes)))
            replace_beliefs(connection, record.campaign_id, notes)
            told = (
                EventKind.STAGE_NOTE,
                f"learn: what came after round {round_number(record.index)} closed is known now",
                {"round": record.index},
            )
            write_events(connection, record.campaign_id, [told], at=self._database.now())
            return _read(connection, round_id)


def _find(connection: Connection, campaign_id: int, index: int) -> RowMapping | None:
    statement = select(rounds).where(rounds.c.campaign_id == campaign_id, rounds.c.round_index == index)
    return connection.execute(statement).mappings().one_or_none()


def _read(connection: Connection, round_id: int) -> RoundRecord:
    row = connection.execute(select(rounds).where(rounds.c.id == round_id)).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"There is no round number {round_id}.", remedy="List the campaign's rounds.")
    return round_record(row)


def _require_next(connection: Connection, campaign: CampaignRecord, index: int) -> None:
    if campaign.state in (CampaignState.STOPPED, CampaignState.COMPLETED):
        raise ConflictError(
            f"Campaign '{campaign.name}' is {campaign.state.value} and takes no more rounds.",
            remedy="Resume it if it was stopped.",
        )
    last = connection.execute(
        select(func.max(rounds.c.round_index)).where(rounds.c.campaign_id == campaign.id)
    ).scalar_one()
    if index < 0 or (last is not None and index != last + 1):
        raise ConflictError(
            f"Campaign '{campaign.name}' cannot open round_index {index}; its last one is {last}.",
            remedy="Open the rounds in order.",
        )


def _add_candidates(
    connection: Connection,
    campaign: CampaignRecord,
    index: int,
    picks: Sequence[Pick],
    generator_version: str,
    now: datetime,
) -> None:
    known = set(_candidate_ids(connection, campaign.id))
    fresh = {pick.blueprint.digest: pick for pick in reversed(picks) if pick.blueprint.digest not in known}
    rows = [
        {
            "campaign_id": campaign.id,
            "round_index": index,
            "blueprint": to_json_value(pick.blueprint),
            "digest": digest,
            "generator_version": generator_version,
            "log_probability": pick.log_probability,
            "created_at": now,
            **candidate_names(pick.blueprint),
        }
        for digest, pick in reversed(fresh.items())
    ]
    if rows:
        connection.execute(insert(candidates), rows)


def _add_queries(
    connection: Connection, campaign: CampaignRecord, index: int, picks: Sequence[Pick], now: datetime
) -> float:
    """Queues the picks, reserves what they cost, and returns it."""
    ladder = campaign.spec.fidelities
    price = sum(ladder.fidelity(pick.fidelity).cost for pick in picks)
    balance = sum_balance(connection, campaign.id)
    if price > balance.left + _ROUNDING * balance.total:
        unit = campaign.spec.budget.unit
        raise BudgetTooSmallError(
            f"Round {round_number(index)} of '{campaign.name}' would cost {price:g} {unit}, but only "
            f"{balance.left:g} are left of {balance.total:g}.",
            remedy="Choose fewer or cheaper looks.",
        )
    ids = _candidate_ids(connection, campaign.id)
    asked = set(connection.execute(select(queries.c.key).where(queries.c.campaign_id == campaign.id)).scalars())
    rows = []
    for pick in picks:
        key = query_key(campaign.name, pick.blueprint.digest, pick.fidelity)
        if key in asked:
            raise AskedBeforeError(
                f"'{campaign.name}' asked {pick.blueprint.composition.reduced_formula} "
                f"({pick.blueprint.digest[:12]}) at fidelity '{pick.fidelity}' before.",
                remedy="Choose only looks that were not chosen yet.",
            )
        asked.add(key)
        rows.append(
            {
                "campaign_id": campaign.id,
                "round_index": index,
                "candidate_id": ids[pick.blueprint.digest],
                "fidelity": pick.fidelity,
                "state": _first_state(campaign, pick).value,
                "key": key,
                "declared_amount": ladder.fidelity(pick.fidelity).cost,
                "attempts": 0,
                "fence": 0,
                "decision": to_json_value(pick.decision),
                "created_at": now,
            }
        )
    if rows:
        connection.execute(insert(queries), rows)
    fresh = select(queries).where(queries.c.campaign_id == campaign.id, queries.c.round_index == index)
    stored = connection.execute(fresh.order_by(queries.c.id)).mappings()
    reserve(connection, [query_record(row) for row in stored], at=now)
    return price


def _first_state(campaign: CampaignRecord, pick: Pick) -> QueryState:
    is_costly = campaign.spec.budget.needs_approval(campaign.spec.fidelities.fidelity(pick.fidelity).cost)
    return QueryState.AWAITING_APPROVAL if is_costly else QueryState.QUEUED


def _wanted_approvals(
    campaign: CampaignRecord, index: int, picks: Sequence[Pick]
) -> tuple[tuple[EventKind, str, JsonObject], ...]:
    """The event that tells whoever holds the purse; none where every look is cheap enough."""
    costly = [pick for pick in picks if _first_state(campaign, pick) is QueryState.AWAITING_APPROVAL]
    if not costly:
        return ()
    price = sum(campaign.spec.fidelities.fidelity(pick.fidelity).cost for pick in costly)
    message = (
        f"round {round_number(index)}: {len(costly)} looks for {price:g} {campaign.spec.budget.unit} wait for approval"
    )
    return ((EventKind.APPROVAL_WANTED, message, {"round": index, "n_queries": len(costly), "price": price}),)


def query_key(campaign: str, blueprint_digest: str, fidelity: str) -> str:
    """Names a query by what it asks, so that it is asked once."""
    return content_digest({"campaign": campaign, "blueprint": blueprint_digest, "fidelity": fidelity})


def _candidate_ids(connection: Connection, campaign_id: int) -> dict[str, int]:
    statement = select(candidates.c.digest, candidates.c.id).where(candidates.c.campaign_id == campaign_id)
    return {row.digest: row.id for row in connection.execute(statement)}


def _n_riding_along(connection: Connection, record: RoundRecord, riding_along: frozenset[str]) -> int:
    """How many queries of a round stay open when it closes; refuses where one must not."""
    statement = select(queries.c.fidelity).where(
        queries.c.campaign_id == record.campaign_id,
        queries.c.round_index == record.index,
        queries.c.state.in_([state.value for state in OPEN_STATES]),
    )
    found = connection.execute(statement).scalars().all()
    still_open = [name for name in found if name not in riding_along]
    if still_open:
        raise ConflictError(
            f"Round {round_number(record.index)} cannot close: {len(still_open)} of its queries are open "
            f"({', '.join(sorted(set(still_open)))}).",
            remedy="Wait for their answers, or cancel them.",
        )
    return len(found)
