"""The declared ranges, the pins and what is installed tell the same story."""

import os
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


@pytest.fixture(scope="module")
def requirements(project):
    """Everything that pyproject names: the application, its extras and the build."""
    extras = project["project"]["optional-dependencies"].values()
    listed = [*project["project"]["dependencies"], *(entry for extra in extras for entry in extra)]
    return [Requirement(entry) for entry in [*listed, *project["build-system"]["requires"]]]


@pytest.fixture(scope="module")
def pins(root):
    """Version by name, as constraints.txt pins it."""
    lines = (line.split("#")[0].strip() for line in (root / "constraints.txt").read_text().splitlines())
    pinned = [Requirement(line) for line in lines if line]
    return {canonicalize_name(entry.name): _version(entry) for entry in pinned}


def _version(pin):
    (specifier,) = pin.specifier
    assert specifier.operator == "==", f"{pin} is no pin"
    return Version(specifier.version)


def _range(requirements, name):
    (specifier,) = [entry.specifier for entry in requirements if entry.name == name]
    return specifier


def test_every_dependency_is_pinned_within_its_range(requirements, pins):
    missing = sorted(entry.name for entry in requirements if canonicalize_name(entry.name) not in pins)
    assert missing == []
    outside = [f"{entry} but {pins[canonicalize_name(entry.name)]}" for entry in requirements if not _fits(entry, pins)]
    assert outside == []


def test_each_distribution_is_pinned_once(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    names = [canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names))


def test_torch_is_exact(requirements):
    """Anything looser pulls gigabytes of libraries for graphics cards."""
    assert str(_range(requirements, "torch")) == "==2.13.0"


def test_fastapi_stays_below_what_prefect_bears(requirements):
    allowed = _range(requirements, "fastapi")
    assert allowed.contains("0.150.0")
    assert not allowed.contains("0.151.0")


@pytest.mark.slow
def test_the_prefect_server_can_be_imported(tmp_path):
    """It cannot with a FastAPI that it does not bear, and says so only when a flow starts."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "from prefect.server.api.server import create_app"],
        env={**os.environ, "PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _fits(requirement, pins):
    return requirement.specifier.contains(pins[canonicalize_name(requirement.name)])
