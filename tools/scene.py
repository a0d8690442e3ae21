"""The scene of the pictures: a real campaign under way, whose machines and laboratory are played.

The campaign itself is a real one: Petalite imagines the crystals, learns and chooses. Only the answers are made up,
by a smooth function of the crystal with the noise that each way of looking has. The same seed gives the same scene.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.blueprint import Blueprint, Realization
from domain.cost import Cost
from domain.digest import derive_seed
from domain.elements import Element
from domain.errors import PermanentLookError
from domain.fidelity import Capability
from domain.measurement import Failure, FailureKind, Measurement, Provenance
from domain.states import CampaignState, QueryState
from flows.choosing import choose_picks
from flows.closing import summarise
from flows.imagining import imagine_crystals
from flows.learning import learn_belief
from flows.opening import open_with_picks
from flows.workplace import Workplace
from oracles.realization import METHOD, DrawSettings, draw_sites
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.intake import record_failure, record_measurement
from services.intake.findings import Findings
from services.intake.laboratory import claim_laboratory_query, record_laboratory_result
from services.intake.readings import Reading
from services.settings import Settings
from services.specs import load_spec
from services.store import Store
from services.store.records import CampaignRecord, QueryRecord, RoundRecord
from services.uploads.artifacts import ArtifactFolder
from services.uploads.child import Readers, ReadingLimits
from services.uploads.desk import UploadDesk

SPEC: Final = Path(__file__).with_name("scene.yaml")
SPECTRUM: Final = Path(__file__).parents[1] / "tests" / "data" / "uploads" / "spectrum.csv"
LEASE_S: Final = 900.0
ROOM_TEMPERATURE_K: Final = 298.15
_SOFTNESS: Final[Mapping[str, float]] = {"F": -1.6, "O": -0.9, "Cl": 0.0, "S": 0.5, "Br": 0.35, "I": 0.6}
_ROOM: Final[Mapping[str, float]] = {"Y": 0.5, "In": 0.3, "Zr": 0.2, "Al": -0.4, "Mg": -0.2}


@dataclass(frozen=True, slots=True)
class Machine:
    """How a fidelity's machines look: what they are off by, and what a look takes."""

    bias: float
    """In powers of ten."""
    noise: float
    sigma: float
    """What they say of their error, in powers of ten."""
    core_seconds: float
    version: str
    failing: float
    """Share of the looks that give no number."""


MACHINES: Final[Mapping[str, Machine]] = {
    "bond-valence": Machine(-0.5, 0.6, 0.6, 6.0, "bond valence 2.1", 0.02),
    "dynamics": Machine(0.3, 0.15, 0.2, 5_200.0, "dynamics 1.4; potential 0.3", 0.06),
}
LABORATORY_NOISE: Final = 0.08


