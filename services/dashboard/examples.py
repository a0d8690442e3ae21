"""Specs to start from: those of docs/examples, which an installation carries with it."""

from pathlib import Path
from typing import Final

from domain.errors import NotFoundError

_INSTALLED: Final = Path(__file__).parent / "spec_examples"
"""Where pyproject.toml has them put."""
_IN_CHECKOUT: Final = Path(__file__).parents[2] / "docs" / "examples"


def example_names() -> tuple[str, ...]:
    """Names of the specs, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def example_text(name: str) -> str:
    """The YAML of a spec.

    Raises:
        NotFoundError: If there is none of that name.
    """
    if name not in example_names():
        raise NotFoundError(f"There is no example '{name[:63]}'.", remedy=f"Choose {' or '.join(example_names())}.")
    return (_folder() / f"{name}.yaml").read_text(encoding="utf-8")


def _folder() -> Path:
    return _INSTALLED if _INSTALLED.is_dir() else _IN_CHECKOUT
