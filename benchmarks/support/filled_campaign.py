"""A campaign that has run for a long time: rounds with looks at three fidelities, answers, failures and corrections."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, insert

from domain.blueprint import Blueprint
from domain.campaign import CampaignSpec
from domain.composition import Composition
from domain.digest import content_digest
from domain.events import EventKind
from domain.json_value import JsonObject
from domain.lattice import LatticeParameters
from domain.measurement import Censoring, FailureKind, Provenance
from domain.parsing import to_json_value
from domain.search_space import SearchSpace
from domain.space_groups import SpaceGroup
from domain.states import CampaignState, QueryState, RoundState
from domain.training import Decision
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.dashboard.example import example_salts_spec
from services.store import Store
from services.store.candidates import candidate_names
from services.store.records import CampaignRecord, LedgerKind
from services.store.tables import (
    beliefs,
    campaigns,
    candidates,
    events,
    failures,
    ledger,
    measurements,
    queries,
    rounds,
)

ELEMENTS: Final = ("Li", "Na", "K", "Mg", "Ca", "Al", "Si", "O", "S", "F", "Cl", "Br")
SPACE_GROUPS: Final = tuple(range(195, 231))
SHARES: Final = {"static": 0.8, "dft": 0.15, "lab": 0.05}
"""Of a round's looks. All crystals are new at the first fidelity; the others look again at earlier ones."""
SHARE_FAILED: Final = 0.04
SHARE_CORRECTED: Final = 0.005
N_BLUEPRINTS: Final = 3000
"""So many differ; candidates repeat them under digests of their own."""
N_BELIEVED: Final = 25
"""Of the newest rounds, whose closing notes say what is expected of every crystal; no page reads those of all."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is."""

    n_queries: int
    n_rounds: int = 200


@dataclass(slots=True)
class _Filling:
    """What the rounds so far have left behind."""

    record: CampaignRecord
    blueprints: Sequence[tuple[object, Mapping[str, object]]]
    """As stored, with the columns beside them."""
    rng: random.Random
    crystals: list[int]
    at: datetime


def fill_long_campaign(store: Store, name: str, scale: Scale, *, group: str) -> CampaignRecord:
    """Adds a campaign of a group with so many looks; its last round is under way."""
    rng = random.Random(7)
    record = store.campaigns.create(_spec(name, scale))
    give_campaign(store, name, group, by=local_operator())
    began = store.now() - timedelta(minutes=10 * scale.n_rounds)
    made = [_blueprint(rng) for _ in range(N_BLUEPRINTS)]
    filling = _Filling(record, [(to_json_value(one), candidate_names(one)) for one in made], rng, [], began)
    for index in range(scale.n_rounds):
        n_looks = scale.n_queries * (index + 1) // scale.n_rounds - scale.n_queries * index // scale.n_rounds
        with store.writing() as connection:
            _add_round(connection, filling, index, n_looks, n_rounds=scale.n_rounds)
        filling.at += timedelta(minutes=10)
    with store.writing() as connection:
        connection.execute(insert(beliefs), _belief_rows(filling))
        state = {"state": CampaignState.RUNNING.value, "wake_at": None}
        connection.execute(campaigns.update().where(campaigns.c.id == record.id).values(state))
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("ANALYZE")
    return store.campaigns.get(name)


def _spec(name: str, scale: Scale) -> CampaignSpec:
    spec = example_salts_spec(name)
    budget = replace(spec.budget, total=30.0 * scale.n_queries, per_round=30.0 * scale.n_queries)
    space = SearchSpace(elements=ELEMENTS, space_groups=SPACE_GROUPS, max_atoms=40)
    return replace(spec, space=space, budget=budget, max_rounds=scale.n_rounds + 100)


def _blueprint(rng: random.Random) -> Blueprint:
    counts = {symbol: rng.choice((2, 4, 6, 8)) for symbol in rng.sample(ELEMENTS, rng.choice((2, 3, 4)))}
    a = (20.0 * sum(counts.values())) ** (1 / 3) * rng.uniform(0.9, 1.1)
    group = SpaceGroup(rng.choice(SPACE_GROUPS))
    return Blueprint(group, Composition.of(counts), LatticeParameters(a, a, a, 90, 90, 90))


