"""Problems in the words of pages."""

import pytest

from domain.errors import PermissionDeniedError
from domain.roles import Permission, Role
from services.access.principal import Principal
from services.access.roles import PERMISSIONS_OF_ROLE
from services.dashboard.problem_words import for_people

DENIED = [
    (role, permission) for role in Role for permission in Permission if permission not in PERMISSIONS_OF_ROLE[role]
]


def problem(detail, remedy, *errors):
    return {"title": "Unprocessable Entity", "status": 422, "detail": detail, "remedy": remedy, "errors": list(errors)}


@pytest.mark.parametrize(("role", "permission"), DENIED)
def test_whoever_may_not_is_told_what_without_a_permissions_name(role, permission) -> None:
    asking = Principal(1, "Vic is a viewer, whom", role, frozenset(), PERMISSIONS_OF_ROLE[role], token_id=None)
    with pytest.raises(PermissionDeniedError, match="is not allowed") as refused:
        asking.require(permission)
    told = for_people(problem(refused.value.problem, refused.value.remedy))
    assert " cannot " in told["detail"]
    assert f"'{permission.value}'" not in told["detail"]
    assert "Vic" not in told["detail"]


def test_viewers_cannot_start_campaigns() -> None:
    told = for_people(problem("vic is a viewer, whom 'campaign:run' is not allowed.", "Ask an administrator."))
    assert told["detail"] == "Viewers cannot start, pause or stop campaigns."


def test_an_address_that_means_nothing_is_said_so() -> None:
    error = {"field": "path.candidate_id", "message": "Input should be a valid integer"}
    told = for_people(problem("The request is not valid: …", "Correct them; /api/v1/openapi.json says how.", error))
    assert (told["detail"], told["errors"]) == ("There is nothing at this address.", [])


def test_what_was_asked_wrongly_is_named_without_its_place_in_the_request() -> None:
    error = {"field": "query.space_group", "message": "Input should be less than or equal to 230"}
    told = for_people(problem("The request is not valid: …", "Correct them; /api/v1/openapi.json says how.", error))
    assert [each["field"] for each in told["errors"]] == ["space_group"]
    assert "openapi" not in told["detail"] + told["remedy"]


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("There is no candidate number 7.", "There is no crystal number 7."),
        ("There is no query number 7.", "There is no look number 7."),
        ("The campaign has no round 8 (round_index 7).", "The campaign has no round 8."),
    ],
)
def test_things_are_called_as_pages_call_them(detail, expected) -> None:
    assert for_people(problem(detail, "List the candidates."))["detail"] == expected
    assert for_people(problem(detail, "List the candidates."))["remedy"] == "List the crystals."
