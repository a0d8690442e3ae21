"""The oracle `ase` beyond single energies: retries, relaxations that go on, gaps, Hubbard terms, variables."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from domain.errors import InvalidValueError, PermanentLookError, SpecError, TransientLookError
from domain.look import LookProgress, LookRequest
from domain.ports import Workbench
from oracles.calculators import CalculatorChoice
from oracles.dft.code import Bands
from oracles.dft.environment import environment_of
from oracles.dft.gap import band_gap
from oracles.dft.hubbard import HubbardSettings
from oracles.dft.retries import RetryStep, merged
from oracles.registry import build_oracle
from oracles.testing import check_oracle, cubic

ALLOY = cubic(221, {"Cu": 3, "Au": 1}, 3.9)
REFERENCES = {"Cu": 0.0, "Au": 0.0}
MOODY = """
from ase.calculators.calculator import SCFError
from ase.calculators.emt import EMT

class Moody(EMT):
    '''Converges at a mixing of 0.1 or less; up to a number of structures at any.'''

    def __init__(self, mixing=0.7, patience=0, smearing=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mixing, self.patience, self.smearing, self.n_iterations = mixing, patience, smearing, 0

    def get_number_of_iterations(self):
        return 7

    def calculate(self, *args, **kwargs):
        if self.mixing > 0.1 and self.patience == 0:
            raise SCFError("charge sloshes")
        self.patience -= 1
        super().calculate(*args, **kwargs)
"""
STEPS = [
    {"words": "smaller mixing", "parameters": {"mixing": 0.3}},
    {"words": "far smaller mixing, and smearing", "parameters": {"mixing": 0.05, "smearing": 0.2}},
]


@pytest.fixture
def moody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    (tmp_path / "moody.py").write_text(MOODY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PETALITE_CALCULATORS", "moody")
    monkeypatch.delitem(sys.modules, "moody", raising=False)
    return {"calculator": "moody.Moody", "retries": STEPS}


def request() -> LookRequest:
    return LookRequest(ALLOY, seed=4, references=REFERENCES)


def test_what_converges_at_the_second_retry_says_what_was_tried(moody: dict[str, object]) -> None:
    result = build_oracle("ase", moody).look(request())
    assert [
        (attempt["changed"], attempt["failure"], attempt["n_structures"], attempt["n_electronic_steps"])
        for attempt in result.details["attempts"]
    ] == [
        ("", "charge sloshes", 0, 7),
        ("smaller mixing", "charge sloshes", 0, 7),
        ("far smaller mixing, and smearing", "", 1, 7),
    ]
    assert result.details["attempts"][2]["keeps_number"] is False


def test_what_never_converges_says_all_that_was_tried(moody: dict[str, object]) -> None:
    oracle = build_oracle("ase", {**moody, "retries": STEPS[:1]})
    with pytest.raises(PermanentLookError, match=r"in 2 attempts \(as it was set: charge sloshes; smaller mixing: .*"):
        oracle.look(request())
    with pytest.raises(
        PermanentLookError, match=r"did not converge: charge sloshes\. Look at another crystal, or give"
    ):
        build_oracle("ase", {**moody, "retries": []}).look(request())


def test_a_retry_that_was_needed_is_kept_for_the_rest_of_a_relaxation(moody: dict[str, object]) -> None:
    settings = {**moody, "relax": "cell", "parameters": {"patience": 3}}
    attempts = build_oracle("ase", settings).look(request()).details["attempts"]
    assert attempts[0]["failure"] == "charge sloshes"
    assert attempts[0]["n_structures"] > 0
    assert attempts[-1]["changed"] == STEPS[1]["words"]
    assert attempts[-1]["n_structures"] > 1


def test_the_calculator_relaxes_the_sites_itself() -> None:
    oracle = build_oracle("ase", {"calculator": "emt", "relax": "cell", "fmax_eV_A": 0.01})
    result = oracle.look(request())
    fresh = build_oracle("ase", {"calculator": "emt"}).look(request())
    assert result.value < fresh.value
    chosen = next(sites for sites in result.realizations if sites.digest == result.realization_digest)
    assert chosen.is_relaxed
    assert "EMT" in chosen.ranked_by
    (relaxation,) = result.details["relaxations"]
    assert relaxation["outcome"] == "converged"
    # What this calculator relaxed is not relaxed again.
    again = oracle.look(LookRequest(ALLOY, 4, result.realizations, REFERENCES))
    assert again.details["relaxations"] == []
    assert again.value == pytest.approx(result.value, abs=1e-9)
    assert again.realizations == ()


def test_sites_that_another_calculator_relaxed_are_relaxed_again() -> None:
    theirs = build_oracle("ase", {"calculator": "emt", "relax": "cell"}).look(request())
    oracle = build_oracle("ase", {"calculator": "morse", "parameters": {"r0": 2.7}, "relax": "cell"})
    ours = oracle.look(LookRequest(ALLOY, 4, theirs.realizations, REFERENCES))
    assert ours.details["relaxations"][0]["start"] == theirs.realization_digest
    assert ours.realization_digest != theirs.realization_digest


def test_sites_of_a_looser_relaxation_are_relaxed_again() -> None:
    settings = {"calculator": "emt", "relax": "cell"}
    loose = build_oracle("ase", {**settings, "max_steps": 1}).look(request())
    tight = build_oracle("ase", settings).look(LookRequest(ALLOY, 4, loose.realizations, REFERENCES))
    assert [relaxation["outcome"] for relaxation in tight.details["relaxations"]] == ["converged"]
    assert tight.value < loose.value
    free = build_oracle("ase", {**settings, "relax": "free"})
    assert free.look(LookRequest(ALLOY, 4, tight.realizations, REFERENCES)).details["relaxations"] != []


def test_sites_whose_relaxation_used_its_steps_up_are_relaxed_further() -> None:
    oracle = build_oracle("ase", {"calculator": "emt", "relax": "cell", "fmax_eV_A": 0.01, "max_steps": 5})
    begun = oracle.look(request())
    assert begun.details["relaxations"][0]["outcome"] == "not converged"
    further = oracle.look(LookRequest(ALLOY, 4, begun.realizations, REFERENCES))
    assert further.details["relaxations"][0]["start"] == begun.realization_digest
    assert further.value < begun.value


def test_references_are_relaxed_where_crystals_are() -> None:
    static = build_oracle("ase", {"calculator": "emt"}).reference("Cu")
    relaxed = build_oracle("ase", {"calculator": "emt", "relax": "cell"}).reference("Cu")
    assert relaxed.energy_eV_per_atom < static.energy_eV_per_atom
    assert relaxed.details["outcome"] == "converged"


class _KilledError(Exception):
    pass


def _killing(after: int, n_told: list[str]) -> Callable[[LookProgress], None]:
    def report(progress: LookProgress) -> None:
        n_told.append(progress.note)
        if len(n_told) == after:
            raise _KilledError

    return report


def test_a_relaxation_that_was_killed_goes_on(tmp_path: Path) -> None:
    oracle = build_oracle("ase", {"calculator": "emt", "relax": "cell", "fmax_eV_A": 0.01})
    with pytest.raises(_KilledError):
        oracle.resume(request(), Workbench(tmp_path, _killing(5, [])))
    rest: list[str] = []
    answer = oracle.resume(request(), Workbench(tmp_path, _killing(0, rest)))
    assert answer.details["n_structures_before"] == 5
    assert rest[0] == "6 structures computed"
    assert answer.value == pytest.approx(oracle.look(request()).value, abs=1e-4)


@pytest.mark.slow
def test_a_free_relaxation_that_was_killed_in_either_stage_tells_what_an_undisturbed_one_does(tmp_path: Path) -> None:
    oracle = build_oracle("ase", {"calculator": "emt", "relax": "free", "fmax_eV_A": 0.01, "max_steps": 200})
    (expected,) = oracle.look(request()).details["relaxations"]
    held = []
    for n_more in (10, 60):
        with pytest.raises(_KilledError):
            oracle.resume(request(), Workbench(tmp_path, _killing(n_more, [])))
        held.append(json.loads((tmp_path / "geometry.json").read_text())["held"] is not None)
    assert held == [False, True]
    (found,) = oracle.resume(request(), Workbench(tmp_path, lambda _: None)).details["relaxations"]
    assert expected["outcome"] == "changed group"
    told = ("outcome", "start", "space_group_before", "space_group_after", "volume_before_A3_per_atom")
    assert [found[name] for name in told] == [expected[name] for name in told]
    near = ("energy_eV_per_atom", "energy_under_symmetry_eV_per_atom", "volume_after_A3_per_atom")
    assert [found[name] for name in near] == pytest.approx([expected[name] for name in near], rel=1e-3, abs=1e-3)


def test_steps_before_a_kill_count(tmp_path: Path) -> None:
    oracle = build_oracle("ase", {"calculator": "emt", "relax": "cell", "fmax_eV_A": 1e-6, "max_steps": 8})
    with pytest.raises(_KilledError):
        oracle.resume(request(), Workbench(tmp_path, _killing(6, [])))
    (relaxation,) = oracle.resume(request(), Workbench(tmp_path, lambda _: None)).details["relaxations"]
    assert (relaxation["outcome"], relaxation["n_steps"]) == ("not converged", 8)


def test_a_relaxation_in_two_stages_is_not_told_as_done_after_the_first(tmp_path: Path) -> None:
    oracle = build_oracle("ase", {"calculator": "emt", "relax": "free", "fmax_eV_A": 1e-6, "max_steps": 5})
    fractions: list[float] = []
    oracle.resume(request(), Workbench(tmp_path, lambda progress: fractions.append(progress.share)))
    assert fractions[4] == pytest.approx(0.5)


def test_references_are_counted_by_the_settings_as_given_or_not_at_all(moody: dict[str, object]) -> None:
    with pytest.raises(PermanentLookError, match="did not converge: charge sloshes"):
        build_oracle("ase", {**moody, "retries": STEPS[1:]}).reference("Cu")


def test_elements_whose_relaxation_does_not_converge_are_no_references() -> None:
    with pytest.raises(PermanentLookError, match=r"reference crystal of Cu did not converge in 1 steps"):
        build_oracle("ase", {"calculator": "emt", "relax": "cell", "fmax_eV_A": 1e-6, "max_steps": 1}).reference("Cu")


def test_a_geometry_on_the_way_to_something_else_is_not_taken(tmp_path: Path) -> None:
    settings = {"calculator": "emt", "relax": "cell"}
    with pytest.raises(_KilledError):
        build_oracle("ase", settings).resume(request(), Workbench(tmp_path, _killing(3, [])))
    kept = json.loads((tmp_path / "geometry.json").read_text())
    assert kept["n_structures"] == 3
    other = build_oracle("ase", {**settings, "parameters": {"asap_cutoff": True}})
    assert other.resume(request(), Workbench(tmp_path, lambda _: None)).details["n_structures_before"] == 0
    never = build_oracle("ase", {**settings, "restart": "none"})
    assert never.resume(request(), Workbench(tmp_path, lambda _: None)).details["n_structures_before"] == 0


def test_it_keeps_the_promises_of_its_port() -> None:
    lines = check_oracle(build_oracle("ase", {"calculator": "emt", "relax": "cell", "fmax_eV_A": 0.005}), ALLOY)
    assert [line for line in lines if not line.passed] == []
    assert "a look that goes on" in [line.name for line in lines]


def test_gaps_need_no_references_and_are_of_their_own_quantity() -> None:
    oracle = build_oracle("ase", {"calculator": "gpaw", "quantity": "band_gap"})
    assert (oracle.quantity.name, oracle.quantity.unit) == ("band_gap", "eV")
    assert oracle.reference_elements(ALLOY) == ()


@pytest.mark.parametrize(
    ("bands", "fermi_eV", "gap_eV", "is_direct"),
    [
        ([[-2.0, 1.0, 3.0], [-1.0, 2.0, 4.0]], 0.0, 2.0, False),
        ([[-1.0, 1.0, 3.0], [-2.0, 2.0, 4.0]], 0.0, 2.0, True),
        # Codes with fixed occupations report the highest occupied level, rounded, as the Fermi level.
        ([[-2.0, 1.0, 3.0], [-1.0, 2.0, 4.0]], -1.0, 2.0, False),
        ([[-2.0, 1.0, 3.0], [-1.0, 2.0, 4.0]], -1.0004, 2.0, False),
        ([[-2.0, 0.5, 3.0], [-1.0, -0.2, 4.0]], 0.0, 0.0, False),
    ],
)
def test_gaps_are_read_off_eigenvalues(
    bands: list[list[float]], fermi_eV: float, gap_eV: float, is_direct: bool
) -> None:
    value, details = band_gap(Bands(np.array([bands]), fermi_eV))
    assert value == pytest.approx(gap_eV)
    assert details["gap"]["is_metal"] == (gap_eV == 0)
    assert details["gap"]["is_direct"] == is_direct
    assert details["gap"]["kind"] == "Kohn-Sham"


def test_a_calculation_without_empty_bands_has_no_gap() -> None:
    with pytest.raises(PermanentLookError, match=r"no empty bands.*more bands"):
        band_gap(Bands(np.array([[[-2.0, -1.0], [-3.0, -1.5]]]), 0.0))


def test_a_table_says_which_u_a_crystal_has_and_where_it_is_from() -> None:
    chosen = HubbardSettings("table", "materials-project").chosen
    (term,) = chosen.terms({"Li", "Fe", "O"}).on_site
    assert (term.element, term.orbital, term.U_eV) == ("Fe", "3d", 5.3)
    assert "Phys. Rev. B 84, 045115" in term.source
    assert not chosen.terms({"Li", "Fe", "S"})
    assert not chosen.terms({"Fe"})


def test_another_u_is_another_version() -> None:
    def version(U_eV: float) -> str:
        term = {"element": "Fe", "orbital": "3d", "U_eV": U_eV, "source": "linear response"}
        hubbard = {"provider": "explicit", "on_site": [term]}
        return build_oracle("ase", {"calculator": "gpaw", "hubbard": hubbard}).version

    assert version(4.0) == version(4.0)
    assert version(4.0) != version(4.1)


def test_the_name_of_a_table_is_the_same_in_every_process() -> None:
    code = "from oracles.dft.hubbard import HubbardSettings as H; print(H('table', 'materials-project').chosen.name)"
    names = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(names) == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"cutoff": 500}, r"cutoff: .*"),
        ({"hubbard": {"provider": "table", "table": "mine"}}, "'mine' is no table of Hubbard values"),
        ({"hubbard": {"provider": "table", "table": "oqmd"}}, "would count crystals that have a U from elements"),
        ({"hubbard": {"provider": "explicit"}}, "'explicit' has no values"),
        (
            {
                "hubbard": {
                    "provider": "explicit",
                    "on_site": [{"element": "Fe", "orbital": "3d", "U_eV": 4.0, "source": " "}],
                }
            },
            "U of Fe has no source",
        ),
        ({"calculator": "cp2k", "quantity": "band_gap"}, "ASE reads no eigenvalues of CP2K"),
        (
            {"calculator": "emt", "hubbard": {"provider": "table", "table": "oqmd"}, "quantity": "band_gap"},
            "does not know how to give the calculator a Hubbard U",
        ),
        ({"environment": {"LD_PRELOAD": "evil.so"}}, "may not set the variable LD_PRELOAD"),
        ({"environment": {"OMP_NUM_THREADS": "4"}}, "'environment' does nothing for gpaw"),
        ({"calculator": "emt", "environment": {"OMP_NUM_THREADS": "4"}}, "'environment' does nothing for emt"),
        ({"environment": {"OMP_NUM_THREADS": "$(touch here)"}}, "may not set the variable OMP_NUM_THREADS"),
        ({"retries": [{"words": "denser", "kpoint_density_factor": 1.5}]}, "changes the density of k-points"),
        ({"retries": [{"words": "hope"}]}, "'hope' changes nothing"),
        ({"magnetic_moments": {"Li": 40}}, "moment of 40.0 Bohr magnetons on Li"),
        ({"kpoint_density_A": 2.0, "parameters": {"kspacing": 0.2}}, r"by parameters\.kspacing"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], problem: str) -> None:
    with pytest.raises((SpecError, InvalidValueError), match=problem):
        build_oracle("ase", {"calculator": "gpaw", **settings})


@pytest.mark.parametrize("calculator", ["espresso", "vasp", "abinit", "cp2k"])
def test_codes_that_are_programs_hear_variables(calculator: str) -> None:
    build_oracle("ase", {"calculator": calculator, "environment": {"OMP_NUM_THREADS": "4"}})


@pytest.mark.parametrize(
    ("calculator", "parameters", "problem"),
    [
        ("vasp", {"command": "touch here"}, r"parameters\.command would let a spec"),
        ("cp2k", {"command": "touch here"}, r"parameters\.command would let a spec"),
        ("gpaw", {"txt": "theirs"}, r"parameters\.txt would let a spec"),
        ("abinit", {"profile": {}}, r"parameters\.profile would let a spec"),
        ("emt", {"directory": "theirs"}, r"parameters\.directory would let a spec"),
        ("gpaw", {"label": "theirs"}, r"parameters\.label would let a spec"),
        ("espresso", {"input_data": {"control": {"outdir": "x"}}}, r"parameters\.outdir of .* is not for specs"),
        ("espresso", {"pseudopotentials": {"Li": "../x"}}, "names a path"),
        ("abinit", {"pp_paths": "x"}, r"parameters\.pp_paths of .* is not for specs"),
    ],
)
def test_a_retry_gives_nothing_that_parameters_cannot(
    calculator: str, parameters: dict[str, object], problem: str
) -> None:
    step = {"words": "more", "parameters": parameters}
    with pytest.raises(SpecError, match=problem):
        build_oracle("ase", {"calculator": calculator, "retries": [step]})
    with pytest.raises(InvalidValueError, match=problem):
        CalculatorChoice(calculator, {}).build(step=RetryStep("more", parameters))


def test_variables_last_as_long_as_the_calculation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("OMP_PLACES", raising=False)
    with environment_of({"OMP_NUM_THREADS": "4", "OMP_PLACES": "cores"}):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["OMP_PLACES"]) == ("4", "cores")
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert "OMP_PLACES" not in os.environ


def test_changes_are_laid_over_parameters() -> None:
    given = {"occupations": {"name": "fermi-dirac", "width": 0.1}, "eigensolver": {"name": "rmm-diis", "niter": 2}}
    changed = merged(given, {"occupations": {"width": 0.2}, "eigensolver": {"name": "dav"}})
    assert changed == {"occupations": {"name": "fermi-dirac", "width": 0.2}, "eigensolver": {"name": "dav"}}
    assert given["occupations"] == {"name": "fermi-dirac", "width": 0.1}


def test_a_step_that_changes_smearing_or_the_grid_changes_the_number() -> None:
    steadying = frozenset({"mixing_beta"})
    assert RetryStep("a", {"input_data": {"electrons": {"mixing_beta": 0.1}}}).keeps_number(steadying)
    assert not RetryStep("b", {"input_data": {"system": {"degauss": 0.1}}}).keeps_number(steadying)
    assert not RetryStep("c", kpoint_density_factor=1.5).keeps_number(steadying)


@pytest.mark.parametrize(
    "raised", ["subprocess.CalledProcessError(-9, 'code')", "OSError(errno.ENOSPC, 'No space left on device')"]
)
def test_a_calculation_that_the_machine_ended_may_be_repeated(
    raised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ended.py").write_text(
        "import errno, subprocess\n"
        "from ase.calculators.emt import EMT\n"
        "class Ended(EMT):\n"
        "    def calculate(self, *args, **kwargs):\n"
        f"        raise {raised}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PETALITE_CALCULATORS", "ended")
    monkeypatch.delitem(sys.modules, "ended", raising=False)
    with pytest.raises(TransientLookError, match=r"was ended from outside: .*memory and disk enough"):
        build_oracle("ase", {"calculator": "ended.Ended"}).look(request())


def test_moments_of_elements_reach_the_calculator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "magnet.py").write_text(
        "from ase.calculators.emt import EMT\n"
        "class Magnet(EMT):\n"
        "    def calculate(self, atoms=None, *args, **kwargs):\n"
        "        super().calculate(atoms, *args, **kwargs)\n"
        "        self.results['energy'] = float(atoms.get_initial_magnetic_moments().sum())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PETALITE_CALCULATORS", "magnet")
    oracle = build_oracle("ase", {"calculator": "magnet.Magnet", "magnetic_moments": {"Cu": 2.0}})
    assert oracle.look(request()).details["energy_eV_per_atom"] == pytest.approx(6 / 4)
