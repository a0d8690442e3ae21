"""What the last closed round expects of each candidate, where it can be sorted by."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from domain.json_value import JsonObject
from domain.parsing import parse
from domain.training import CandidateBelief
from services.store.tables import beliefs, candidates

NOTE: Final = "beliefs"
"""Key of a round's closing notes under which its expectations stand."""


def beliefs_in(notes: JsonObject) -> tuple[CandidateBelief, ...] | None:
    """The expectations that a round's closing notes hold; None where they hold none."""
    found = notes.get(NOTE)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return None
    return parse(tuple[CandidateBelief, ...], found, what="What a round's closing notes expect")


def replace_beliefs(connection: Connection, campaign_id: int, notes: JsonObject) -> None:
    """Puts the expectations of closing notes in the place of a campaign's earlier ones, inside a transaction."""
    found = beliefs_in(notes)
    if found is None:
        return
    own = set(connection.execute(select(candidates.c.id).where(candidates.c.campaign_id == campaign_id)).scalars())
    rows = [
        {"campaign_id": campaign_id, "candidate_id": belief.candidate, "mean": belief.mean, "sd": belief.sd}
        for belief in found
        if belief.candidate in own
    ]
    connection.execute(delete(beliefs).where(beliefs.c.campaign_id == campaign_id))
    if rows:
        connection.execute(insert(beliefs), rows)
