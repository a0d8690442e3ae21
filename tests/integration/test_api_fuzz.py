"""Requests that nobody thought of, made from the API's own description: none is answered with a 500."""

import os
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.testing import serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN = {"name": "fuzzed", "query_id": 3, "candidate_id": 1, "index": 0, "group": "petrology", "oracle": "density"}
"""Put into every second request, so that not all of them end with a 404."""
ASKS_STRANGERS = "/api/v1/materials/imports"
N_MANY = int(os.environ.get("PETALITE_TEST_REQUESTS", "10000"))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("fuzz")) as application:
        application.new_campaign("fuzzed")
        application.app.state.service.stopping.set()  # streams tell what there is and end
        yield application


@pytest.fixture(scope="module")
def operations(served):
    description = served.client.get("/api/v1/openapi.json").json()
    found = [result.ok() for result in schemathesis.openapi.from_dict(description).get_all_operations()]
    return [operation for operation in found if operation.path != ASKS_STRANGERS]


def _headers(served):
    # A new token for each operation, because some operations end tokens.
    scopes = PERMISSIONS_OF_ROLE[Role.ADMINISTRATOR]
    token = create_token(served.store, "administrator", label="fuzz", scopes=scopes, by=local_operator())
    return {"Authorization": f"Bearer {token.secret}"}


def _send(served, case, headers):
    sent = {key: value for key, value in case.as_transport_kwargs(base_url="http://petalite.test").items() if value}
    sent.pop("cookies", None)
    if isinstance(sent.get("data"), str | bytes):
        sent["content"] = sent.pop("data")
    sent["headers"] = {**sent.get("headers", {}), **headers}
    return served.client.request(**sent)


def _fuzz(served, operations, n_examples):
    statuses = Counter()
    for operation in operations:
        _ask_often(served, operation, n_examples, statuses)
    return statuses


def _ask_often(served, operation, n_examples, statuses):
    headers = _headers(served)

    @seed(20)
    @settings(
        max_examples=n_examples,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case):
        if statuses.total() % 2:
            case.path_parameters.update({key: KNOWN[key] for key in KNOWN.keys() & case.path_parameters.keys()})
        try:
            answer = _send(served, case, headers)
        except (AttributeError, UnicodeEncodeError):
            return  # what the client itself cannot send
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    ask()


def test_no_request_makes_the_service_fall_over(served, operations):
    statuses = _fuzz(served, operations, n_examples=2)
    assert statuses[200] > 10
    assert statuses[422] > 10
    assert not [status for status in statuses if status >= 500]


@pytest.mark.slow
def test_no_request_of_many_makes_the_service_fall_over(served, operations):
    statuses = _fuzz(served, operations, n_examples=N_MANY // len(operations) + 1)
    assert not [status for status in statuses if status >= 500]
