"""What secrets look like: `petalite_`, a letter for the kind, 30 random characters, 6 that catch mistyping.

The prefix lets scanners find a secret that was published by accident, and the checksum (CRC-32, base 62) lets a
misspelt one be refused without asking anybody. 30 characters of 62 hold 178 bits, so that a plain SHA-256 of the whole
is as hard to turn back as the secret is to guess.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

_MARK: Final = "petalite_"
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_N_RANDOM: Final = 30
_N_CHECK: Final = 6
_N_PREFIX: Final = 8


class SecretKind(StrEnum):
    """What a secret opens."""

    TOKEN = "t"  # noqa: S105 - a letter, no password
    SESSION = "s"
    INVITATION = "i"
    PASSWORD = "p"  # noqa: S105 - a letter, too


_SHAPE: Final = re.compile(
    rf"{_MARK}(?P<kind>[{''.join(SecretKind)}])(?P<random>[{_ALPHABET}]{{{_N_RANDOM}}})[{_ALPHABET}]{{{_N_CHECK}}}"
)


@dataclass(frozen=True, slots=True)
class Secret:
    """What is known of a secret that is not misspelt, without the secret itself."""

    kind: SecretKind
    prefix: str
    """The first of its random characters: names it where the rest must not be shown."""
    hash: str
    """What is kept of it: SHA-256 in 64 hexadecimal digits."""

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Recognises a secret; None for anything else, a misspelt one included."""
        found = _SHAPE.fullmatch(text)
        if found is None or not hmac.compare_digest(text[-_N_CHECK:], _checksum(text[:-_N_CHECK])):
            return None
        return cls(SecretKind(found["kind"]), found["random"][:_N_PREFIX], _hash(text))

    def is_hashed_as(self, secret_hash: str) -> bool:
        """Whether this is the secret of which a hash was kept; takes equally long for any answer."""
        return hmac.compare_digest(self.hash, secret_hash)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret that was just drawn."""

    text: str = field(repr=False)
    """Itself, to be shown once."""
    prefix: str
    hash: str


def new_secret(kind: SecretKind) -> NewSecret:
    """Draws a secret that nobody can guess."""
    characters = "".join(secrets.choice(_ALPHABET) for _ in range(_N_RANDOM))
    unchecked = f"{_MARK}{kind.value}{characters}"
    text = unchecked + _checksum(unchecked)
    return NewSecret(text, characters[:_N_PREFIX], _hash(text))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(text: str) -> str:
    left = zlib.crc32(text.encode())
    digits = []
    for _ in range(_N_CHECK):
        left, digit = divmod(left, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
