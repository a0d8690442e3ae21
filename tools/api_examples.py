"""Writes real answers of a service down as the examples of its OpenAPI document.

Run it when an answer has changed its form, or a route was added: `python tools/api_examples.py`. It walks through every
change as the test of the audit log does, then reads whatever can be read.
"""

import json
import runpy
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

import httpx

from domain.blueprint import Realization
from domain.json_value import JsonObject, JsonValue
from services.access.oidc_testing import unasked_provider
from services.access.principal import local_operator
from services.access.roles import Role
from services.api.app import PREFIX
from services.api.body_examples import BODY_EXAMPLES
from services.api.documentation import EXAMPLES_FILE, operations
from services.api.testing import Served, serving, timely
from services.logging import without_secrets

_WALK: Final = Path(__file__).parents[1] / "tests" / "integration" / "test_api_audit.py"
_FRESH: Final = "fresh"
_CAMPAIGNS: Final = ("first", "second", "third", "fourth")
_LONGEST: Final = 6_000
"""Characters: a longer answer, such as a figure, shows nothing that its description does not."""
_NAMES: Final = {
    "name": (_FRESH, *_CAMPAIGNS),
    "plot": ("best-by-money",),
    "oracle": ("potential",),
    "user": ("eve", "machine"),
    "group": ("petrology",),
}
_QUERY: Final = {
    "next_dates": {"kind": "interval", "expression": "6h"},
    "list_references": {"oracle": "potential", "oracle_version": "1", "settings_digest": "x"},
}


def main() -> None:
    """Writes the examples."""
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as served:
        served.app.state.service.stopping.set()  # streams end once they have told what there is
        served.app.state.service.identity_provider = unasked_provider()
        for name in _CAMPAIGNS:
            served.new_campaign(name)
        found = {operation: _short(answer) for operation, answer in _answers(served)}
    kept = {operation: example for operation, example in found.items() if len(json.dumps(example)) <= _LONGEST}
    text = json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False)
    for ours, anybodys in ((home, "/var/lib/petalite"), (local_operator().name, "os ann@laboratory")):
        text = text.replace(ours, anybodys)
    EXAMPLES_FILE.write_text(text + "\n", encoding="utf-8")


def _answers(served: Served) -> Iterator[tuple[str, JsonValue]]:
    yield from _changes(served)
    yield from _more_changes(served)
    yield from _readings(served)


def _changes(served: Served) -> Iterator[tuple[str, JsonValue]]:
    headers = served.acting_as(Role.ADMINISTRATOR)
    for operation, method, path, body in runpy.run_path(str(_WALK))["STEPS"]:
        if isinstance(body, bytes):
            files = {"file": ("table.csv", body, "text/csv")}
            answer = served.client.request(method, f"{PREFIX}/{path}", headers=headers, files=files)
        else:
            sent = timely(body or {}, served.store.now()) or None
            answer = served.client.request(method, f"{PREFIX}/{path}", headers=headers, json=sent)
        yield from _kept(operation, answer)


def _more_changes(served: Served) -> Iterator[tuple[str, JsonValue]]:
    """What the walk does not do, and what it leaves nothing of to read."""
    campaign = served.new_campaign(_FRESH)
    candidate = served.store.candidates.list(campaign.id)[0]
    sites = Realization(candidate.digest, "data_x", "pyxtal", 1, -3.5, "potential", is_relaxed=True)
    served.store.realizations.add(candidate.id, [sites])
    headers = served.acting_as(Role.ADMINISTRATOR)

    def post(path: str, body: JsonObject) -> httpx.Response:
        return served.client.post(f"{PREFIX}/{path}", headers=headers, json=body)

    post(f"campaigns/{_FRESH}/schedules", BODY_EXAMPLES["add_schedule"])
    claimed = post("queries/claim", {**BODY_EXAMPLES["claim_query"], "campaign": _FRESH}).json()["query"]
    beat = {"fence": claimed["fence"], "lease_s": 60}
    yield from _kept("heartbeat", post(f"queries/{claimed['id']}/heartbeat", beat))
    yield from _kept("validate_campaign", post("campaigns/validate", BODY_EXAMPLES["validate_campaign"]))


def _readings(served: Served) -> Iterator[tuple[str, JsonValue]]:
    headers = served.acting_as(Role.ADMINISTRATOR)
    for found in operations(served.app):
        if "GET" not in (found.methods or ()) or not (found.path_format or "").startswith(PREFIX):
            continue
        operation, names = str(found.name), list(found.param_convertors)
        for values in product(*(_NAMES.get(name, range(9)) for name in names)):
            path = (found.path_format or "").format(**dict(zip(names, values, strict=True)))
            answer = served.client.get(path, headers=headers, params=_QUERY.get(operation))
            told = list(_kept(operation, answer))
            if told and not _is_empty(told[0][1]):
                yield from told
                break


def _kept(operation: str, answer: httpx.Response) -> Iterator[tuple[str, JsonValue]]:
    if answer.is_success and answer.content and answer.headers["content-type"] == "application/json":
        yield operation, json.loads(without_secrets(answer.text))


def _is_empty(value: JsonValue) -> bool:
    return value == [] or (isinstance(value, dict) and value.get("items") == [])


def _short(value: JsonValue) -> JsonValue:
    """The first of a list, or of a page."""
    if isinstance(value, list):
        return value[:1]
    if isinstance(value, dict) and isinstance(items := value.get("items"), list):
        page: JsonObject = {**value, "items": items[:1]}
        return page
    return value


if __name__ == "__main__":
    main()
