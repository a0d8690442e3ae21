"""What the architecture tests walk over: every module that exists now."""

import ast
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Module(NamedTuple):
    """A module of the application."""

    name: str
    """Dotted import name."""
    path: str
    """Relative to the checkout, such as `oracles/running/worker.py`."""
    text: str
    tree: ast.Module


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def packages(project):
    """The top-level packages."""
    return project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.fixture(scope="session")
def modules(packages):
    return [_read(path) for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def _read(path):
    relative = path.relative_to(ROOT)
    parts = relative.with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text()
    return Module(name=name, path=relative.as_posix(), text=text, tree=ast.parse(text))