class Scene:
    """Plays the campaign's machines and its laboratory."""

    def __init__(self, store: Store, campaign: CampaignRecord) -> None:
        self._store = store
        self._campaign = campaign
        self._sites_of: dict[int, tuple[Realization, ...]] = {}

    def judge(self, *, n_left: int) -> None:
        """Approves what waits but the last few."""
        waiting = self._queries(QueryState.AWAITING_APPROVAL)
        for query in waiting[: max(0, len(waiting) - n_left)]:
            self._store.approval.approve(query.id, "administrator", "The simulation agrees with its neighbours.")

    def compute(self, *, n_left: int) -> None:
        """Lets machines answer what waits for them; some looks at the end are left under way."""
        computed = [query for query in self._queries(QueryState.QUEUED) if query.fidelity in MACHINES]
        for query in computed[: len(computed) - n_left]:
            self._compute(query)
        capabilities = [Capability(name) for name in MACHINES]
        for number in range(min(n_left, 2)):
            self._store.queries.claim_next(worker=f"machine/node-{7 + number}", lease_s=LEASE_S, oracles=capabilities)

    def measure(self, *, n_left: int) -> None:
        """Lets the laboratory measure what waits for it; the last samples stay in its queue."""
        asked = [query for query in self._queries(QueryState.QUEUED) if query.fidelity == "pellet"]
        for query in asked[: len(asked) - n_left]:
            noise = self._random(query).gauss(0, LABORATORY_NOISE)
            value = 10 ** (true_log_conductivity(self._blueprint(query)) + noise)
            reading = Reading(
                value, "S/cm", sigma=0.12 * value, temperature_K=ROOM_TEMPERATURE_K, measured_at=self._store.now()
            )
            record_laboratory_result(self._store, query.id, worker="laboratory", reading=reading, confirmed=True)

    def hand_in_a_spectrum(self, folder: Path) -> None:
        """Somebody of the laboratory takes a sample on, and hands its spectrum in; nobody has accepted it yet."""
        asked = [query for query in self._queries(QueryState.QUEUED) if query.fidelity == "pellet"]
        claim_laboratory_query(self._store, asked[0].id, worker="laboratory")
        with Readers(ReadingLimits()) as readers:
            desk = UploadDesk(self._store, ArtifactFolder(folder), readers)
            name = f"LC-{asked[0].id}_25C.csv"
            kept = desk.keep(self._campaign, iter([SPECTRUM.read_bytes()]), name=name, uploaded_by="laboratory")
            desk.add(
                desk.examine(self._campaign, kept, options={"query": str(asked[0].id), "sample": f"LC-{asked[0].id}"})
            )

    def _queries(self, state: QueryState) -> list[QueryRecord]:
        return [query for query in self._store.queries.list(self._campaign.id) if query.state is state]

    def _blueprint(self, query: QueryRecord) -> Blueprint:
        return self._store.candidates.get(query.candidate_id).blueprint

    def _random(self, query: QueryRecord) -> random.Random:
        return random.Random(f"{self._blueprint(query).digest} {query.fidelity}")  # noqa: S311 - no secret

    def _compute(self, query: QueryRecord) -> None:
        machine, chance, blueprint = MACHINES[query.fidelity], self._random(query), self._blueprint(query)
        node = f"machine/node-{chance.randint(1, 6)}"
        claimed = self._store.queries.claim(query.id, worker=node, lease_s=LEASE_S)
        if claimed is None:
            return
        cost = replace(query.declared, core_seconds=machine.core_seconds * math.exp(chance.gauss(0, 0.25)))
        needs_sites = query.fidelity != "bond-valence"
        sites = self._sites(query, blueprint) if needs_sites else ()
        if (needs_sites and not sites) or chance.random() < machine.failing:
            self._fail(query, claimed.fence, node, cost)
            return
        value = 10 ** (true_log_conductivity(blueprint) + machine.bias + chance.gauss(0, machine.noise))
        fidelity = self._campaign.spec.fidelities.fidelity(query.fidelity)
        drawn = sites[0].digest if sites else None
        digest = fidelity.settings_digest
        measurement = Measurement(
            value,
            "S/cm",
            value * math.log(10) * machine.sigma,
            Provenance(fidelity.oracle, machine.version, digest, node, realization_digest=drawn),
            cost,
            self._store.now(),
            temperature_K=ROOM_TEMPERATURE_K,
        )
        record_measurement(
            self._store, query.id, fence=claimed.fence, measurement=measurement, found=Findings(realizations=sites)
        )

    def _fail(self, query: QueryRecord, fence: int, node: str, cost: Cost) -> None:
        reason = "No placement of the atoms leaves lithium a way through the cell."
        failure = Failure(FailureKind.PERMANENT, reason, node, cost, self._store.now())
        record_failure(self._store, query.id, fence=fence, failure=failure)

    def _sites(self, query: QueryRecord, blueprint: Blueprint) -> tuple[Realization, ...]:
        """One placement of the atoms, drawn once; none where PyXtal finds no room."""
        if query.candidate_id not in self._sites_of:
            self._sites_of[query.candidate_id] = _drawn(blueprint)
        return self._sites_of[query.candidate_id]


def _drawn(blueprint: Blueprint) -> tuple[Realization, ...]:
    try:
        drawn = draw_sites(blueprint, DrawSettings(draws=1), seed=derive_seed(0, blueprint.digest))
    except PermanentLookError:
        return ()
    draw = drawn.kept[0]
    return (Realization(blueprint.digest, draw.cif, METHOD, draw.seed, None, None, is_relaxed=False),)


def true_log_conductivity(blueprint: Blueprint) -> float:
    """What the scene's crystals conduct: soft anions, much lithium and wide cells are good (log10 of S/cm)."""
    counts = {Element(number).symbol: n for number, n in blueprint.composition.counts}
    n_atoms = sum(counts.values())
    anions = {symbol: n for symbol, n in counts.items() if symbol in _SOFTNESS}
    soft = sum(_SOFTNESS[symbol] * n for symbol, n in anions.items()) / max(1, sum(anions.values()))
    lithium = counts.get("Li", 0) / n_atoms
    room = max((_ROOM.get(symbol, 0.0) for symbol in counts), default=0.0)
    volume = blueprint.lattice.volume_A3 / n_atoms
    return -5.6 + soft + room - 12 * (lithium - 0.4) ** 2 - ((volume - 21) / 9) ** 2


def set_the_scene(store: Store, settings: Settings, *, group: str, n_rounds: int = 4) -> CampaignRecord:
    """Runs the campaign of `scene.yaml` step by step, as flows do, until its last round is under way."""
    campaign = store.campaigns.create(load_spec(SPEC))
    give_campaign(store, campaign.name, group, by=local_operator())
    store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
    scene = Scene(store, store.campaigns.by_id(campaign.id))
    for index in range(n_rounds):
        workplace = Workplace(settings, store, store.campaigns.by_id(campaign.id), "scene")
        opened = _open_round(workplace, index)
        is_last = index == n_rounds - 1
        scene.judge(n_left=2 if is_last else 0)
        scene.compute(n_left=3 if is_last else 0)
        if not is_last:
            scene.measure(n_left=0)
            notes = summarise(workplace)
            store.rounds.close(opened.id, riding_along=workplace.waiting_fidelities, notes=notes)
    scene.hand_in_a_spectrum(settings.artifacts)
    store.campaigns.set_state(campaign.id, CampaignState.WAITING)
    return store.campaigns.by_id(campaign.id)


def _open_round(workplace: Workplace, index: int) -> RoundRecord:
    known = workplace.known()
    belief = learn_belief(workplace, index)
    picks = choose_picks(workplace, belief, imagine_crystals(workplace, belief, index), index)
    return open_with_picks(workplace, belief, picks, index=index, known=known)
