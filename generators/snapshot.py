"""Files of what a generator learned: safetensors with a digest of what it belongs to, written atomically."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from domain.digest import content_digest
from domain.errors import GeneratorError
from domain.json_value import JsonValue

_DIGEST = "digest"
_REMEDY = "Train the generator anew, or give back the campaign's own file."


def identity_digest(version: str, space: JsonValue, settings: JsonValue) -> str:
    """Names what a file belongs to: generator version, search space and settings."""
    return content_digest({"version": version, "space": space, "settings": settings})


def write_snapshot(path: Path, tensors: Mapping[str, Tensor], *, digest: str) -> None:
    """Writes tensors so that the path holds either the old file or the whole new one."""
    from safetensors.torch import save

    content = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, {_DIGEST: digest})
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        partial = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def read_snapshot(path: Path, *, digest: str) -> dict[str, Tensor]:
    """Reads what `write_snapshot` wrote.

    Raises:
        GeneratorError: If the file is missing or damaged, or belongs to something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise GeneratorError(f"{path} cannot be read as a generator's weights ({error}).", remedy=_REMEDY) from error
    if metadata.get(_DIGEST) != digest:
        raise GeneratorError(
            f"{path} belongs to another search space, other settings or another version of the generator.",
            remedy=_REMEDY,
        )
    return tensors
