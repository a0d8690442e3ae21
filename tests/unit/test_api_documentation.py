"""What the OpenAPI document shows as answers are answers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from services.api.app import PREFIX, create_app
from services.api.documentation import EXAMPLES_FILE
from services.settings import load_settings

REMEDY = "run: python tools/api_examples.py"
LEAST_SHARE = 0.75
"""Some answers are too long to show, or need an identity provider or a session."""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict:
    home = tmp_path_factory.mktemp("documented")
    return create_app(load_settings({"PETALITE_HOME": str(home)})).openapi()


def answers(document: dict) -> Iterator[tuple[str, dict]]:
    """What each operation of the API answers in JSON where all went well."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                content = response.get("content", {}).get("application/json")
                if path.startswith(PREFIX) and status.startswith("2") and content:
                    yield operation["operationId"], content


def test_the_answers_that_are_shown_fit_their_schemas(document: dict) -> None:
    shown = [(operation, content) for operation, content in answers(document) if "example" in content]
    assert shown
    for operation, content in shown:
        schema = {**content["schema"], "components": document["components"]}
        problems = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
        assert problems == [], f"{operation}: {REMEDY}"


def test_most_answers_are_shown(document: dict) -> None:
    operations = dict(answers(document))
    missing = [operation for operation, content in operations.items() if "example" not in content]
    assert len(missing) <= (1 - LEAST_SHARE) * len(operations), f"{missing}: {REMEDY}"
    assert set(json.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))) <= set(operations), REMEDY


def test_no_secret_is_shown() -> None:
    assert "petalite_" not in Path(EXAMPLES_FILE).read_text(encoding="utf-8")
