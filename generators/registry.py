"""Generators by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from domain.campaign import Component
from domain.errors import SpecError
from domain.parsing import parse
from domain.ports import Generator
from domain.search_space import SearchSpace
from generators.settings import CrystalGFNSettings, UniformSettings

T = TypeVar("T")


def require_generator(component: Component) -> None:
    """Refuses what no generator can be built from, and loads none.

    Raises:
        SpecError: If there is no such generator, or a setting is wrong.
    """
    _settings(_known(component), component)


def build_generator(component: Component, space: SearchSpace, *, seed: int) -> Generator:
    """Builds the generator that a campaign names.

    Args:
        component: Its name and settings.
        space: What it may imagine.
        seed: Seed of its first weights.

    Raises:
        SpecError: If there is no such generator, or a setting is wrong.
        EmptySpaceError: If the search space holds no crystal.
    """
    _known(component)
    return _BUILDERS[component.name](component, space, seed)


def _known(component: Component) -> type[CrystalGFNSettings] | type[UniformSettings]:
    settings = _SETTINGS.get(component.name)
    if settings is None:
        raise SpecError(
            f"generator.name: '{component.name}' is not a generator.",
            remedy=f"Choose one of {', '.join(sorted(_SETTINGS))}.",
        )
    return settings


def _crystal_gfn(component: Component, space: SearchSpace, seed: int) -> Generator:
    settings = _settings(CrystalGFNSettings, component)
    from generators.crystal_gfn import CrystalGFN

    return CrystalGFN(space, settings, seed=seed)


def _uniform(component: Component, space: SearchSpace, seed: int) -> Generator:  # noqa: ARG001 - has no weights
    _settings(UniformSettings, component)
    from generators.uniform import UniformGenerator

    return UniformGenerator(space)


def _settings(cls: type[T], component: Component) -> T:
    return parse(cls, dict(component.settings), what="The campaign spec", prefix=("generator", "settings"))


_SETTINGS: Final[Mapping[str, type[CrystalGFNSettings] | type[UniformSettings]]] = MappingProxyType(
    {"crystal-gfn": CrystalGFNSettings, "uniform": UniformSettings}
)
_BUILDERS: Final[Mapping[str, Callable[[Component, SearchSpace, int], Generator]]] = MappingProxyType(
    {"crystal-gfn": _crystal_gfn, "uniform": _uniform}
)
