"""Sets of total charges as rows of bits, so that one word answers for 63 charges at once.

Legend: W words of a set. Charge q of a set that reaches from -Q to Q is bit q + Q; bit i is bit i mod 63 of word i
div 63. The sign bit stays free, since torch has no unsigned shift.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

BITS: Final = 63
"""Charges in a word."""

Words = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shift:
    """How every charge of a set grows by the same amount.

    Word w becomes `((old[w - step] & kept) << up) | (old[w - step - 1] >> down)`, cut to `mask[w]`.
    """

    step: int
    up: int
    down: int
    kept: int

    @classmethod
    def by(cls, charge: int) -> "Shift":
        """The shift by a charge of either sign."""
        step, up = divmod(charge, BITS)
        return cls(step=step, up=up, down=BITS - up, kept=(1 << (BITS - up)) - 1)


@dataclass(frozen=True, slots=True)
class ChargeRange:
    """The charges from -largest to largest. Others are forgotten, as no completion brings them back to zero."""

    largest: int

    @classmethod
    def of(cls, states: tuple[tuple[int, ...], ...], n_atoms: int) -> "ChargeRange":
        """The range that matters for crystals of up to `n_atoms` atoms with these oxidation states by element.

        With a atoms placed, |q| <= a·p for the highest state p, and the n_atoms - a others of lowest state -n must
        undo it. The largest of such q is n_atoms·p·n / (p + n).
        """
        highest = max((state for element in states for state in element), default=0)
        lowest = -min((state for element in states for state in element), default=0)
        if highest <= 0 or lowest <= 0:
            return cls(0)
        return cls(n_atoms * highest * lowest // (highest + lowest))

    @property
    def n_words(self) -> int:
        """Words that hold a set."""
        return -(-(2 * self.largest + 1) // BITS)

    @property
    def zero(self) -> Words:
        """The set of charge zero alone, `[W]`."""
        words = np.zeros(self.n_words, dtype=np.int64)
        words[self.largest // BITS] = 1 << (self.largest % BITS)
        return words

    @property
    def mask(self) -> Words:
        """Every charge of the range, `[W]`."""
        everything = (1 << (2 * self.largest + 1)) - 1
        words = [(everything >> (BITS * word)) & ((1 << BITS) - 1) for word in range(self.n_words)]
        return np.array(words, dtype=np.int64)

    def shifted(self, words: Words, charge: int) -> Words:
        """Adds a charge to every charge of many sets, `[..., W]`."""
        shift = Shift.by(charge)
        moved = (_moved(words, shift.step) & shift.kept) << shift.up
        carried = _moved(words, shift.step + 1) >> shift.down
        shifted: Words = (moved | carried) & self.mask
        return shifted


def _moved(words: Words, step: int) -> Words:
    """Moves whole words along the last axis and fills up with empty ones."""
    n_words = words.shape[-1]
    moved = np.zeros_like(words)
    if step >= 0:
        moved[..., step:] = words[..., : max(0, n_words - step)]
    else:
        moved[..., :step] = words[..., -step:]
    return moved
