"""Who is told what: the notification file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import yaml

from domain.digest import content_digest
from domain.errors import InvalidValueError, SpecError
from domain.parsing import parse
from services.notifications.notes import Note, NoteKind


@dataclass(frozen=True, slots=True)
class Target:
    """Where notes go. The address is a secret: whoever knows it can write there."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    url: str = field(repr=False)
    """`https://…` for a signed webhook, else what apprise understands, such as `mailtos://…` or `slack://…`."""
    name: str = ""
    """What it is called in logs."""
    kinds: tuple[NoteKind, ...] = (NoteKind.LABORATORY, NoteKind.APPROVAL, NoteKind.FINISHED, NoteKind.FAILING)
    campaigns: tuple[str, ...] = ()
    """Only notes of these; none named: of all."""
    groups: tuple[int, ...] = ()
    """Only notes of campaigns of these groups, by number; none named: of all."""
    secret: str = field(default="", repr=False)
    """Key of a webhook's signature."""
    is_private_allowed: bool = False
    """Whether a webhook may go to an address inside your own network, or by http."""

    def __post_init__(self) -> None:
        if "://" not in self.url:
            raise InvalidValueError("A target's url has no scheme.", remedy="Begin it with https://, mailtos:// or so.")
        if self.is_webhook and not self.secret:
            raise InvalidValueError(
                "A webhook has no secret.", remedy="Give it one, so that the receiver can check who writes."
            )
        if self.url.startswith("http://") and not self.is_private_allowed:
            raise InvalidValueError(
                "A webhook's url begins with http://, which everybody on the way can read.",
                remedy="Use https://, or set is_private_allowed: true for an address of your own network.",
            )

    @property
    def is_webhook(self) -> bool:
        """Whether notes are posted as signed JSON."""
        return self.url.startswith(("https://", "http://"))

    @property
    def title(self) -> str:
        """What to call it without giving the address away."""
        return self.name or f"{urlsplit(self.url).scheme} {self.key[:8]}"

    @property
    def key(self) -> str:
        """Names it by its address, so that a changed one begins anew."""
        return content_digest({"url": self.url})[:32]

    def wants(self, note: Note) -> bool:
        """Whether a note is for this target."""
        if note.kind is NoteKind.TEST:
            return True
        is_listed = not self.campaigns or note.campaign in self.campaigns
        return note.kind in self.kinds and is_listed and (not self.groups or note.group_id in self.groups)


@dataclass(frozen=True, slots=True)
class NotificationFile:
    """The whole file."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    targets: tuple[Target, ...]


def load_targets(path: Path) -> tuple[Target, ...]:
    """Reads the notification file.

    Raises:
        SpecError: If it cannot be read or is not understood; its addresses and secrets are not repeated.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(
            f"The notification file {path} cannot be read: {error.strerror}.", remedy="Check PETALITE_NOTIFY_FILE."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError):
        # Without the cause: it would repeat the line, and the line may hold a password.
        raise SpecError(f"The notification file {path} is not YAML.", remedy="Check its indentation.") from None
    if not isinstance(data, Mapping):
        raise SpecError(
            f"The notification file {path} holds no targets.", remedy="Write it as docs/operations.md shows."
        )
    return parse(NotificationFile, data, what=f"The notification file {path.name}").targets
