"""The second stage: how many atoms of each element, in ascending order of atomic number.

Legend: B states, E elements, C choices of a count, W words of a charge set, N rows in which there is a choice.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from generators.charges import Shift
from generators.look_ahead import LookAhead
from generators.moves import Exploration, draw_choice, log_choice, picked
from generators.policy import Head, Policy
from generators.states import UNSET, States


@dataclass(frozen=True, slots=True)
class _Progress:
    """What the future depends on after some elements (see `look_ahead`)."""

    site: Tensor
    """`[B]` or `[B, C]`."""
    n_atoms: Tensor
    n_elements: Tensor
    charges: Tensor
    """`[B, W]` or `[B, C, W]`."""

    def after(self, choice: Tensor) -> "_Progress":
        """Picks the progress that a choice `[B]` leads to."""
        rows = torch.arange(len(choice))
        return _Progress(
            self.site[rows, choice],
            self.n_atoms[rows, choice],
            self.n_elements[rows, choice],
            self.charges[rows, choice],
        )


@dataclass(frozen=True, slots=True)
class _Shifts:
    """How charges grow for each count and each oxidation state of one element, one entry per state."""

    source: Tensor
    """`[C, W]` word that is moved; W stands for an empty one."""
    carry: Tensor
    """`[C, W]` word whose upper bits are carried."""
    kept: Tensor
    """`[C, 1]`."""
    up: Tensor
    down: Tensor


class CompositionStage:
    """E choices of a count, each among those from which a crystal of the search space can be completed."""

    def __init__(self, tables: LookAhead) -> None:
        self._n_elements = len(tables.elements)
        self._n_choices = tables.n_choices
        self._max_atoms = tables.max_atoms
        self._max_elements = tables.max_elements
        self._start = torch.from_numpy(tables.start)
        self._next_site = torch.from_numpy(tables.next_site)
        self._permitted = torch.from_numpy(tables.permitted)
        self._completable = torch.from_numpy(tables.completable)
        self._zero_charge = torch.from_numpy(tables.charges.zero)
        self._charge_mask = torch.from_numpy(tables.charges.mask)
        self._shifts = tuple(
            tuple(_shifts(state, tables.n_choices, tables.charges.n_words) for state in states or (0,))
            for states in tables.oxidation_states
        )

    @property
    def head(self) -> Head:
        """E steps of C logits."""
        return Head("composition", n_steps=self._n_elements, n_outputs=self._n_choices)

    def sample(
        self, states: States, policy: Policy, *, exploration: Exploration, rng: torch.Generator
    ) -> tuple[States, Tensor]:
        """See `Stage.sample`."""
        counts = states.counts.clone()
        log_probability = torch.zeros(len(states), dtype=torch.float64)
        progress = self._beginning(states.group)
        for element in range(self._n_elements):
            options, allowed = self._options(progress, element)
            choice = allowed.to(torch.int8).argmax(dim=1)
            free = (allowed.sum(dim=1) > 1).nonzero().squeeze(1)
            if len(free):
                partial = states.with_counts(counts).select(free)
                logits = policy.outputs(self.head, partial, torch.full_like(free, element))
                choice[free] = draw_choice(logits, allowed[free], exploration=exploration, rng=rng)
                log_probability[free] += picked(log_choice(logits, allowed[free]), choice[free])
            counts[:, element] = choice
            progress = options.after(choice)
        return states.with_counts(counts), log_probability

    def log_probability(self, states: States, policy: Policy) -> Tensor:
        """See `Stage.log_probability`. All steps of all states go through the policy at once."""
        allowed = self.allowed(states)
        row, step = (allowed.sum(dim=2) > 1).nonzero(as_tuple=True)
        undecided = torch.arange(self._n_elements) >= step[:, None]
        before = States(
            group=states.group[row],
            counts=states.counts[row].masked_fill(undecided, UNSET),
            cube=torch.full_like(states.cube[row], UNSET),
        )
        logits = policy.outputs(self.head, before, step)
        log_moves = picked(log_choice(logits, allowed[row, step]), states.counts[row, step])
        return torch.zeros(len(states), dtype=torch.float64).index_add(0, row, log_moves)

    def allowed(self, states: States) -> Tensor:
        """Which counts are allowed at each step, `[B, E, C]` bool, as far as the steps before it are decided."""
        masks = []
        progress = self._beginning(states.group)
        for element in range(self._n_elements):
            options, allowed = self._options(progress, element)
            masks.append(allowed)
            progress = options.after(states.counts[:, element].clamp(min=0))
        return torch.stack(masks, dim=1)

    def _beginning(self, group: Tensor) -> _Progress:
        none = torch.zeros_like(group)
        return _Progress(self._start[group], none, none, self._zero_charge.expand(len(group), -1))

    def _options(self, progress: _Progress, element: int) -> tuple[_Progress, Tensor]:
        """Where each count of an element leads, and which counts are allowed, `[B, C]` bool."""
        count = torch.arange(self._n_choices)
        n_atoms = progress.n_atoms[:, None] + count
        n_elements = progress.n_elements[:, None] + (count > 0)
        site = self._next_site[progress.site]
        charges = self._grown(progress.charges, element)
        fits = (n_atoms <= self._max_atoms) & (n_elements <= self._max_elements) & self._permitted[element]
        completable = self._completable[
            element + 1, site, n_atoms.clamp(max=self._max_atoms), n_elements.clamp(max=self._max_elements)
        ]
        allowed = fits & (charges & completable).any(dim=2)
        return _Progress(site, n_atoms, n_elements, charges), allowed

    def _grown(self, charges: Tensor, element: int) -> Tensor:
        """Charges `[B, W]` after each count of an element, over all its oxidation states, `[B, C, W]`."""
        padded = torch.nn.functional.pad(charges, (0, 1))
        grown = torch.zeros(len(charges), self._n_choices, charges.shape[1], dtype=torch.int64)
        for shift in self._shifts[element]:
            grown |= (padded[:, shift.source] & shift.kept) << shift.up
            grown |= padded[:, shift.carry] >> shift.down
        return grown & self._charge_mask


def _shifts(oxidation_state: int, n_choices: int, n_words: int) -> _Shifts:
    shifts = [Shift.by(count * oxidation_state) for count in range(n_choices)]
    word = torch.arange(n_words)
    step = torch.tensor([shift.step for shift in shifts])[:, None]
    return _Shifts(
        source=_within(word - step, n_words),
        carry=_within(word - step - 1, n_words),
        kept=torch.tensor([shift.kept for shift in shifts])[:, None],
        up=torch.tensor([shift.up for shift in shifts])[:, None],
        down=torch.tensor([shift.down for shift in shifts])[:, None],
    )


def _within(word: Tensor, n_words: int) -> Tensor:
    return torch.where((word >= 0) & (word < n_words), word, n_words)
