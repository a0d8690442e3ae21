"""Who may know whom, and what must stay unloaded."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ["torch", "botorch", "gpytorch", "pymatgen", "pyxtal", "mace", "chgnet"]
RUN_BY_ALEMBIC = {"services.store.migrations.env"}
"""Cannot be imported outside of a migration."""
ONLY_IN_WORKERS = {"mace", "chgnet"}
"""Importing them switches off safe loading of tensors for the whole process."""

IMPORT_AND_REPORT = """
import importlib, json, os, sys
names, unwanted = json.loads(sys.argv[1])
loaded = {}
for name in names:
    importlib.import_module(name)
    for other in unwanted:
        if other in sys.modules:
            loaded.setdefault(other, name)
print(json.dumps([loaded, os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")]))
"""


def _import_and_report(names, unwanted, home):
    """Imports modules in a fresh process; tells which unwanted ones came along, and by whom first."""
    assert names
    environment = {key: value for key, value in os.environ.items() if key != "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT_AND_REPORT, json.dumps([names, unwanted])],
        env={**environment, "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _names(modules, *packages):
    return [module.name for module in modules if module.name.split(".")[0] in packages]


def test_the_import_rules_hold(root, tmp_path):
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--cache-dir", tmp_path], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_domain_needs_no_framework(modules, tmp_path):
    names = [
        name for name in _names(modules, "domain") if name != "domain.batch" and not name.startswith("domain.testing")
    ]
    unwanted = [*HEAVY, "numpy", "ase", "spglib", "sqlalchemy", "alembic", "prefect", "fastapi", "typer", "hypothesis"]
    loaded, _ = _import_and_report(names, unwanted, tmp_path)
    assert loaded == {}


def test_services_stay_light(modules, tmp_path):
    names = [name for name in _names(modules, "services") if name not in RUN_BY_ALEMBIC]
    loaded, _ = _import_and_report(names, HEAVY, tmp_path)
    assert loaded == {}


SERVE = """
import json, os, sys
from services.dashboard.app import create_service
from services.settings import load_settings
service = create_service(load_settings({"PETALITE_HOME": os.environ["PREFECT_HOME"]}))
service.openapi()
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_the_process_that_serves_loads_nothing_that_computes(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SERVE],
        env={**os.environ, "PREFECT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded.isdisjoint({*HEAVY, "prefect", "ase", "flows", "generators", "surrogates", "oracles"})


def test_oracles_are_listed_without_their_software(modules, tmp_path):
    names = [name for name in _names(modules, "oracles") if name != "oracles.testing"]
    loaded, _ = _import_and_report([*names, "generators.registry", "surrogates.registry"], [*HEAVY, "gpaw"], tmp_path)
    assert loaded == {}


def test_modules_that_cannot_be_imported_are_there(modules):
    assert set(_names(modules, "services")) >= RUN_BY_ALEMBIC


def test_safe_loading_of_tensors_stays_on(modules, tmp_path):
    names = _names(modules, "generators", "surrogates", "oracles", "flows")
    loaded, switched_off = _import_and_report(names, sorted(ONLY_IN_WORKERS), tmp_path)
    assert loaded == {}
    assert switched_off is None


def test_potentials_are_imported_inside_functions(modules):
    offenders = [
        f"{module.path}:{line}"
        for module in modules
        for line, name in _module_level_imports(module.tree)
        if name.split(".")[0] in ONLY_IN_WORKERS
    ]
    assert offenders == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import mace", ["mace"]),
        ("from mace.calculators import mace_mp", ["mace.calculators"]),
        ("try:\n    import chgnet\nexcept ImportError:\n    pass", ["chgnet"]),
        ("class A:\n    import mace", ["mace"]),
        ("if x:\n    import mace\nelse:\n    import chgnet", ["mace", "chgnet"]),
        ("def f():\n    import mace", []),
        ("async def f():\n    import mace", []),
        ("if TYPE_CHECKING:\n    import mace", []),
    ],
)
def test_module_level_imports_are_found(source, expected):
    assert [name for _, name in _module_level_imports(ast.parse(source))] == expected


def _module_level_imports(tree):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""
        elif not _is_skipped(node):
            yield from _module_level_imports(node)


def _is_skipped(node):
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
