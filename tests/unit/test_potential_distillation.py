"""Crystals and configurations that a potential is taught: what is held out, what is bent, and what is left out."""

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidValueError, OracleUnavailableError, SpecError
from oracles.potentials.distillation.crystals import (
    TaughtCrystal,
    held_out_systems,
    repeated,
    substituted,
    with_splits,
    without_rare_elements,
)
from oracles.potentials.distillation.distortions import distorted, key_of
from oracles.potentials.distillation.labelling import require_teacher
from oracles.potentials.distillation.preparing import configurations, marked_as, read_files, taught_crystals
from oracles.potentials.distillation.recipe import CrystalRecipe, DistortionRecipe, Recipe, read_recipe
from oracles.potentials.distillation.stages import Workplace, recipe_named
from oracles.structures import contact_ratios, to_cif

SALTS = [(cation, anion) for cation in ("Li", "Na", "K") for anion in ("F", "Cl", "Br", "I")]


def crystals() -> list[TaughtCrystal]:
    return [
        TaughtCrystal(f"{cation}{anion}", bulk(cation + anion, "rocksalt", a=5.5, cubic=True), "salts", "file")
        for cation, anion in SALTS
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for crystal in crystals():
        (tmp_path / f"{crystal.name}.cif").write_text(to_cif(crystal.atoms))
    return tmp_path


def plan(**changes: object) -> Recipe:
    given = {"min_atoms": 8, "held_out": 0.2, "validation": 0.1, "min_systems": 1, "has_references": False, **changes}
    return Recipe(name="tiny", seed=3, teacher="emt", crystals=CrystalRecipe(**given))  # type: ignore[arg-type]


@given(st.integers(0, 2**40), st.floats(0.0, 0.5))
@settings(max_examples=30, deadline=None)
def test_no_crystal_of_a_held_out_system_is_taught_and_no_element_loses_its_last_systems(seed: int, share: float):
    recipe = CrystalRecipe(held_out=share, validation=0.1, min_systems=1)
    drawn = held_out_systems(crystals(), recipe, seed=seed)
    marked = with_splits(crystals(), drawn)
    taught = {crystal.system for crystal in marked if crystal.split == "train"}
    assert not taught & set(drawn)
    assert {symbol for system in taught for symbol in system.split("-")} == {s for salt in SALTS for s in salt}


def test_what_is_made_of_crystals_is_dropped_where_its_system_is_held_out():
    made = [replace(crystal, origin="substituted") for crystal in crystals()]
    marked = with_splits([*crystals(), *made], {"Cl-Li": "test"})
    assert [c.origin for c in marked if c.system == "Cl-Li"] == ["file"]
    assert len(marked) == 2 * len(SALTS) - 1


def test_elements_that_too_few_systems_would_teach_are_left_out():
    rare = TaughtCrystal("CsAu", bulk("CsAu", "cesiumchloride", a=4.2), "", "file")
    kept = without_rare_elements([*crystals(), rare], CrystalRecipe(min_systems=2))
    assert {crystal.name for crystal in kept} == {crystal.name for crystal in crystals()}


def test_substitution_gives_new_systems_and_cells_that_follow_the_elements_size():
    recipe = CrystalRecipe(substitutes=(("F", "Cl", "Br", "I"), ("Li", "Na")), n_substituted=4)
    made = substituted(crystals()[:1], recipe, seed=5)
    assert made == [] or all(crystal.system != "F-Li" for crystal in made)
    larger = [crystal for crystal in made if crystal.system == "I-Li"]
    assert len(made) == 4
    assert all(crystal.atoms.cell.volume > crystals()[0].atoms.cell.volume for crystal in larger)


def test_small_cells_are_repeated_along_their_shortest_vectors():
    cell = repeated(bulk("LiCl", "rocksalt", a=5.1), 8)
    assert len(cell) == 8
    assert max(cell.cell.lengths()) <= 2 * min(cell.cell.lengths()) + 1e-9


def test_bent_crystals_are_the_same_for_the_same_seed_and_others_for_another():
    crystal = crystals()[0].atoms
    first, again, other = (
        [key_of(atoms) for _, atoms in distorted(crystal, DistortionRecipe(), seed=seed, name="x")]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first[0] == other[0]  # at rest
    assert not set(first[1:]) & set(other[1:])


def test_one_pair_is_pushed_together_and_no_further_than_asked():
    made = distorted(crystals()[1].atoms, DistortionRecipe(most=6), seed=4, name="y")
    nearest = [contact_ratios(atoms)[0] for kind, atoms in made if kind == "close"]
    assert nearest
    assert all(0.5 < ratio < 0.85 for ratio in nearest)


def test_a_configuration_keeps_its_key_when_it_is_written_and_read(tmp_path: Path):
    from oracles.potentials.distillation.preparing import read_configurations, write_configurations

    frames = configurations(crystals()[:2], plan())
    write_configurations(tmp_path / "frames.xyz", frames)
    read = read_configurations(tmp_path / "frames.xyz")
    assert [atoms.info["key"] for atoms in read] == [atoms.info["key"] for atoms in frames]
    assert [len(atoms) for atoms in read] == [len(atoms) for atoms in frames]


def test_atoms_inside_each_other_are_not_shown_to_a_teacher():
    recipe = replace(plan(), distortions=DistortionRecipe(close_ratio=(0.2, 0.3), most=6))
    kinds = {atoms.info["kind"] for atoms in configurations(crystals(), recipe)}
    assert "rest" in kinds
    assert "close" not in kinds


def test_files_come_from_a_folder_or_an_archive_with_their_families(folder: Path, tmp_path: Path):
    table = tmp_path / "table.csv"
    table.write_text("ID,Family\nLiF,halides\n")
    archive = tmp_path / "all.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for path in sorted(folder.glob("*.cif")):
            file.add(path, f"inside/{path.name}")
    read = read_files(archive, table)
    assert read == read_files(folder, table)
    assert [(file.name, file.family) for file in read if file.family] == [("LiF", "halides")]
    with pytest.raises(InvalidValueError, match="no CIF in"):
        read_files(tmp_path / "nothing")


def test_crystals_of_files_are_taught_or_held_out_and_broken_ones_are_told(folder: Path):
    (folder / "broken.cif").write_text("this is no crystal")
    said: list[str] = []
    taught = taught_crystals(read_files(folder), plan(), report=said.append)
    assert {crystal.split for crystal in taught} == {"train", "valid", "test"}
    assert any(line.startswith("broken: left out.") for line in said)
    marked = marked_as(taught[0].atoms, taught[0], "rest")
    assert marked.info["split"] == taught[0].split


def test_where_nothing_is_left_that_is_said(folder: Path):
    with pytest.raises(InvalidValueError, match="No crystal is left"):
        taught_crystals(read_files(folder), plan(excluded_elements=("F", "Cl", "Br", "I")), report=lambda _: None)


def test_a_folder_stays_its_recipes(tmp_path: Path):
    recipe = tmp_path / "own.yaml"
    recipe.write_text("{name: own, seed: 1}")
    python = tmp_path / "python"
    Workplace.opened(tmp_path / "work", recipe, teacher_python=python)
    recipe.write_text("{name: own, seed: 1, notes: [Not for wool.], unfit_for: [relaxation]}")
    Workplace.opened(tmp_path / "work", recipe, teacher_python=python)
    recipe.write_text("{name: own, seed: 2}")
    with pytest.raises(InvalidValueError, match="another recipe's work"):
        Workplace.opened(tmp_path / "work", recipe, teacher_python=python)


def test_recipes_are_found_by_name_or_path_and_bad_ones_refused(tmp_path: Path):
    assert read_recipe(recipe_named("petalite-li-1")).name == "petalite-li-1"
    with pytest.raises(SpecError, match="no recipe 'nothing'"):
        recipe_named("nothing")
    bad = tmp_path / "bad.yaml"
    bad.write_text("{name: own, seed: 1, colour: blue}")
    with pytest.raises(SpecError, match="colour: unknown key"):
        read_recipe(recipe_named(str(bad)))
    bad.write_text("{name: 'a/b', seed: 1}")
    with pytest.raises(SpecError, match="cannot name a potential"):
        read_recipe(bad)


def test_a_missing_teacher_is_told_with_how_to_install_it(tmp_path: Path):
    with pytest.raises(OracleUnavailableError, match="needs an environment of its own") as missing:
        require_teacher(replace(plan(), teacher="sevennet"), tmp_path / "python")
    assert "install_teacher.sh" in missing.value.remedy
    assert np.isfinite(plan().seed)
