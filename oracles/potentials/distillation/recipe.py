"""The recipe of a potential: everything that determines it, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from domain.errors import InvalidValueError, SpecError
from domain.parsing import parse
from oracles.potentials.portable import Use

TeacherName = Literal["sevennet", "chgnet", "emt"]


@dataclass(frozen=True, slots=True)
class CrystalRecipe:
    """Which crystals are taught, and which are kept for the examination."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    max_atoms: int = 100
    """Largest cell that is taken."""
    min_atoms: int = 10
    """Smaller cells are repeated: in them too many distances are equal."""
    max_per_system: int = 4
    """Crystals of the same elements that are taken from the files at most."""
    held_out: float = 0.12
    """Share of the chemical systems of the files that are never trained on: the examination."""
    validation: float = 0.05
    """Share of them by which training is watched."""
    min_systems: int = 3
    """Chemical systems that an element must be taught in; crystals of rarer elements are left out."""
    excluded_elements: tuple[str, ...] = ()
    """Elements that are left out however often they occur."""
    substitutes: tuple[tuple[str, ...], ...] = ()
    """Groups of elements of which one may stand for another."""
    n_substituted: int = 0
    """Crystals that are made by putting similar elements in place of some."""
    n_generated: int = 0
    """Crystals that the uniform generator imagines."""
    has_references: bool = True
    """Whether the elements themselves are taught, which formation energies are counted from."""


@dataclass(frozen=True, slots=True)
class DistortionRecipe:
    """How crystals are bent before a teacher says what it thinks of them."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    atoms_per_crystal: int = 120
    """Configurations of a crystal together have about so many atoms ..."""
    fewest: int = 2
    """... but are never fewer than this ..."""
    most: int = 6
    """... nor more than this ..."""
    most_generated: int = 3
    """... nor than this where nobody has made the crystal."""
    rattles_A: tuple[float, float] = (0.02, 0.3)
    """Range of the standard deviation by which atoms are moved."""
    strain: float = 0.04
    """Standard deviation of each component of the strain."""
    volumes: tuple[float, float] = (0.82, 1.2)
    """Range of the volume, relative to the crystal's."""
    close_ratio: tuple[float, float] = (0.55, 0.8)
    """Range to which one pair is pushed together, as a share of the sum of its covalent radii."""


@dataclass(frozen=True, slots=True)
class ExplorationRecipe:
    """Molecular dynamics by an early student: what it visits is what it must know."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    epochs: int = 8
    """For which the early student is trained."""
    temperatures_K: tuple[float, ...] = (300.0, 700.0, 1100.0, 1500.0)
    n_steps: int = 150
    timestep_fs: float = 2.0
    frames: int = 3
    """Frames of a run that the teacher is asked about."""
    max_crystals: int = 150


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """The network, and how mace's own trainer trains it."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    channels: int = 32
    max_degree: int = 0
    correlation: int = 2
    n_interactions: int = 2
    cutoff_A: float = 5.0
    batch_size: int = 5
    epochs: int = 40
    second_stage_from: int = 30
    """Epoch from which energies weigh more."""
    learning_rate: float = 0.01
    decay: float = 0.95
    """Factor of the learning rate from epoch to epoch."""
    max_force_eV_A: float = 25.0
    """Configurations with larger forces are left out: no teacher was taught them."""
    mean_neighbours: float = 40.0
    """By which sums over neighbours are divided; one number for the whole training, whatever is added to it."""
    check_every: int = 1
    """Epochs between looks at the validation's errors."""


@dataclass(frozen=True, slots=True)
class EnduranceRecipe:
    """Hot runs that show whether molecular dynamics goes on."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    temperature_K: float = 1000.0
    duration_ps: float = 10.0
    held_out: int = 3
    """Crystals of the examination that are run."""
    taught: int = 3
    max_atoms: int = 40


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines a potential, but the crystals' files."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    seed: int
    teacher: TeacherName = "sevennet"
    teacher_model: str = "7net-0"
    crystals: CrystalRecipe = field(default_factory=CrystalRecipe)
    distortions: DistortionRecipe = field(default_factory=DistortionRecipe)
    exploration: ExplorationRecipe = field(default_factory=ExplorationRecipe)
    training: TrainingRecipe = field(default_factory=TrainingRecipe)
    endurance: EnduranceRecipe = field(default_factory=EnduranceRecipe)
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where the crystals come from and under which licence, for the card."""
    notes: tuple[str, ...] = ()
    """What else whoever uses the potential must know, for the card."""
    unfit_for: tuple[Use, ...] = ()
    """What is refused with it, by its card."""

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").replace("_", "").isalnum():
            raise InvalidValueError(
                f"'{self.name}' cannot name a potential.", remedy="Use letters, digits, hyphens and underscores."
            )


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe from a YAML file.

    Raises:
        SpecError: If there is no such file, or it is no recipe.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SpecError(f"The recipe {path} cannot be read: {error}.", remedy="Give a YAML file.") from error
    return parse(Recipe, data, what=f"The recipe {path}")