def _add_round(connection: Connection, filling: _Filling, index: int, n_looks: int, *, n_rounds: int) -> None:
    is_last = index == n_rounds - 1
    is_told = n_rounds - N_BELIEVED <= index and not is_last
    believed = (
        [{"candidate": number, "mean": mean, "sd": sd} for number, mean, sd in _believed(filling)] if is_told else []
    )
    row = {
        "campaign_id": filling.record.id,
        "round_index": index,
        "state": (RoundState.OPEN if is_last else RoundState.CLOSED).value,
        "generator_version": "gfn 1",
        "surrogate_version": "gp 1",
        "notes": {"diagnostics": _diagnostics(index), "n_values": dict.fromkeys(SHARES, 1)},
        "closing_notes": {"target": "lab", "beliefs": believed, "diagnostics": _diagnostics(index)},
        "opened_at": filling.at,
        "closed_at": None if is_last else filling.at + timedelta(minutes=9),
    }
    connection.execute(insert(rounds), [row])
    n_new = max(1, round(SHARES["static"] * n_looks))
    made = connection.execute(
        insert(candidates).returning(candidates.c.id, sort_by_parameter_order=True),
        [_candidate(filling, index) for _ in range(n_new)],
    )
    fresh = [number for (number,) in made]
    looks = [("static", number) for number in fresh]
    for fidelity in ("dft", "lab"):
        # Each crystal is asked once at each fidelity: those of the round before, from either end.
        earlier = filling.crystals[-n_new:]
        n_again = round(SHARES[fidelity] * n_looks)
        looks += [
            (fidelity, number) for number in (earlier[:n_again] if fidelity == "dft" else earlier[::-1][:n_again])
        ]
    filling.crystals += fresh
    rows = [_query(filling, index, place, look, is_last=is_last) for place, look in enumerate(looks)]
    asked = connection.execute(insert(queries).returning(queries.c.id, sort_by_parameter_order=True), rows)
    _answer(connection, filling, [{"id": number, **row} for (number,), row in zip(asked, rows, strict=True)])
    _tell(connection, filling, index, is_last=is_last)


def _candidate(filling: _Filling, index: int) -> Row:
    blueprint, names = filling.rng.choice(filling.blueprints)
    return {
        "campaign_id": filling.record.id,
        "round_index": index,
        "blueprint": blueprint,
        "digest": content_digest([filling.record.id, filling.rng.random()]),
        "generator_version": "gfn 1",
        "log_probability": -filling.rng.uniform(1, 30),
        "created_at": filling.at,
        **names,
    }


def _query(filling: _Filling, index: int, place: int, look: tuple[str, int], *, is_last: bool) -> Row:
    fidelity, candidate = look
    rng = filling.rng
    state = QueryState.FAILED if rng.random() < SHARE_FAILED else QueryState.DONE
    if is_last:
        waiting = QueryState.AWAITING_APPROVAL if place % 2 else QueryState.QUEUED
        state = waiting if fidelity == "lab" else QueryState.CLAIMED if place < 30 else QueryState.QUEUED
    expected, sd = (None, None) if index == 0 else (rng.gauss(-1, 0.4), rng.uniform(0.1, 0.4))
    decision = Decision("It may be the best one.", 0.5, expected, sd, {"rank": place, "information_nats": 0.1})
    return {
        "campaign_id": filling.record.id,
        "round_index": index,
        "candidate_id": candidate,
        "fidelity": fidelity,
        "state": state.value,
        "key": content_digest([filling.record.id, candidate, fidelity]),
        "declared_amount": filling.record.spec.fidelities.fidelity(fidelity).cost,
        "attempts": 1,
        "worker": f"machines/node-{place % 17}" if state is not QueryState.QUEUED else None,
        "lease_until": filling.at + timedelta(hours=1) if state is QueryState.CLAIMED else None,
        "fence": 1,
        "decision": to_json_value(decision),
        "created_at": filling.at,
        "claimed_at": filling.at if state is not QueryState.QUEUED else None,
        "finished_at": filling.at + timedelta(minutes=5) if state in {QueryState.DONE, QueryState.FAILED} else None,
    }


def _answer(connection: Connection, filling: _Filling, asked: Sequence[Row]) -> None:
    """Measurements, failures, money and events of a round's looks."""
    done = [query for query in asked if query["state"] == QueryState.DONE.value]
    failed = [query for query in asked if query["state"] == QueryState.FAILED.value]
    if done:
        made = connection.execute(
            insert(measurements).returning(measurements.c.id, sort_by_parameter_order=True),
            [_measurement(filling, query) for query in done],
        )
        numbers = [number for (number,) in made]
        corrected = [
            {**_measurement(filling, query), "supersedes": number}
            for number, query in zip(numbers, done, strict=True)
            if filling.rng.random() < SHARE_CORRECTED
        ]
        if corrected:
            connection.execute(insert(measurements), corrected)
    if failed:
        connection.execute(insert(failures), [_failure(filling, query) for query in failed])
    money = [_charge(filling, query, LedgerKind.RESERVE) for query in asked]
    money += [
        _charge(filling, query, kind) for query in [*done, *failed] for kind in (LedgerKind.RELEASE, LedgerKind.BOOK)
    ]
    connection.execute(insert(ledger), money)
    kinds = {QueryState.DONE.value: EventKind.QUERY_DONE, QueryState.FAILED.value: EventKind.QUERY_FAILED}
    told = [
        (kinds[str(query["state"])], f"ask: LiCl at {query['fidelity']}", {"query_id": query["id"]})
        for query in asked
        if query["state"] in kinds
    ]
    _events(connection, filling, told)


