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


def _links() -> Iterator[Link]:
    for target in ("heartbeat", "release_query", "hand_in_measurement", "hand_in_failure"):
        yield Link("claim_query", 200, target, {"query_id": _CLAIMED}, _FENCE)
    for target in ("release_sample", "hand_in_result", "hand_in_laboratory_failure"):
        yield Link("claim_sample", 200, target, {"query_id": _SAMPLE})
    for source in ("hand_in_measurement", "hand_in_result", "amend_measurement", "retract_measurement"):
        for target in ("show_measurement", "amend_measurement", "retract_measurement"):
            yield Link(source, 201, target, {"measurement_id": _ID})
    for target in ("show_measurement", "amend_measurement", "retract_measurement", "list_artifacts_of_measurement"):
        yield Link("list_measurements", 200, target, {"measurement_id": _FIRST})
    for target in ("show_query", "approve_query", "deny_query", "claim_sample"):
        yield Link("list_queries", 200, target, {"query_id": _FIRST})
    for target in ("approve_query", "deny_query"):
        yield Link("list_approvals", 200, target, {"query_id": _FIRST})
    yield Link("list_laboratory_queries", 200, "claim_sample", {"query_id": "$response.body#/0/query_id"})
    for target in ("show_realization", "take_realization"):
        yield Link("list_realizations", 200, target, {"realization_id": "$response.body#/0/id"})
    yield Link("create_user", 201, "change_user", {"user": "$response.body#/name"})


LINKS: Final = tuple(_links())
