"""MACE networks without a program in them: numbers as safetensors, the architecture and the card as JSON.

A checkpoint as torch writes it runs whatever it says when it is read. These two files run nothing: the network is built
here from its architecture, then filled, and every number of it must find its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

from domain.digest import content_digest
from domain.elements import element
from domain.errors import InvalidValueError, OracleUnavailableError, PetaliteError
from domain.json_value import JsonValue
from domain.parsing import parse, to_json_object, to_json_value

if TYPE_CHECKING:
    from e3nn.o3 import Irreps
    from torch.nn import Module

FOLDER: Final = Path(__file__).with_name("shipped")
"""Where Petalite's own networks lie."""
_FORMAT: Final = 1
_ATOMIC_ENERGIES: Final = "atomic_energies_fn.atomic_energies"
_ARCHITECTURE: Final = "architecture"
"""Under this key the file with the numbers says for which architecture they were made."""

_LENGTH_BYTES: Final = 8
"""By which a file of safetensors begins: how long its header is."""

Use: TypeAlias = Literal["relaxation", "formation energy"]
"""What a card may forbid."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What mace needs to know to build a network; the names are mace's own where it has one."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    r_max: float
    num_bessel: int
    num_polynomial_cutoff: int
    max_ell: int
    interaction_cls: str
    interaction_cls_first: str
    num_interactions: int
    hidden_irreps: str
    MLP_irreps: str
    radial_MLP: tuple[int, ...]
    radial_type: str
    distance_transform: str
    correlation: int
    avg_num_neighbors: float
    pair_repulsion: bool
    elements: tuple[str, ...]
    """Symbols in the order of the network's species."""
    atomic_energies_eV: tuple[float, ...]
    """Of each of them, eV: what the network's own energy is added to."""
    scale_eV: float
    shift_eV: float
    dtype: str
    """In which the numbers are kept."""

    @property
    def digest(self) -> str:
        """Of all of it: some of these numbers change forces and stand nowhere among the weights."""
        return content_digest(to_json_value(self))


