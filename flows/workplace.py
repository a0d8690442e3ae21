"""Everything that one campaign's steps work with: its spec, its store, its components."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from domain.digest import derive_seed
from domain.errors import OracleUnavailableError
from domain.events import Event, EventKind
from domain.fidelity import Fidelity, Ladder
from domain.json_value import JsonObject, JsonValue
from domain.measurement import FailureKind
from domain.ports import Generator, Oracle
from domain.states import HALTED_CAMPAIGNS
from flows.look_folders import LookFolders, kept_look_folders
from generators.registry import build_generator
from oracles.registry import build_oracle, oracle_names
from services.settings import Settings, load_settings
from services.store import Store, open_store
from services.store.records import CampaignRecord, RoundRecord
from surrogates.ports import Surrogate
from surrogates.registry import build_surrogate


class Workplace:
    """One campaign, opened for work.

    Args:
        settings: Where files are kept and how many oracle processes may run.
        store: The open store.
        campaign: The campaign as stored.
        runner: Who holds the campaign's lease.
    """

    def __init__(self, settings: Settings, store: Store, campaign: CampaignRecord, runner: str) -> None:
        self.settings = settings
        self.runner = runner
        self.store = store
        self.campaign = campaign
        self.spec = campaign.spec

    @cached_property
    def oracles(self) -> Mapping[str, Oracle]:
        """The oracles of the ladder by fidelity, whether their software is here or not.

        One that machines answer may be unknown here.

        Raises:
            UnknownOracleError: If another one is not registered.
        """
        known = oracle_names()
        return {
            fidelity.name: build_oracle(fidelity.oracle, fidelity.settings)
            for fidelity in self.spec.ladder
            if fidelity.oracle in known or fidelity.name not in self.waiting_fidelities
        }

    @cached_property
    def ladder(self) -> Ladder:
        """The fidelities that can be asked from this machine, ascending in rank.

        Raises:
            OracleUnavailableError: If none can.
        """
        missing = self.missing_oracles
        here = tuple(fidelity for fidelity in self.spec.ladder if fidelity.name not in missing)
        if not here:
            raise OracleUnavailableError(
                f"No oracle of campaign '{self.campaign.name}' can run here.",
                remedy=" ".join(error.remedy for error in missing.values()),
            )
        return Ladder(here)

    @cached_property
    def missing_oracles(self) -> Mapping[str, OracleUnavailableError]:
        """Why the other fidelities cannot be asked here, by fidelity. What others answer needs nothing here."""
        missing: dict[str, OracleUnavailableError] = {}
        for name, oracle in self.oracles.items():
            if name in self.waiting_fidelities:
                continue
            try:
                oracle.check()
            except OracleUnavailableError as error:
                missing[name] = error
        return missing

    @cached_property
    def waiting_fidelities(self) -> frozenset[str]:
        """Fidelities whose queries wait in the store until people or machines answer."""
        return frozenset(fidelity.name for fidelity in self.spec.ladder if fidelity.waits_in_queue)

    @cached_property
    def surrogate(self) -> Surrogate:
        """The campaign's surrogate over the fidelities that can be asked here."""
        return build_surrogate(
            self.spec.surrogate, space=self.spec.space, ladder=self.ladder, objective=self.spec.objective
        )

    @cached_property
    def generator(self) -> Generator:
        """The campaign's generator, as it is before any training."""
        return build_generator(self.spec.generator, self.spec.space, seed=self.seed("generator"))

    def checkpoint(self, index: int) -> Path:
        """Where the generator's weights after round `index` are kept."""
        return self.settings.home / "generators" / self.campaign.name / f"round-{index:03d}.safetensors"

    @property
    def look_folders(self) -> LookFolders:
        """Where looks that take long keep what they need to go on after they were killed."""
        return kept_look_folders(self.settings)

    def seed(self, *purpose: str | int) -> int:
        """A seed for one purpose; the same purpose always gets the same one."""
        return derive_seed(self.spec.seed, *purpose)

    def fidelity(self, name: str) -> Fidelity:
        """A fidelity of the whole ladder by name."""
        return self.spec.fidelities.fidelity(name)

    def round(self, index: int) -> RoundRecord | None:
        """The stored round, or None if it was never opened."""
        return self.store.rounds.find(self.campaign.id, index)

    def may_go_on(self) -> bool:
        """Whether nobody has paused or stopped the campaign, and no other process has taken it over."""
        is_halted = self.store.campaigns.by_id(self.campaign.id).state in HALTED_CAMPAIGNS
        runner = self.store.campaigns.runner(self.campaign.id)
        return not is_halted and runner is not None and runner.holder == self.runner

    def hopeless_candidates(self) -> frozenset[int]:
        """Numbers of the candidates at which some look would fail again: money for dearer looks would be wasted."""
        failed = self.store.failures.list(self.campaign.id)
        return frozenset(f.candidate_id for f in failed if f.is_final and f.failure.kind is FailureKind.PERMANENT)

    def n_values(self) -> JsonObject:
        """How many values have come at each fidelity, for a round's notes. Counted before the fit that learns them."""
        return dict(self.store.measurements.counts(self.campaign.id))

    def known(self) -> JsonObject:
        """What a round is about to learn from, for its notes: how many values, and how many answers, by fidelity."""
        return {"n_values": self.n_values(), "n_answers": dict(self.store.measurements.n_answers(self.campaign.id))}

    def answered_since(self, notes: JsonObject) -> frozenset[str]:
        """Fidelities at which looks were answered since those that a round's notes count; a corrected one is none."""
        if "n_answers" not in notes:  # a round of an older Petalite
            return self.news_since(notes)
        return _more(self.store.measurements.n_answers(self.campaign.id), notes["n_answers"])

    def news_since(self, notes: JsonObject) -> frozenset[str]:
        """Fidelities at which values have come, or were corrected, since those that a round's notes count."""
        return _more(self.store.measurements.counts(self.campaign.id), notes.get("n_values"))

    def emit(self, kind: EventKind, message: str, **payload: JsonValue) -> None:
        """Tells everybody who watches the campaign what has happened."""
        self.store.events.append(Event(kind=kind, campaign=self.campaign.name, message=message, payload=payload))


def _more(now: Mapping[str, int], noted: JsonValue) -> frozenset[str]:
    before = noted if isinstance(noted, Mapping) else {}
    return frozenset(fidelity for fidelity, number in now.items() if number != before.get(fidelity))


@contextmanager
def open_workplace(campaign: str, runner: str) -> Iterator[Workplace]:
    """Opens the environment's store and a campaign in it, for the holder of its lease.

    Raises:
        StoreError: If the store cannot be used.
        NotFoundError: If there is no such campaign.
    """
    settings = load_settings(os.environ)
    with open_store(settings.store_url) as store:
        yield Workplace(settings, store, store.campaigns.get(campaign), runner)
