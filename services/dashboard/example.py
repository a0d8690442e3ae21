"""A campaign that has something to show on every page, for tests and pictures."""

from dataclasses import dataclass, replace
from typing import Final

from domain.blueprint import Blueprint, Realization
from domain.campaign import CampaignSpec
from domain.composition import Composition
from domain.events import Event, EventKind
from domain.fidelity import AnsweredBy
from domain.lattice import LatticeParameters
from domain.measurement import FailureKind
from domain.parsing import to_json_value
from domain.search_space import SearchSpace
from domain.space_groups import SpaceGroup
from domain.training import CandidateBelief, Decision, Pick
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.api.testing import example_campaign
from services.intake import Findings
from services.intake.door import record_failure, record_measurement
from services.intake.testing import claim, example_failure, example_measurement
from services.store import Store
from services.store.records import CampaignRecord, QueryRecord

CATIONS: Final = ("Li", "Na", "K")
ANIONS: Final = ("Cl", "Br", "I")
_ROCK_SALT: Final = 225
_ZINC_BLENDE: Final = 216
_FRACTIONS: Final = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))


@dataclass(frozen=True, slots=True)
class _Salt:
    cation: str
    anion: str
    group: int
    a: float
    """Å."""

    @property
    def blueprint(self) -> Blueprint:
        lattice = LatticeParameters(self.a, self.a, self.a, 90, 90, 90)
        return Blueprint(SpaceGroup(self.group), Composition.of({self.cation: 4, self.anion: 4}), lattice)

    @property
    def cif(self) -> str:
        shift = 0.5 if self.group == _ROCK_SALT else 0.25
        sites = [(self.cation, place) for place in _FRACTIONS]
        sites += [(self.anion, ((x + shift) % 1, (y + shift) % 1, (z + shift) % 1)) for x, y, z in _FRACTIONS]
        lines = [f"  {symbol} {symbol}{n} {x:.4f} {y:.4f} {z:.4f} 1" for n, (symbol, (x, y, z)) in enumerate(sites)]
        lengths = [f"_cell_length_{axis} {self.a}" for axis in "abc"]
        angles = [f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma")]
        symmetry = ["_symmetry_space_group_name_H-M 'P 1'", "_symmetry_Int_Tables_number 1"]
        loop = ["loop_", *(f"  _atom_site_{key}" for key in ("type_symbol", "label", "fract_x", "fract_y", "fract_z"))]
        operations = ["loop_", "  _symmetry_equiv_pos_site_id", "  _symmetry_equiv_pos_as_xyz", "  1 'x, y, z'"]
        head = ["data_salt", *symmetry, *lengths, *angles, *operations, *loop, "  _atom_site_occupancy"]
        return "\n".join([*head, *lines, ""])


def example_salts_spec(name: str) -> CampaignSpec:
    """A campaign for salts of two elements on a ladder of three; the last rung is a laboratory's."""
    static, laboratory, costly = example_campaign(name).ladder
    dft = replace(costly, name="dft", cost=20.0, answered_by=AnsweredBy.MACHINES)
    space = SearchSpace(elements=(*CATIONS, *ANIONS), space_groups=(_ZINC_BLENDE, _ROCK_SALT), max_atoms=8)
    spec = example_campaign(name)
    return replace(
        spec,
        description="Salts of two elements, for looking around",
        space=space,
        ladder=(static, dft, replace(laboratory, name="lab")),
        budget=replace(spec.budget, approval_above=30.0),
    )


def fill_campaign(store: Store, name: str, *, group: str) -> CampaignRecord:
    """Adds a campaign of two rounds to a store: one is over, one is under way."""
    record = store.campaigns.create(example_salts_spec(name))
    give_campaign(store, name, group, by=local_operator())
    salts = [
        _Salt(c, a, g, 5.0 + n / 10) for n, c in enumerate(CATIONS) for a in ANIONS for g in (_ZINC_BLENDE, _ROCK_SALT)
    ]
    _open(store, record, 0, [_pick(salt, "static") for salt in salts])
    for place, query in enumerate(store.queries.list(record.id)):
        _answer(store, query, salts[place], -1.0 - place / 10)
    _close(store, record, spread=0.3)
    _train(store, name)
    picks = [_pick(salt, "dft", believed=-1.5) for salt in salts[:6]] + [
        _pick(salt, "lab", believed=-1.6) for salt in salts[:3]
    ]
    _open(store, record, 1, picks)
    asked = store.queries.list(record.id, fidelity="dft")
    for place, query in enumerate(asked[:4]):
        _answer(store, query, salts[place], -1.1 - place / 8)
    fence = claim(store, asked[4]).fence
    failure = example_failure(FailureKind.PERMANENT, "The charge density did not converge.")
    record_failure(store, asked[4].id, fence=fence, failure=failure)
    claim(store, asked[5], worker="node-7")
    laboratory, *_ = store.queries.list(record.id, fidelity="lab")
    store.approval.approve(laboratory.id, "administrator", "worth it")
    _answer(store, laboratory, salts[0], -1.4)
    return store.campaigns.get(name)


def _pick(salt: _Salt, fidelity: str, believed: float | None = None) -> Pick:
    reason = "Nothing was known yet." if believed is None else "It may be the best one, and nobody looked so closely."
    sd = None if believed is None else 0.2
    decision = Decision(reason, score=0.5, predicted_mean=believed, predicted_sd=sd, details={"rank": 1})
    return Pick(salt.blueprint, fidelity, decision, log_probability=-3.0)


def _open(store: Store, record: CampaignRecord, index: int, picks: list[Pick]) -> None:
    levels = [
        {"fidelity": "static", "n_observations": 18, "median_error": 0.04, "relative_error": 0.5, "coverage_68": 0.7,
         "coverage_95": 0.95, "noise_sd": 0.1}
    ]  # fmt: skip
    best = {"blueprint_digest": picks[0].blueprint.digest, "formula": "LiCl", "expected": -1.6, "sd": 0.2}
    pairs = [{"lower": "static", "upper": "dft", "correlation": 0.8, "n_paired": 0}]
    diagnostics = {"version": "gp 1", "levels": levels, "correlations": pairs, "incumbent": best, "warnings": []}
    store.rounds.open(
        record.id,
        index,
        picks=picks,
        generator_version="gfn 1",
        surrogate_version="gp 1",
        notes={"diagnostics": to_json_value(diagnostics) if index else None, "n_values": {"static": 18 * index}},
    )


def _answer(store: Store, query: QueryRecord, salt: _Salt, value: float) -> None:
    fence = claim(store, query).fence
    digest = salt.blueprint.digest
    drawn = Realization(digest, salt.cif, "pyxtal", 1, -3.0, "potential 1", is_relaxed=False)
    relaxed = replace(drawn, method="pyxtal+relax", energy_eV_per_atom=-3.2, is_relaxed=True)
    found = replace(example_measurement(value), measured_at=store.now())
    record_measurement(store, query.id, fence=fence, measurement=found, found=Findings((drawn, relaxed)))


def _close(store: Store, record: CampaignRecord, *, spread: float) -> None:
    candidates = store.candidates.list(record.id)
    beliefs = [CandidateBelief(each.id, -1.0 - n / 10, spread / (1 + n)) for n, each in enumerate(candidates)]
    opened = store.rounds.latest(record.id)
    if opened is not None:
        store.rounds.close(opened.id, notes={"beliefs": [to_json_value(belief) for belief in beliefs]})


def _train(store: Store, name: str) -> None:
    for step in range(1, 9):
        payload = {"round": 1, "step": step, "n_steps": 8, "loss": 10.0 / step, "log_z": 1.0 + step / 4}
        store.events.append(Event(EventKind.TRAINING, name, f"imagine: training step {step}/8", payload, store.now()))
    for index, n_kinds in enumerate((60, 34)):
        drawn = {"round": index, "n_sampled": 64, "n_kinds": n_kinds, "n_space_groups": 2, "n_elements": 6}
        message = f"imagine: {n_kinds} of the 64 crystals drawn differ in composition or space group"
        store.events.append(Event(EventKind.SAMPLED, name, message, drawn, store.now()))
