"""Passwords: what is refused as too weak, and how they are kept (argon2id)."""

import unicodedata
from typing import Final

from domain.errors import InvalidValueError

SHORTEST: Final = 12
LONGEST: Final = 1000
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$KQJ5gzyA+yPznjLcGMhWmQ$pROenFSKXOSKHZxrzoTFA5ZQe+BuFO5zkWuTnR7Tst4"
"""The hash of nobody's password: checking against it costs what checking against anybody's does."""


def hash_password(password: str, *, user_name: str) -> str:
    """Makes the hash that is kept; takes a noticeable part of a second on purpose.

    Raises:
        InvalidValueError: If the password is too short or too long, or is the user's name.
    """
    if len(password) < SHORTEST:
        raise InvalidValueError(
            f"The password has {len(password)} characters, fewer than {SHORTEST}.",
            remedy="Take several words: length is worth more than strange characters.",
        )
    if len(password) > LONGEST:
        raise InvalidValueError(f"The password is longer than {LONGEST} characters.", remedy="Take a shorter one.")
    if password.strip().casefold() == user_name.casefold():
        raise InvalidValueError("The password is the user's name.", remedy="Take one that nobody would try first.")
    from pwdlib import PasswordHash

    return PasswordHash.recommended().hash(_canonical(password))


def check_password(password: str, password_hash: str | None) -> bool:
    """Whether a password is the one that was hashed.

    Without a hash the answer is no and takes as long, so that nobody learns from the time which users there are.
    """
    from pwdlib import PasswordHash

    is_right = PasswordHash.recommended().verify(_canonical(password[: LONGEST + 1]), password_hash or _NOBODY)
    return is_right and password_hash is not None


def _canonical(password: str) -> bytes:
    # Keyboards differ in how they compose an é.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
