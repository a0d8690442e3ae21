"""Who is let in as what by what the identity provider says of them: a map that is data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import yaml

from domain.errors import InvalidValueError, SpecError
from domain.json_value import JsonObject
from domain.parsing import parse
from services.access.roles import Role


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody is here for as long as the provider says so."""

    role: Role
    groups: frozenset[str]
    """Names of groups."""


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """What one value of the claim gives."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    value: str
    role: Role
    groups: tuple[str, ...] = ()
    """Names of groups; they have to exist."""


@dataclass(frozen=True, slots=True)
class ClaimMap:
    """What the provider's word is worth here. Whomever no rule fits is not let in by it."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    claim: str
    """Name of a claim of the identity token that holds a text or a list of texts, such as `groups`."""
    rules: tuple[ClaimRule, ...]
    """The first that fits says the role; groups are those of all that fit."""
    name_claim: str = "preferred_username"
    """Name of the claim from which a new user's name is taken."""
    may_make_administrators: bool = False
    """Whether a rule may make administrators."""

    def __post_init__(self) -> None:
        if not self.rules:
            raise InvalidValueError("The claim map has no rules.", remedy="Give at least one, or do without the map.")
        makes_administrators = any(rule.role is Role.ADMINISTRATOR for rule in self.rules)
        if makes_administrators and not self.may_make_administrators:
            raise InvalidValueError(
                "A rule of the claim map makes administrators.",
                remedy="Choose another role, or say may_make_administrators: true if the provider is to decide that.",
            )

    def grant(self, claims: JsonObject) -> Grant | None:
        """What somebody with these claims is here for; None for nothing."""
        held = claims.get(self.claim)
        values = held if isinstance(held, list) else [held]
        fitting = [rule for rule in self.rules if rule.value in values]
        if not fitting:
            return None
        return Grant(fitting[0].role, frozenset(group for rule in fitting for group in rule.groups))

    def user_name(self, claims: JsonObject) -> str:
        """What a new user with these claims is to be called; empty where the provider does not say."""
        name = claims.get(self.name_claim)
        return name.strip().lower() if isinstance(name, str) else ""


def load_claim_map(path: Path) -> ClaimMap:
    """Reads the file of a claim map.

    Raises:
        SpecError: If it cannot be read or is not understood.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(
            f"The claim map {path} cannot be read: {error.strerror}.", remedy="Check PETALITE_OIDC_CLAIM_MAP_FILE."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SpecError(f"The claim map {path} is not YAML.", remedy="Check its indentation.") from error
    if not isinstance(data, Mapping):
        raise SpecError(f"The claim map {path} is empty.", remedy="Write it as docs/access.md shows.")
    return parse(ClaimMap, data, what=f"The claim map {path.name}")
