"""Where a campaign looks: elements, sizes, groups and cells, as constraints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from domain.elements import element
from domain.errors import InvalidValueError
from domain.space_groups import SpaceGroup


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The crystals that a generator may imagine. Every sample satisfies every constraint."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    elements: tuple[str, ...]
    """Symbols to choose from."""
    space_groups: tuple[int, ...]
    """Numbers of the space groups to choose from."""
    required_elements: tuple[str, ...] = ()
    """Symbols that every crystal contains."""
    min_elements: int = 1
    """Fewest distinct elements in a crystal."""
    max_elements: int = 5
    """Most distinct elements in a crystal."""
    max_atoms: int = 20
    """Most atoms in the conventional cell."""
    max_atoms_per_element: int = 16
    """Most atoms of one element in the conventional cell."""
    oxidation_states: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Oxidation states by symbol where the common ones are not meant. Each element takes one in a crystal."""
    volume_per_atom_A3: tuple[float, float] = (6.0, 40.0)
    """Range of the volume per atom, Å³."""
    length_A: tuple[float, float] = (2.0, 30.0)
    """Range of every lattice length, Å."""
    angle_deg: tuple[float, float] = (60.0, 120.0)
    """Range of every free lattice angle, degrees."""

    def __post_init__(self) -> None:
        self._require_known_elements()
        self._require_known_groups()
        self._require_sizes()
        _require_range("volume_per_atom_A3", self.volume_per_atom_A3, low=0.0, high=1e4)
        _require_range("length_A", self.length_A, low=0.0, high=1e3)
        _require_range("angle_deg", self.angle_deg, low=0.0, high=180.0)

    @property
    def atomic_numbers(self) -> tuple[int, ...]:
        """Atomic numbers of the elements, ascending."""
        return tuple(sorted(element(symbol).atomic_number for symbol in self.elements))

    @property
    def groups(self) -> tuple[SpaceGroup, ...]:
        """The space groups, ascending in number."""
        return tuple(SpaceGroup(number) for number in sorted(self.space_groups))

    @property
    def allowed_oxidation_states(self) -> dict[str, tuple[int, ...]]:
        """Oxidation states by symbol: the campaign's where it names them, else the common ones."""
        return {
            symbol: tuple(self.oxidation_states.get(symbol, element(symbol).common_oxidation_states))
            for symbol in self.elements
        }

    def _require_known_elements(self) -> None:
        if not self.elements or len(set(self.elements)) != len(self.elements):
            raise InvalidValueError(
                f"elements must name at least one element, each once, not {list(self.elements)}.",
                remedy="List symbols such as [Li, O, Cl].",
            )
        for symbol in self.elements:
            element(symbol)
        for name, symbols in (
            ("required_elements", self.required_elements),
            ("oxidation_states", self.oxidation_states),
        ):
            strangers = sorted(set(symbols) - set(self.elements))
            if strangers:
                raise InvalidValueError(
                    f"{name} names {', '.join(strangers)}, which elements does not list.",
                    remedy=f"Add it to elements or take it out of {name}.",
                )

    def _require_known_groups(self) -> None:
        if not self.space_groups or len(set(self.space_groups)) != len(self.space_groups):
            raise InvalidValueError(
                f"space_groups must name at least one group, each once, not {list(self.space_groups)}.",
                remedy="List numbers such as [62, 166, 225].",
            )
        for number in self.space_groups:
            SpaceGroup(number)

    def _require_sizes(self) -> None:
        if not 1 <= self.min_elements <= self.max_elements:
            raise InvalidValueError(
                f"min_elements {self.min_elements} and max_elements {self.max_elements} leave no choice.",
                remedy="Give 1 <= min_elements <= max_elements.",
            )
        if self.max_atoms < 1 or self.max_atoms_per_element < 1:
            raise InvalidValueError(
                f"max_atoms {self.max_atoms} and max_atoms_per_element {self.max_atoms_per_element} leave no atom.",
                remedy="Allow at least 1 atom.",
            )


def _require_range(name: str, given: tuple[float, float], *, low: float, high: float) -> None:
    if not low < given[0] < given[1] < high:
        raise InvalidValueError(
            f"{name} {list(given)} is not a range between {low:g} and {high:g}.",
            remedy="Give the smaller number first and both inside.",
        )