def _measurement(filling: _Filling, query: Row) -> Row:
    rng, fidelity = filling.rng, filling.record.spec.fidelities.fidelity(str(query["fidelity"]))
    value = rng.gauss(-1.0, 0.5)
    provenance = Provenance(fidelity.oracle, "bench 1", fidelity.settings_digest, str(query["worker"]), seed=1)
    return {
        "campaign_id": filling.record.id,
        "query_id": query["id"],
        "candidate_id": query["candidate_id"],
        "fidelity": fidelity.name,
        "fence": 1,
        "value": value,
        "unit": "eV/atom",
        "sigma": rng.uniform(0.01, 0.1),
        "censoring": Censoring.NONE.value,
        "reported_value": value,
        "reported_unit": "eV/atom",
        "provenance": to_json_value(provenance),
        "amount": fidelity.cost,
        "core_seconds": rng.uniform(0.5, 2) * fidelity.cost,
        "details": {"n_steps": rng.randrange(100)},
        "measured_at": filling.at + timedelta(minutes=5),
        "recorded_at": filling.at + timedelta(minutes=5),
        "is_evidence": False,
        "supersedes": None,
        "payload_digest": content_digest([query["id"], value]),
    }


def _failure(filling: _Filling, query: Row) -> Row:
    fidelity = filling.record.spec.fidelities.fidelity(str(query["fidelity"]))
    return {
        "campaign_id": filling.record.id,
        "query_id": query["id"],
        "candidate_id": query["candidate_id"],
        "fidelity": fidelity.name,
        "attempt": 1,
        "fence": 1,
        "kind": FailureKind.PERMANENT.value,
        "reason": "The charge density did not converge.",
        "worker": str(query["worker"]),
        "amount": fidelity.cost,
        "core_seconds": fidelity.cost,
        "details": {},
        "failed_at": filling.at + timedelta(minutes=5),
        "recorded_at": filling.at + timedelta(minutes=5),
        "is_final": True,
        "is_evidence": False,
        "payload_digest": content_digest([query["id"], "failed"]),
    }


def _charge(filling: _Filling, query: Row, kind: LedgerKind) -> Row:
    return {
        "campaign_id": filling.record.id,
        "query_id": query["id"],
        "candidate_id": query["candidate_id"],
        "kind": kind.value,
        "amount": query["declared_amount"],
        "core_seconds": 1.0 if kind is LedgerKind.BOOK else None,
        "at": filling.at + timedelta(minutes=0 if kind is LedgerKind.RESERVE else 5),
    }


def _tell(connection: Connection, filling: _Filling, index: int, *, is_last: bool) -> None:
    told: list[tuple[EventKind, str, JsonObject]] = [
        (EventKind.ROUND_OPENED, f"round {index} opens", {"round": index}),
        (EventKind.STAGE_STARTED, "imagine begins", {"round": index}),
    ]
    told += [
        (
            EventKind.TRAINING,
            f"imagine: training step {step}/20",
            {"round": index, "step": step, "n_steps": 20, "loss": 10 / step, "log_z": step / 4},
        )
        for step in range(1, 21)
    ]
    told += [] if is_last else [(EventKind.ROUND_CLOSED, f"round {index} closes", {"round": index})]
    _events(connection, filling, told)


def _events(connection: Connection, filling: _Filling, told: Sequence[tuple[EventKind, str, JsonObject]]) -> None:
    campaign_id, at = filling.record.id, filling.at + timedelta(minutes=5)
    rows = [
        {"campaign_id": campaign_id, "kind": kind.value, "message": message, "payload": payload, "at": at}
        for kind, message, payload in told
    ]
    if rows:
        connection.execute(insert(events), rows)


def _believed(filling: _Filling) -> list[tuple[int, float, float]]:
    """Number, mean and standard deviation of every crystal."""
    return [(number, -1 - number % 97 / 100, 0.2 + number % 89 / 1000) for number in filling.crystals]


def _belief_rows(filling: _Filling) -> list[Row]:
    keys = ("candidate_id", "mean", "sd")
    return [{"campaign_id": filling.record.id, **dict(zip(keys, one, strict=True))} for one in _believed(filling)]


def _diagnostics(index: int) -> JsonObject:
    level: JsonObject = {"n_observations": 18, "median_error": 0.04, "relative_error": 0.5, "coverage_68": 0.7,
        "coverage_95": 0.95, "noise_sd": 0.1}  # fmt: skip
    best: JsonObject = {"blueprint_digest": "0" * 64, "formula": "LiCl", "expected": -1.6, "sd": 0.2}
    pairs: list[JsonObject] = [{"lower": "static", "upper": "dft", "correlation": 0.8, "n_paired": index}]
    levels: list[JsonObject] = [{"fidelity": name, **level} for name in SHARES]
    return {"version": "gp 1", "levels": [*levels], "correlations": [*pairs], "incumbent": best, "warnings": []}
