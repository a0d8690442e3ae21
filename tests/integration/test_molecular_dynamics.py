"""The oracle `molecular-dynamics`, with an analytic potential: from a blueprint to a conductivity, killed or not."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from ase.io import read
from safetensors.numpy import load_file

from domain.blueprint import Blueprint
from domain.errors import SpecError, UnsupportedCrystalError
from domain.fidelity import Fidelity, Limits
from domain.look import LookProgress, LookRequest
from domain.measurement import Censoring
from domain.ports import Workbench
from oracles.molecular_dynamics import build
from oracles.running.files import located
from oracles.running.process import Answer, OracleProcess, Refusal
from oracles.testing import cubic, rock_salt
from services.reports.densities import MEDIA_TYPE, read_densities

POTENTIAL = {
    "potential": "ase.calculators.lj.LennardJones",
    "parameters": {"sigma": 2.3, "epsilon": 0.05, "rc": 5.0, "smooth": True},
    "draws": 1,
    "max_steps": 30,
}
TIMES = {
    "timestep_fs": 2.0,
    "equilibration_ps": 0.02,
    "production_ps": 0.4,
    "frame_every_ps": 0.01,
    "checkpoint_every_ps": 0.02,
    "monitor_every_ps": 0.2,
}
SETTINGS = {"potential": POTENTIAL, "temperatures_K": [300.0, 600.0], "min_height_A": 5.0, "dynamics": TIMES}
FIDELITY = Fidelity("dynamics", "molecular-dynamics", 100.0, SETTINGS, Limits(300.0, 8.0))
REQUEST = LookRequest(rock_salt(), seed=7)


def test_a_look_that_is_killed_again_and_again_answers_as_an_undisturbed_one(tmp_path: Path) -> None:
    notes: list[str] = []
    with OracleProcess(FIDELITY) as process:
        undisturbed = process.look(REQUEST, folder=tmp_path / "one", on_progress=lambda told: notes.append(told.note))
        assert isinstance(undisturbed, Answer)
        assert all(note.split(" of ")[1].startswith("0.42 ps") for note in notes)

        killed_at = [0.0]

        def kill(progress: LookProgress) -> None:
            if killed_at[-1] + 0.1 < progress.share < 1:
                killed_at.append(progress.share)
                process.interrupt()

        while isinstance(killed := process.look(REQUEST, folder=tmp_path / "other", on_progress=kill), Refusal):
            assert killed.details["error"] == "Interrupted"
    assert len(killed_at) > 1, "it was quicker than anybody could kill it"
    assert killed.result == undisturbed.result


def test_ions_that_had_no_time_to_hop_bound_the_conductivity() -> None:
    with OracleProcess(FIDELITY) as process:
        answer = process.look(REQUEST)
    assert isinstance(answer, Answer)
    result = answer.result
    assert (result.censoring, result.temperature_K, result.sigma) == (Censoring.BELOW, 300.0, None)
    assert [run["temperature_K"] for run in result.details["runs"]] == [300.0, 600.0]
    assert result.details["runs"][0]["health"]["verdict"] == "too short"
    assert result.realization_digest == result.realizations[-1].digest
    assert result.realizations[-1].is_relaxed


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperatures_K": []}, r"The temperatures \[\] are none"),
        ({"temperatures_K": [600.0, 600.0]}, "stands there twice"),
        ({"temperatures_K": [300.0], "value_at_K": 400.0}, r"say nothing of 400 K.*Run at that temperature or above"),
        ({"haven_ratio": 0.0}, "Haven ratio of 0.0 is impossible"),
        ({"mobile": "H"}, "mobile"),
        ({"dynamics": {"timestep": 2}}, "timestep"),
        ({"stop": {"relative": 2}}, "relative"),
        ({"potential": {"potential": "unheard"}}, "There is no potential 'unheard'"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        build(settings)


@pytest.mark.parametrize("blueprint", [rock_salt("Na", "Cl"), cubic(229, {"Li": 2}, 3.5)])
def test_crystals_without_an_ion_and_its_framework_are_refused(blueprint: Blueprint) -> None:
    with pytest.raises(UnsupportedCrystalError, match="no Li that moves through a framework"):
        build({}).require_supported(blueprint)


def test_a_look_leaves_what_people_look_at(tmp_path: Path) -> None:
    with OracleProcess(FIDELITY) as process:
        answer = process.look(REQUEST, folder=tmp_path)
        again = process.look(REQUEST, folder=tmp_path)
    assert isinstance(answer, Answer)
    assert [point.temperature_K for point in answer.result.series] == [300.0, 600.0]
    assert {point.censoring for point in answer.result.series} == {Censoring.BELOW}
    paths = {file.note.name: located(tmp_path, file) for file in answer.result.files}
    assert list(paths) == [
        "trajectory-300K.extxyz.gz",
        "trajectory-600K.extxyz.gz",
        "ion-density.json",
        "ion-density.safetensors",
    ]
    with gzip.open(paths["trajectory-600K.extxyz.gz"], "rt", encoding="ascii") as stream:
        frames = read(stream, index=":", format="extxyz")
    n_ions = int((frames[0].symbols == "Li").sum())
    assert [frame.info["time_ps"] for frame in frames[:3]] == [0.0, 0.01, 0.02]
    assert len(frames) == 43
    grids = load_file(paths["ion-density.safetensors"])
    cell_A3 = abs(np.linalg.det(grids["cell_A"]))
    per_cell = grids["density_600K"].mean() * cell_A3
    assert per_cell == pytest.approx(n_ions * cell_A3 / frames[0].cell.volume, rel=1e-5)
    # What the oracle writes is what the service draws.
    drawn = read_densities(paths["ion-density.json"])
    assert answer.result.files[2].note.media_type == MEDIA_TYPE
    assert [run.temperature_K for run in drawn.runs] == [300.0, 600.0]
    assert {site.symbol for site in drawn.sites} == {"Cl"}
    seen = np.array(drawn.runs[1].along.c)
    np.testing.assert_allclose(seen, grids["density_600K"].mean(axis=2).T, rtol=1e-3)
    assert isinstance(again, Answer)
    assert again.result == answer.result, "whoever takes the look up again writes the same files"


def test_trajectories_are_thinned_to_what_is_asked(tmp_path: Path) -> None:
    settings = {**SETTINGS, "trajectory_MiB": 0.002}
    workbench = Workbench(tmp_path, lambda _: None)
    (first, *_) = build(settings).resume(REQUEST, workbench).files
    assert "a frame every" in first.note.description
    assert "(one of " in first.note.description
    assert located(tmp_path, first).stat().st_size < 0.004 * 2**20
    (densities, _) = build({**SETTINGS, "trajectory_MiB": 0}).resume(REQUEST, workbench).files
    assert densities.note.name == "ion-density.json"
