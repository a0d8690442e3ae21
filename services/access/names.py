"""What users and groups may be called."""

import re
from typing import Final

from domain.errors import InvalidValueError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")


def require_name(name: str, *, what: str) -> None:
    """Refuses a name that could be mistaken for another or for something else.

    Args:
        name: The name.
        what: Whose it is: "user" or "group".

    Raises:
        InvalidValueError: If it has other characters than small letters, digits and `._@-`, or more than 63.
    """
    if not _NAME.fullmatch(name):
        raise InvalidValueError(
            f"'{name[:80]}' cannot be a {what}'s name.",
            remedy="Take up to 63 small letters, digits and . _ @ -, a letter or digit first.",
        )
