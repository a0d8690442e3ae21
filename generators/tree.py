"""The tree whose leaves are the crystals of a search space: its stages, its rollouts, and the way to blueprints.

Every leaf is reached in exactly one way (groups first, elements ascending, coordinates in order), so that the
backward policy is 1 and the log-probability of a crystal is the sum over its moves.

Legend: B states or crystals, E elements.
"""

import torch
from torch import Tensor

from domain.batch import BlueprintBatch
from domain.errors import GeneratorError
from domain.search_space import SearchSpace
from domain.space_groups import CellShape, SpaceGroup
from generators.cell_limits import CellLimits
from generators.cells import CellMap
from generators.feasibility import feasible_tables
from generators.moves import Exploration
from generators.policy import Encoder, Policy
from generators.stages.composition import CompositionStage
from generators.stages.lattice import LatticeStage
from generators.stages.space_group import SpaceGroupStage
from generators.stages.stage import Stage
from generators.states import States


class CrystalTree:
    """The crystals of a search space, imagined in stages."""

    def __init__(self, space: SearchSpace, *, n_components: int) -> None:
        """Builds the look-ahead tables and the stages.

        Args:
            space: The search space.
            n_components: Components of each lattice coordinate's mixture besides the uniform one.

        Raises:
            EmptySpaceError: If it holds no crystal.
            SpecError: If it is too large.
        """
        tables = feasible_tables(space)
        self.groups = tables.groups
        self.elements = tables.elements
        self.encoder = Encoder(len(tables.groups), len(tables.elements), tables.n_choices, tables.max_atoms)
        self.composition = CompositionStage(tables)
        self.stages: tuple[Stage, ...] = (
            SpaceGroupStage(len(tables.groups)),
            self.composition,
            LatticeStage(tables.groups, n_components=n_components),
        )
        self._numbers = torch.tensor(tables.groups)
        shapes = [SpaceGroup(number).cell_shape for number in tables.groups]
        self._maps = {shape: CellMap(CellLimits.of(space, shape)) for shape in CellShape if shape in shapes}
        self._shape = torch.tensor([list(self._maps).index(shape) for shape in shapes])

    def sample(
        self, policy: Policy, n_samples: int, *, exploration: Exploration, rng: torch.Generator
    ) -> tuple[States, Tensor]:
        """Draws leaves.

        Returns:
            B complete states, and the policy's own log-probability `[B]` float64 of each.
        """
        states = States.empty(n_samples, len(self.elements))
        log_probability = torch.zeros(n_samples, dtype=torch.float64)
        for stage in self.stages:
            states, log_moves = stage.sample(states, policy, exploration=exploration, rng=rng)
            log_probability = log_probability + log_moves
        return states, log_probability

    def log_probability(self, policy: Policy, states: States) -> Tensor:
        """Log-probability `[B]` float64 of complete states, differentiable in the policy."""
        log_probability = torch.zeros(len(states), dtype=torch.float64)
        for stage in self.stages:
            log_probability = log_probability + stage.log_probability(states, policy)
        return log_probability

    def to_batch(self, states: States) -> BlueprintBatch:
        """Turns complete states into blueprints."""
        lattice = torch.zeros(len(states), 6, dtype=torch.float64)
        n_atoms = states.counts.sum(dim=1)
        for index, cell_map in enumerate(self._maps.values()):
            rows = (self._shape[states.group] == index).nonzero().squeeze(1)
            if len(rows):
                lattice[rows] = cell_map.to_lattice(states.cube[rows], n_atoms[rows])
        return BlueprintBatch(self.elements, self._numbers[states.group], states.counts, lattice)

    def from_batch(self, batch: BlueprintBatch) -> States:
        """Turns blueprints of the search space into complete states.

        Raises:
            GeneratorError: If a blueprint lies outside of the search space.
        """
        is_group = batch.space_group[:, None] == self._numbers
        if batch.elements != self.elements or not bool(is_group.any(dim=1).all()):
            raise GeneratorError(
                f"Blueprints over elements {batch.elements} and groups {sorted(set(batch.space_group.tolist()))} are "
                "not all of the search space.",
                remedy="Leave out crystals with other elements or groups.",
            )
        states = States.empty(len(batch), len(self.elements))
        states = states.with_group(is_group.to(torch.int8).argmax(dim=1)).with_counts(batch.counts)
        self._require_allowed(states)
        cube = states.cube
        n_atoms = batch.counts.sum(dim=1)
        for index, cell_map in enumerate(self._maps.values()):
            rows = (self._shape[states.group] == index).nonzero().squeeze(1)
            if len(rows):
                cube[rows] = cell_map.to_cube(batch.lattice[rows], n_atoms[rows])
        if bool(cube.isnan().any()):
            raise GeneratorError(
                "The lattice of a blueprint lies outside of the search space.",
                remedy="Leave it out, or widen length_A, angle_deg or volume_per_atom_A3.",
            )
        return states.with_cube(cube)

    def _require_allowed(self, states: States) -> None:
        n_choices = self.composition.head.n_outputs
        fits = bool((states.counts < n_choices).all())
        if fits:
            allowed = self.composition.allowed(states)
            fits = bool(allowed.gather(2, states.counts[:, :, None]).all())
        if not fits:
            raise GeneratorError(
                "The composition of a blueprint is outside of the search space.",
                remedy="Leave it out: it is too large, not neutral, or does not fit the group's Wyckoff positions.",
            )
