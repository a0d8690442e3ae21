"""What the pages for readers name is there: files, anchors, pictures, commands, routes, specs, and a whole plug-in."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from domain.blueprint import Blueprint
from domain.campaign import Component
from domain.errors import ConflictError, SpecError
from domain.parsing import parse, to_json_object
from domain.search_space import SearchSpace
from generators.registry import build_generator, require_generator
from generators.testing import check_generator
from oracles.registry import build_oracle
from oracles.testing import require_oracle_contract, rock_salt
from services.api.app import PREFIX, create_app
from services.cli.main import app
from services.settings import load_settings
from services.specs import load_spec
from services.uploads.formulas import amounts_of, whole_counts

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) +(/[\w/{}.-]+)")
NAMED_FILE = re.compile(r"^`([\w./]+)`\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
OUTSIDE = {"/login", "/join", "/new-password", f"{PREFIX}/openapi.json"}
"""Pages, and the description itself."""
FILE_COMMAND = "file"
"""What `petalite upload` takes a file for."""
COMMANDS = get_command(app)
EXAMPLE_SPACE = SearchSpace(elements=("Li", "Na", "O", "Cl"), space_groups=(166, 221, 225), max_atoms=8)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, *languages: str) -> Iterator[str]:
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield text


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (page.parent / path) if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    assert lost == []


def test_pictures_that_pages_show_are_kept_and_no_others() -> None:
    shown = {
        Path(target).name
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if target.endswith(".jpg")
    }
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8")
    assert set(re.findall(r"^!/docs/images/(\S+)$", ignored, re.MULTILINE)) == shown


@pages
def test_commands_and_their_options_exist(page: Path) -> None:
    unknown = [line for text in blocks(page, "") for line in command_lines(text) if not is_known(line)]
    assert unknown == []


def command_lines(text: str) -> Iterator[str]:
    """Lines that call Petalite, without what follows in a pipe or a comment."""
    for line in text.replace("\\\n", " ").splitlines():
        found = re.match(r"(?:\.venv/bin/)?petalite ([^#|>&…]*)", line.strip())
        if found and found[1]:
            yield found[1]


def subcommands(command: object) -> Mapping[str, TyperCommand]:
    return command.commands if isinstance(command, TyperGroup) else {}


def is_known(line: str) -> bool:
    command = COMMANDS
    for word in shlex.split(line.partition(";")[0]):
        if word.startswith("--") and len(word) > 2:
            options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            if word.partition("=")[0] not in options:
                return False
        elif word in subcommands(command):
            command = subcommands(command)[word]
        elif command is COMMANDS:
            return False
        elif "." in word and FILE_COMMAND in subcommands(command):
            command = subcommands(command)[FILE_COMMAND]
    return True


@pages
def test_blocks_can_be_read_and_specs_can_be_run(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "json"):
        json.loads(text)
    for text in blocks(page, "toml"):
        tomllib.loads(text)
    for text in blocks(page, "yaml"):
        document = yaml.safe_load(text)
        if isinstance(document, dict) and {"name", "ladder"} <= set(document):
            path = tmp_path / "spec.yaml"
            path.write_text(text, encoding="utf-8")
            assert load_spec(path).name == document["name"]


@pages
def test_campaigns_that_commands_name_are_examples(page: Path) -> None:
    examples = {path.stem for path in (ROOT / "docs" / "examples").glob("*.yaml")}
    named = set(re.findall(r"--campaign ([a-z][\w.-]*)", page.read_text(encoding="utf-8")))
    assert named <= examples


def test_the_claim_that_is_shown_is_one_of_the_example() -> None:
    spec = load_spec(ROOT / "docs" / "examples" / "pellets.yaml")
    shown = (json.loads(text) for text in blocks(ROOT / "docs" / "machines.md", "json"))
    claim = next(document for document in shown if "blueprint" in document)
    rung = spec.fidelities.fidelity(claim["query"]["fidelity"])
    assert claim["query"]["campaign"] == spec.name
    assert claim["query"]["settings_digest"] == rung.settings_digest
    assert claim["fidelity"] == to_json_object(rung)
    assert claim["objective"] == to_json_object(spec.objective)
    blueprint = parse(Blueprint, claim["blueprint"], what="The blueprint of the page")
    assert {found.symbol for found in blueprint.composition.elements} <= set(spec.space.elements)
    assert blueprint.space_group.number in {group.number for group in spec.space.groups}
    low, high = spec.space.volume_per_atom_A3
    assert low <= blueprint.volume_per_atom_A3 <= high


def test_samples_that_are_shown_are_in_the_space_of_the_example() -> None:
    space = load_spec(ROOT / "docs" / "examples" / "pellets.yaml").space
    text = (ROOT / "docs" / "laboratory.md").read_text(encoding="utf-8")
    formulas = re.findall(r"│ \d+, ((?:[A-Z][a-z]?\d+)+),", text)
    assert len(formulas) == 2
    for formula in formulas:
        counts = whole_counts(amounts_of(formula))
        assert counts is not None
        assert set(counts) <= set(space.elements)
        assert sum(counts.values()) <= space.max_atoms


def test_routes_that_pages_name_exist(tmp_path: Path) -> None:
    document = create_app(load_settings({"PETALITE_HOME": str(tmp_path)})).openapi()
    known = {(method.upper(), pattern(path)) for path, operations in document["paths"].items() for method in operations}
    named = {
        (page.name, method, path.rstrip("."))
        for page in PAGES
        for method, path in ROUTE.findall(page.read_text(encoding="utf-8"))
        if path not in OUTSIDE
    }
    lost = [
        (name, method, path)
        for name, method, path in sorted(named)
        if not any(method == one and re.fullmatch(shape, path.removeprefix(PREFIX)) for one, shape in known)
    ]
    assert lost == []


def pattern(path: str) -> str:
    """What matches a route, with names or numbers in place of its parameters."""
    return re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(path.removeprefix(PREFIX)))


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package of docs/extending.md as an installer would leave it."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    files = dict(NAMED_FILE.findall(page))
    (tmp_path / "petalite_example").mkdir()
    (tmp_path / "petalite_example" / "__init__.py").touch()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    metadata = tmp_path / "petalite_example-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("plugin")
def test_the_plugin_that_is_shown_keeps_its_contracts(tmp_path: Path) -> None:
    require_oracle_contract(build_oracle("electronegativity", {}), rock_salt())
    weights = tmp_path / "weights"
    weights.mkdir()
    check_generator(lambda: build_generator(Component("cubic"), EXAMPLE_SPACE, seed=0), EXAMPLE_SPACE, weights)


def test_the_oracle_that_is_shown_is_as_short_as_the_page_says(plugin: Path) -> None:
    source = (plugin / "petalite_example" / "oracle.py").read_text(encoding="utf-8")
    assert len([line for line in source.splitlines() if line.strip()]) <= 40


def test_a_generator_that_two_packages_register_is_refused(plugin: Path) -> None:
    other = plugin / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[petalite.generators]\ncubic = other:build\n")
    with pytest.raises(ConflictError, match="'cubic' is registered twice"):
        require_generator(Component("cubic"))


def test_a_generator_that_cannot_be_imported_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "gone-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gone\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[petalite.generators]\ngone = gone_for_good:build\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SpecError, match=r"'gone' .* cannot be imported: No module named 'gone_for_good'"):
        build_generator(Component("gone"), EXAMPLE_SPACE, seed=0)
