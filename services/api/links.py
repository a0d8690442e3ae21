"""Which answers lead to which requests, as the OpenAPI document says it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.json_value import JsonObject

_ID: Final = "$response.body#/id"
_CLAIMED: Final = "$response.body#/query/id"
_FENCE: Final = {"fence": "$response.body#/query/fence"}
_FIRST: Final = "$response.body#/items/0/id"
_SAMPLE: Final = "$request.path.query_id"


_LISTED: Final = (
    (
        "list_measurements",
        ("measurement_id", _FIRST),
        ("show_measurement", "amend_measurement", "retract_measurement", "list_artifacts_of_measurement"),
    ),
    ("list_queries", ("query_id", _FIRST), ("show_query", "approve_query", "deny_query", "claim_sample")),
    ("list_approvals", ("query_id", _FIRST), ("approve_query", "deny_query")),
    ("list_laboratory_queries", ("query_id", "$response.body#/items/0/query_id"), ("claim_sample",)),
    ("list_realizations", ("realization_id", "$response.body#/0/id"), ("show_realization", "take_realization")),
    (
        "list_material_measurements",
        ("material_measurement_id", _FIRST),
        ("show_material_measurement", "amend_material_measurement", "retract_material_measurement"),
    ),
    (
        "list_reference_history",
        ("reference_id", _FIRST),
        ("show_reference", "retract_reference_energy", "replace_reference_energy"),
    ),
)
"""Lists, the parameter that their first item gives with its place in the answer, and what it may be given to."""


@dataclass(frozen=True, slots=True)
class Link:
    """One answer from which another request can be made."""

    source: str
    """The operation that is answered."""
    status: int
    """Of the answer."""
    target: str
    """The operation that can follow."""
    parameters: Mapping[str, str]
    """Where its parameters are found: expressions of the OpenAPI specification."""
    body: Mapping[str, str] = field(default_factory=dict)
    """The same of its body; what is not named is the caller's own."""

    @property
    def description(self) -> JsonObject:
        """The link object of the specification."""
        body = {"requestBody": dict(self.body)} if self.body else {}
        return {"operationId": self.target, "parameters": dict(self.parameters), **body}


def _after_claims() -> Iterator[Link]:
    for target in ("heartbeat", "release_query", "hand_in_measurement", "hand_in_failure"):
        yield Link("claim_query", 200, target, {"query_id": _CLAIMED}, _FENCE)
    for target in ("release_sample", "hand_in_result", "hand_in_laboratory_failure"):
        yield Link("claim_sample", 200, target, {"query_id": _SAMPLE})


def _after_answers() -> Iterator[Link]:
    for source in ("hand_in_measurement", "hand_in_result", "amend_measurement", "retract_measurement"):
        for target in ("show_measurement", "amend_measurement", "retract_measurement"):
            yield Link(source, 201, target, {"measurement_id": _ID})
    yield Link("create_user", 201, "change_user", {"user": "$response.body#/name"})


def _from_lists() -> Iterator[Link]:
    for source, (parameter, place), targets in _LISTED:
        for target in targets:
            yield Link(source, 200, target, {parameter: place})


LINKS: Final = (*_after_claims(), *_after_answers(), *_from_lists())
