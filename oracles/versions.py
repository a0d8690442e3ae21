"""Version strings that say what determines a number."""

from importlib.metadata import PackageNotFoundError, version


def versions_of(*distributions: str) -> str:
    """Names installed distributions with their versions, such as `ase 3.29.0, spglib 2.8.0`; a missing one says so."""
    return ", ".join(f"{name} {_version(name)}" for name in distributions)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "missing"
