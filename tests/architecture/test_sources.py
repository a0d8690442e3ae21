"""What no module of the application may contain."""

import ast

import pytest

LONGEST_MODULE = 400
MAY_SWALLOW_ANY_ERROR = {"oracles/running/worker.py", "services/api/trail.py", "services/store/group_commit.py"}
"""The boundaries to foreign code, where failures become data, and the writer, which hands errors to whoever waits.

Each entry is needed, or the test fails.
"""
PICKLING_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
PICKLING_CALLS = {"torch.load", "torch.save", "numpy.save", "np.save", "pandas.read_pickle", "pd.read_pickle"}
NAIVE_CALLS = {"utcnow", "utcfromtimestamp", "today"}
ZONE_ARGUMENT = {"now": 1, "fromtimestamp": 2}
"""Calls of datetime that need a time zone, and the number of arguments with one."""


def _offenders(modules, find):
    return [f"{module.path}:{node.lineno}" for module in modules for node in find(module.tree)]


def test_modules_fit_in_one_sitting(modules):
    lengths = {module.path: len(module.text.splitlines()) for module in modules}
    assert {path: n_lines for path, n_lines in lengths.items() if n_lines > LONGEST_MODULE} == {}


def test_each_package_is_typed(root, packages):
    assert [package for package in packages if not (root / package / "py.typed").exists()] == []


def test_every_list_of_packages_is_the_same(project, packages):
    assert project["tool"]["importlinter"]["root_packages"] == packages
    assert project["tool"]["mypy"]["packages"] == packages


def test_nothing_is_asserted(modules):
    """Contract checks that ship with a port are the exception: there an assertion is the work."""
    judged = [module for module in modules if "testing" not in module.name.split(".")]
    assert _offenders(judged, _asserts) == []


def test_nothing_is_pickled(modules):
    assert _offenders(modules, _pickling) == []


def test_times_have_a_zone(modules):
    assert _offenders(modules, _naive_times) == []


def test_errors_are_swallowed_just_where_that_is_allowed(modules):
    assert {module.path for module in modules if any(_swallowing(module.tree))} == MAY_SWALLOW_ANY_ERROR


def _asserts(tree):
    return (node for node in ast.walk(tree) if isinstance(node, ast.Assert))


def _pickling(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").split(".")[0]}
            names |= {"torch.load" for alias in node.names if f"{node.module}.{alias.name}" in PICKLING_CALLS}
        elif isinstance(node, ast.Call):
            names = {ast.unparse(node.func)}
        else:
            continue
        if names & (PICKLING_MODULES | PICKLING_CALLS):
            yield node


def _naive_times(tree):
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if ast.unparse(node.func.value).split(".")[-1] not in {"datetime", "date"}:
            continue
        n_arguments = len(node.args) + len(node.keywords)
        if node.func.attr in NAIVE_CALLS or n_arguments < ZONE_ARGUMENT.get(node.func.attr, 0):
            yield node


def _swallowing(tree):
    """Handlers of any error whatever that do not raise it again."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        is_broad = any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in caught)
        last = node.body[-1]
        if is_broad and not (isinstance(last, ast.Raise) and last.exc is None):
            yield node


@pytest.mark.parametrize(
    ("find", "source", "n_expected"),
    [
        (_asserts, "def f(x):\n    assert x", 1),
        (_asserts, "raise ValueError('assert')", 0),
        (_pickling, "import pickle", 1),
        (_pickling, "def f():\n    from pickle import loads", 1),
        (_pickling, "import torch\ntorch.load('a')", 1),
        (_pickling, "from torch import load", 1),
        (_pickling, "from torch import Tensor\nsafetensors.torch.load_file('a')", 0),
        (_naive_times, "datetime.now()", 1),
        (_naive_times, "datetime.datetime.utcnow()", 1),
        (_naive_times, "datetime.fromtimestamp(0)", 1),
        (_naive_times, "datetime.fromtimestamp(0, tz=UTC)", 0),
        (_naive_times, "datetime.now(UTC)", 0),
        (_naive_times, "clock.now()", 0),
        (_swallowing, "try:\n    f()\nexcept:\n    g()", 1),
        (_swallowing, "try:\n    f()\nexcept Exception as error:\n    g(error)", 1),
        (_swallowing, "try:\n    f()\nexcept (KeyError, BaseException):\n    g()", 1),
        (_swallowing, "try:\n    f()\nexcept BaseException:\n    g()\n    raise", 0),
        (_swallowing, "try:\n    f()\nexcept KeyError:\n    g()", 0),
    ],
)
def test_the_searches_find_what_they_look_for(find, source, n_expected):
    assert len(list(find(ast.parse(source)))) == n_expected
