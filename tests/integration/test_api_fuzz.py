"""Requests that nobody thought of, made from the API's own description: none is answered with a 500."""

import json
import os
import random
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.generation.stateful import run_state_machine_as_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.access.principal import local_operator
from services.access.roles import PERMISSIONS_OF_ROLE, Role
from services.access.tokens import create_token
from services.api.body_examples import BODY_EXAMPLES
from services.api.testing import Served, serving, timely
from services.store.database import utc_now

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ASKS_STRANGERS = "/api/v1/materials/imports"
DATA = Path(__file__).parents[1] / "data" / "uploads"
SEED = int(os.environ.get("PETALITE_TEST_SEED", "20"))
N_REQUESTS = int(os.environ.get("PETALITE_TEST_REQUESTS", "10000"))
"""Of the two long tests together."""
SHARE_OF_LINKS = 0.3
PER_SERVICE = 2000
"""Requests after which another service with an empty store goes on."""
STEPS = 40
QUIET = {"database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}
SPOILT = [
    float("nan"),
    float("inf"),
    -float("inf"),
    "\ud800",
    "a\0b",
    10**400,
    -1,
    0,
    2**63,
    1e308,
    5e-324,
    "",
    "x" * 20_000,
    "=1+1",
    "../../etc/passwd",
    None,
    True,
    [],
    {},
    [[]] * 50,
    json.loads("[" * 200 + "]" * 200),
]
SPOILT_TEXTS = ["", "nan", "-1", "9" * 400, "1e999", "x" * 5000, "a\0b", "\udcff", "é", "'", "../..", "[]", "true"]


@dataclass
class Fuzzed:
    """A service, somebody who may do everything, and what was answered."""

    served: Served
    statuses: Counter[int]
    known: dict[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    numbers: count = field(default_factory=count)

    def refresh(self):
        """Another token and another campaign, because some requests end tokens and campaigns."""
        scopes = PERMISSIONS_OF_ROLE[Role.ADMINISTRATOR]
        token = create_token(self.served.store, "administrator", label="fuzz", scopes=scopes, by=local_operator())
        self.headers = {"Authorization": f"Bearer {token.secret}"}
        campaign = self.served.new_campaign(f"fuzzed-{next(self.numbers)}", n_picks=5)
        queries = self.served.store.queries.list(campaign.id)
        self.known = {
            "name": campaign.name,
            "query_id": queries[self.statuses.total() % len(queries)].id,
            "candidate_id": queries[0].candidate_id,
            "index": 0,
            "group": "petrology",
            "user": "viewer",
            "oracle": "density",
        }

    def send(self, case):
        """Sends a request and checks its answer; None where a client cannot say it."""
        if self.statuses.total() % 25 == 0 or case.path_parameters.get("user") == "administrator":
            self.refresh()
            case.path_parameters.update({key: self.known[key] for key in {"user"} & case.path_parameters.keys()})
        try:
            sent = self.sent(case)
            answer = self.served.client.request(**sent)
        except (AttributeError, UnicodeEncodeError):
            return None
        if answer.status_code == 401:
            self.refresh()
        self.statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        return answer

    def send_variants(self, case, draw):
        """Sends a request as it was made, at something that exists, and with something spoilt."""
        self.send(case)
        case.path_parameters.update({key: self.known[key] for key in self.known.keys() & case.path_parameters.keys()})
        self.send(case)
        example = BODY_EXAMPLES.get(_name(case.operation))
        example = None if example is None else timely(example, utc_now())
        if example is None:
            query = [parameter.name for parameter in case.operation.query]
            case.query = {name: draw.choice(SPOILT_TEXTS) for name in query if draw.random() < 0.5}
            case.headers.update({"Idempotency-Key": draw.choice(SPOILT_TEXTS)})
            self.send(case)
            return
        case.query, case.media_type = {}, "application/json"
        for _ in range(2):
            case.body = _spoilt(example, draw.choice(list(_places(example))), draw.choice(SPOILT))
            self.send(case)

    def sent(self, case):
        sent = {key: value for key, value in case.as_transport_kwargs(base_url="http://petalite.test").items() if value}
        sent.pop("cookies", None)
        if case.media_type == "application/json" and case.body is not NOT_SET and not isinstance(case.body, bytes):
            # As other clients write it: numbers that are none, and half characters.
            sent.pop("json", None)
            sent.pop("data", None)
            sent["content"] = json.dumps(case.body)
        elif isinstance(sent.get("data"), str | bytes):
            sent["content"] = sent.pop("data")
        return {**sent, "headers": {**sent.get("headers", {}), **self.headers}}


@contextmanager
def fuzzing(home, statuses):
    with serving(home) as served:
        served.app.state.service.stopping.set()  # streams tell what there is and end
        fuzzed = Fuzzed(served, statuses)
        fuzzed.refresh()
        yield fuzzed


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("description")) as served:
        found = schemathesis.openapi.from_dict(served.client.get("/api/v1/openapi.json").json())
    found = found.exclude(path=ASKS_STRANGERS)

    @found.hook
    def before_generate_body(context, strategy):
        return st.one_of(strategy, _near_examples(context.operation))

    return found


def _near_examples(operation):
    """The body that the description shows, and the same with one thing spoilt."""
    if "multipart/form-data" in operation.get_request_payload_content_types():
        files = [path.read_bytes() for path in sorted(DATA.iterdir())]
        return st.fixed_dictionaries({"file": st.sampled_from(files)})
    example = timely(BODY_EXAMPLES.get(_name(operation), {}), utc_now())
    places = list(_places(example))
    spoilt = st.builds(_spoilt, st.just(example), st.sampled_from(places), st.sampled_from(SPOILT))
    return st.one_of(st.just(example), spoilt)


def _places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _places(item, (*path, key))


def _spoilt(value, path, replacement):
    if not path:
        return replacement
    changed = value.copy()
    changed[path[0]] = _spoilt(value[path[0]], path[1:], replacement)
    return changed


def _name(operation):
    return operation.definition.raw["operationId"]


def _ask_often(fuzzed, operation, n_examples, number):
    modes = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @seed(number)
    @settings(max_examples=n_examples, phases=[Phase.generate], **QUIET)
    @given(case=st.one_of(*modes), draw=st.integers(0, 2**32).map(random.Random))
    def ask(case, draw):
        fuzzed.send_variants(case, draw)

    ask()


def _follow_links(fuzzed, schema, n_scenarios, number):
    @seed(number)
    class Following(schema.as_state_machine()):
        def call(self, case, **keywords):
            answer = fuzzed.send(case)
            return reject() if answer is None else Response.from_any(answer)

        def validate_response(self, response, case, **keywords):
            """It was checked when it came."""

    run_state_machine_as_test(
        Following,
        settings=settings(max_examples=n_scenarios, stateful_step_count=STEPS, phases=[Phase.generate], **QUIET),
    )


def _n_examples(n_left):
    """For each operation; each example is sent about three and a half times."""
    return 1 + min(PER_SERVICE, n_left) // (97 * 4)


def _operations(schema):
    return [result.ok() for result in schema.get_all_operations()]


def test_no_request_makes_the_service_fall_over(schema, tmp_path):
    statuses = Counter()
    with fuzzing(tmp_path, statuses) as fuzzed:
        for operation in _operations(schema)[SEED % 3 :: 3]:
            _ask_often(fuzzed, operation, 1, SEED)
    assert statuses[200] > 10
    assert statuses[422] > 10


@pytest.mark.endurance
@pytest.mark.timeout(0)
def test_no_request_of_many_makes_the_service_fall_over(schema, tmp_path):
    wanted, statuses = int((1 - SHARE_OF_LINKS) * N_REQUESTS), Counter()
    for number in count():
        if statuses.total() >= wanted:
            break
        with fuzzing(tmp_path / str(number), statuses) as fuzzed:
            n_examples = _n_examples(wanted - statuses.total())
            for operation in _operations(schema):
                _ask_often(fuzzed, operation, n_examples, SEED + number)
    assert statuses[201] > 0.01 * wanted


@pytest.mark.endurance
@pytest.mark.timeout(0)
def test_no_request_of_many_that_follow_others_makes_the_service_fall_over(schema, tmp_path):
    wanted, statuses = int(SHARE_OF_LINKS * N_REQUESTS), Counter()
    for number in count():
        if statuses.total() >= wanted:
            break
        with fuzzing(tmp_path / str(number), statuses) as fuzzed:
            n_scenarios = 1 + min(PER_SERVICE, wanted - statuses.total()) // STEPS
            # What may follow depends on what was answered, so that a run of many can part from its own beginning.
            with suppress(FlakyStrategyDefinition):
                _follow_links(fuzzed, schema, n_scenarios, SEED + number)
    assert statuses[201] > 0.01 * wanted
