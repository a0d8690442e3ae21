"""Generators by name: our own, and those that other packages register as entry points of `petalite.generators`."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Final, Protocol, TypeVar, cast

from domain.campaign import Component
from domain.errors import ConflictError, SpecError
from domain.json_value import JsonObject
from domain.parsing import parse
from domain.ports import Generator
from domain.search_space import SearchSpace
from generators.settings import CrystalGFNSettings, UniformSettings

T = TypeVar("T")

GROUP: Final = "petalite.generators"
"""An entry point names a `BuildGenerator`."""


class BuildGenerator(Protocol):
    """What another package's entry point names."""

    def __call__(self, settings: JsonObject, space: SearchSpace, *, seed: int) -> Generator:
        """Builds the generator.

        Args:
            settings: From the spec; unknown keys should be refused.
            space: What it may imagine.
            seed: Seed of its first weights.

        Raises:
            SpecError: If a setting is wrong.
            EmptySpaceError: If the search space holds no crystal.
        """
        ...


def require_generator(component: Component) -> None:
    """Refuses what no generator can be built from, and loads none.

    Another package's generator looks at its own settings when it is built.

    Raises:
        SpecError: If there is no such generator, or a setting of one of ours is wrong.
        ConflictError: If two packages register the same name.
    """
    if component.name in _SETTINGS:
        _settings(_SETTINGS[component.name], component)
    else:
        _registered(component)


def build_generator(component: Component, space: SearchSpace, *, seed: int) -> Generator:
    """Builds the generator that a campaign names.

    Args:
        component: Its name and settings.
        space: What it may imagine.
        seed: Seed of its first weights.

    Raises:
        SpecError: If there is no such generator, or a setting is wrong.
        EmptySpaceError: If the search space holds no crystal.
        ConflictError: If two packages register the same name.
    """
    if component.name in _BUILDERS:
        return _BUILDERS[component.name](component, space, seed)
    entry_point = _registered(component)
    try:
        build = cast("BuildGenerator", entry_point.load())
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"generator.name: '{component.name}' ({entry_point.value}) cannot be imported: {error}.",
            remedy="Install its package, with what it needs, wherever a worker of this store runs.",
        ) from error
    return build(component.settings, space, seed=seed)


def _registered(component: Component) -> EntryPoint:
    found = tuple(entry_points(group=GROUP, name=component.name))
    if not found:
        known = sorted({*_SETTINGS, *(entry_point.name for entry_point in entry_points(group=GROUP))})
        raise SpecError(
            f"generator.name: '{component.name}' is not a generator.",
            remedy=f"Choose one of {', '.join(known)}. Another package's must be installed first.",
        )
    if len({entry_point.value for entry_point in found}) > 1:
        raise ConflictError(
            f"The generator '{component.name}' is registered twice, as {found[0].value} and as {found[1].value}.",
            remedy="Uninstall one of the two packages, or rename its entry point.",
        )
    return found[0]


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
