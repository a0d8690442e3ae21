"""Content digests and seeds: the same content always has the same name and the same randomness."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Final

from domain.errors import InvalidValueError
from domain.json_value import JsonValue

SEED_BITS = 63
"""Seeds fit a signed 64-bit integer, which is what SQL stores and torch accepts."""

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: JsonValue) -> str:
    """Writes a value as JSON with sorted keys and no spaces, the same on every machine.

    Raises:
        InvalidValueError: If a number is not finite, which JSON cannot express.
    """
    try:
        return _CANONICAL.encode(value)
    except ValueError:
        require_finite(value)
        raise


def content_digest(value: JsonValue) -> str:
    """Names a value by its content: the SHA-256 of its canonical JSON, in 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def derive_seed(*parts: str | int) -> int:
    """Derives a seed in [0, 2^63) from what it is for, so that a repeated step repeats its randomness."""
    return int(content_digest(list(parts))[:16], 16) >> (64 - SEED_BITS)


def require_finite(value: JsonValue) -> None:
    """Refuses a number that JSON cannot express, however deep in a value it is.

    Raises:
        InvalidValueError: If a number is not finite.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValueError(f"The number {value} cannot be stored.", remedy="Give a finite number.")
    if isinstance(value, Mapping):
        for item in value.values():
            require_finite(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            require_finite(item)
