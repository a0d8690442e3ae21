"""Specs to start from: those of docs/examples, which an installation carries with it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from domain.campaign import CampaignSpec
from domain.errors import NotFoundError
from domain.fidelity import AnsweredBy, Fidelity
from services.specs import read_spec

_INSTALLED: Final = Path(__file__).parent / "spec_examples"
"""Where pyproject.toml has them put."""
_IN_CHECKOUT: Final = Path(__file__).parents[2] / "docs" / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """A spec to start from, and what it asks for, so that nobody needs to read it to choose."""

    name: str
    spec: CampaignSpec

    @property
    def description(self) -> str:
        """What it is for, in one sentence."""
        return self.spec.description

    @property
    def ladder(self) -> tuple[tuple[Fidelity, str], ...]:
        """Its ways of looking, and who answers them."""
        return tuple((fidelity, _answered_by(fidelity)) for fidelity in self.spec.ladder)


def _answered_by(fidelity: Fidelity) -> str:
    if fidelity.is_laboratory:
        return "a laboratory"
    return "machines over REST" if fidelity.answered_by is AnsweredBy.MACHINES else "the worker here"


def example_names() -> tuple[str, ...]:
    """Names of the specs, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


@cache
def examples() -> tuple[Example, ...]:
    """The specs, those of small budgets first."""
    found = (Example(name, read_spec(example_text(name).encode(), Path(f"{name}.yaml"))) for name in example_names())
    return tuple(sorted(found, key=lambda example: (example.spec.budget.total, example.name)))


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