@dataclass(frozen=True, slots=True)
class PortableNetwork:
    """A network's description; its numbers lie beside it, in a file of the same name."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    format: int
    name: str
    architecture: Architecture
    weights_sha256: str
    licence: str
    card: Mapping[str, JsonValue]
    """Data, errors, speed and limits, as the card tells them to people."""

    def __post_init__(self) -> None:
        if self.format != _FORMAT:
            raise InvalidValueError(
                f"The network '{self.name}' has the format {self.format}; this version reads {_FORMAT}.",
                remedy="Update Petalite, or convert the checkpoint again.",
            )
        _ = self.unfit_for

    @property
    def unfit_for(self) -> tuple[Use, ...]:
        """What it must not be used for, which its card says.

        Raises:
            SpecError: If the card forbids something that nobody knows.
        """
        return parse(tuple[Use, ...], self.card.get("unfit_for", []), what=f"'unfit_for' in the card of '{self.name}'")

    @property
    def atomic_numbers(self) -> tuple[int, ...]:
        """Of the elements that it knows, in the order of its species."""
        return tuple(element(symbol).atomic_number for symbol in self.architecture.elements)


def read_portable(path: Path) -> PortableNetwork:
    """Reads a description.

    Raises:
        OracleUnavailableError: If there is none at the path, or it cannot be read.
    """
    try:
        return parse(PortableNetwork, json.loads(path.read_text()), what=f"The network {path.name}")
    except (OSError, ValueError, PetaliteError) as error:
        reason = error.problem if isinstance(error, PetaliteError) else str(error)
        raise OracleUnavailableError(
            f"The network {path} cannot be read: {reason}", remedy="Copy it again, with its .safetensors beside it."
        ) from error


def weights_path(path: Path) -> Path:
    """Where the numbers of a description lie."""
    return path.with_suffix(".safetensors")


def read_weights(network: PortableNetwork, path: Path) -> bytes:
    """Reads the numbers of the description at the path, which must be those that it names.

    Raises:
        OracleUnavailableError: If they are missing or others.
    """
    beside = weights_path(path)
    try:
        content = beside.read_bytes()
    except OSError as error:
        raise OracleUnavailableError(
            f"The weights of '{network.name}' are not at {beside}.", remedy="Copy both files of the network."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != network.weights_sha256:
        raise OracleUnavailableError(
            f"{beside} has the sha256 {found}, but {path.name} says {network.weights_sha256}.",
            remedy="Copy both files of the network again; they belong together.",
        )
    if _architecture_digest(content) != network.architecture.digest:
        raise OracleUnavailableError(
            f"The architecture in {path.name} is not the one that the numbers in {beside.name} were made for.",
            remedy="Copy both files of the network again; they belong together.",
        )
    return content


def _architecture_digest(content: bytes) -> str | None:
    """What a file of numbers says of its architecture, in the header of safetensors: a length, then JSON."""
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    try:
        header = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
        said: str = header["__metadata__"][_ARCHITECTURE]
    except (ValueError, KeyError, TypeError):
        return None
    return said


def build_network(network: PortableNetwork, weights: bytes) -> Module:
    """Builds the network with its numbers; to be called in a worker process only, because it imports mace.

    Raises:
        OracleUnavailableError: If the numbers do not fit the architecture.
    """
    import numpy as np
    import torch
    from mace import modules
    from safetensors.torch import load

    plan, numbers = network.architecture, load(weights)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, plan.dtype))
    try:
        model = modules.ScaleShiftMACE(
            r_max=plan.r_max,
            num_bessel=plan.num_bessel,
            num_polynomial_cutoff=plan.num_polynomial_cutoff,
            max_ell=plan.max_ell,
            interaction_cls=modules.interaction_classes[plan.interaction_cls],
            interaction_cls_first=modules.interaction_classes[plan.interaction_cls_first],
            num_interactions=plan.num_interactions,
            num_elements=len(plan.elements),
            hidden_irreps=_irreps(plan.hidden_irreps),
            MLP_irreps=_irreps(plan.MLP_irreps),
            # A row for each head where the trainer made heads, else none.
            atomic_energies=np.array(plan.atomic_energies_eV).reshape(numbers[_ATOMIC_ENERGIES].shape),
            avg_num_neighbors=plan.avg_num_neighbors,
            atomic_numbers=list(network.atomic_numbers),
            correlation=plan.correlation,
            gate=torch.nn.functional.silu,
            radial_MLP=list(plan.radial_MLP),
            radial_type=plan.radial_type,
            distance_transform=plan.distance_transform,
            pair_repulsion=plan.pair_repulsion,
            atomic_inter_scale=plan.scale_eV,
            atomic_inter_shift=plan.shift_eV,
        )
        model.load_state_dict(numbers, strict=True)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise OracleUnavailableError(
            f"The network '{network.name}' cannot be built: {reason}",
            remedy="Install the versions of mace-torch and e3nn that its card names, or train it again.",
        ) from error
    finally:
        torch.set_default_dtype(before)
    built: Module = model.eval()
    return built


def _irreps(text: str) -> Irreps:
    """What e3nn makes of a text. Its own import fails where mace was not imported before it."""
    from e3nn.o3 import Irreps

    return Irreps(text)


def write_portable(model: Module, folder: Path, *, name: str, licence: str, card: Mapping[str, JsonValue]) -> Path:
    """Writes a network of mace as two files, and returns the description's path.

    Args:
        model: `ScaleShiftMACE` with one head.
        folder: Where they go.
        name: Name of both files.
        licence: Of the numbers.
        card: Beside the architecture, in the description.

    Raises:
        InvalidValueError: If the network is of a kind that cannot be written so.
    """
    from safetensors.torch import save

    plan = architecture_of(model)
    numbers = {key: value.detach().cpu().clone().contiguous() for key, value in model.state_dict().items()}
    content = save(numbers, metadata={_ARCHITECTURE: plan.digest})
    network = PortableNetwork(_FORMAT, name, plan, hashlib.sha256(content).hexdigest(), licence, dict(card))
    # Whoever reads between the two finds the old network whole, or a hash that does not fit.
    path = folder / f"{name}.json"
    folder.mkdir(parents=True, exist_ok=True)
    for target, written in ((weights_path(path), content), (path, _as_json(network))):
        unfinished = target.with_name(f"{target.name}.unfinished")
        unfinished.write_bytes(written)
        unfinished.replace(target)
    return path


def _as_json(network: PortableNetwork) -> bytes:
    return json.dumps(to_json_object(asdict(network)), indent=1, ensure_ascii=False).encode() + b"\n"


def architecture_of(model: Module) -> Architecture:
    """Reads a network's architecture.

    Raises:
        InvalidValueError: If it has several heads, or is another network than `ScaleShiftMACE`.
    """
    from mace.tools.scripts_utils import extract_config_mace_model

    found = extract_config_mace_model(model)
    if "error" in found or len(found["heads"]) != 1:
        raise InvalidValueError(
            f"{type(model).__name__} cannot be written without pickle.", remedy="Give a ScaleShiftMACE with one head."
        )
    energies = found["atomic_energies"].reshape(-1)
    return Architecture(
        r_max=float(found["r_max"]),
        num_bessel=int(found["num_bessel"]),
        num_polynomial_cutoff=int(found["num_polynomial_cutoff"]),
        max_ell=int(found["max_ell"]),
        interaction_cls=found["interaction_cls"].__name__,
        interaction_cls_first=found["interaction_cls_first"].__name__,
        num_interactions=int(found["num_interactions"]),
        hidden_irreps=str(found["hidden_irreps"]),
        MLP_irreps=str(found["MLP_irreps"]),
        radial_MLP=tuple(int(width) for width in found["radial_MLP"]),
        radial_type=str(found["radial_type"]),
        distance_transform=str(found["distance_transform"]),
        correlation=int(found["correlation"]),
        avg_num_neighbors=float(found["avg_num_neighbors"]),
        pair_repulsion=bool(found["pair_repulsion"]),
        elements=tuple(_symbols(found["atomic_numbers"].tolist())),
        atomic_energies_eV=tuple(float(energy) for energy in energies),
        scale_eV=float(found["atomic_inter_scale"].reshape(-1)[0]),
        shift_eV=float(found["atomic_inter_shift"].reshape(-1)[0]),
        dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
    )


def _symbols(numbers: list[int]) -> list[str]:
    from domain.elements import Element

    return [Element(number).symbol for number in numbers]
