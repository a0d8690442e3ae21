"""Campaign specs as YAML files: every problem is named with its file, line, field and remedy."""

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, Protocol, cast, get_args, get_origin, get_type_hints

import yaml
from yaml.representer import BaseRepresenter

from domain.campaign import CampaignSpec, Component
from domain.errors import SpecError, UnknownOracleError
from domain.json_value import JsonObject, JsonValue
from domain.labels import require_labels
from domain.parsing import LocatedError, Location, Problem, parse, to_json_object

_LARGEST_FILE_BYTES: Final = 2**20
_DEEPEST_NESTING: Final = 40
_MOST_IN_LINE: Final = 4
"""Fields that are written on one line where none of them holds others."""
_LONGEST_IN_LINE: Final = 80
"""Characters of their names and values."""
_REMEDY: Final = "Correct the lines named; docs/examples holds specs that run."
_LINE_IN_PROBLEM: Final = re.compile(r"spec:(\d+): ")
_FIELD_IN_MESSAGE: Final = re.compile(r"[a-zA-Z_][\w]*(?:\.\w+|\[\d+\])*")


@dataclasses.dataclass(frozen=True, slots=True)
class SpecProblem:
    """One thing that is wrong with a spec, for whoever shows it beside its field and its line."""

    field: str
    """Such as `ladder[2].cost`; empty where it is the whole document."""
    line: int | None
    """Of the text, from 1; None where it has no such place."""
    message: str


class _Mark(Protocol):
    """A place in a text; the two YAML readers have one each."""

    @property
    def line(self) -> int:
        """Counted from 0."""
        ...


def load_spec(path: Path) -> CampaignSpec:
    """Reads a campaign spec.

    Raises:
        SpecError: If the file cannot be read or does not describe a campaign that can be run.
    """
    return read_spec(_content(path), path)


def read_spec(content: bytes, path: Path) -> CampaignSpec:
    """Reads a campaign spec that somebody has read from a file already.

    Args:
        content: What the file holds.
        path: What the file is called in errors.

    Raises:
        SpecError: If the content does not describe a campaign that can be run.
    """
    root, data = _read(content, path)
    try:
        spec = parse(CampaignSpec, data, what=f"{path.name}")
        require_labels(spec)
    except SpecError as error:
        raise _with_lines(error, path, root) from error
    return spec


def explain(
    error: SpecError | UnknownOracleError, path: Path, content: bytes | None = None
) -> SpecError | UnknownOracleError:
    """Adds file and line to what is wrong with a spec where that was found after reading it.

    Args:
        error: Says which field is wrong, as a `LocatedError` or by beginning with the field's name.
        path: The spec's file.
        content: What the file holds; read where None.
    """
    return _with_lines(error, path, _read(_content(path) if content is None else content, path)[0])


def located(error: SpecError, content: bytes, path: Path) -> LocatedError:
    """Names the place of what `read_spec` refuses, for whoever shows each problem beside its field."""
    if isinstance(error, LocatedError):
        return error
    told = error.problem.partition(": ")[2] or error.problem  # without file and line
    try:
        location = _named_in(told, (), _read(content, path)[0])
    except SpecError:
        location = ()  # no document: the problem is of the whole
    return LocatedError(error.problem, remedy=error.remedy, problems=(Problem(location, told),))


def problems_of(error: SpecError, content: bytes) -> tuple[SpecProblem, ...]:
    """What is wrong with a spec, each with its field and its line.

    Args:
        error: What reading or checking the spec refused.
        content: The spec.
    """
    path = Path("spec")
    try:
        root = _read(content, path)[0]
    except SpecError as unreadable:
        line, told = _without_place(unreadable.problem)
        return (SpecProblem("", line, f"{told} {unreadable.remedy}"),)
    return tuple(_placed(problem, root) for problem in located(error, content, path).problems)


def _placed(problem: Problem, root: yaml.MappingNode) -> SpecProblem:
    line, told = _without_place(_describe(problem, Path("spec"), root))
    message = "is missing" if problem.message == "Field required" else problem.message
    field = Problem(_named_in(message, problem.location, root) or problem.location, "").field
    return SpecProblem(field, line, told.removeprefix(f"{field}: ") if field else told)


def _without_place(told: str) -> tuple[int | None, str]:
    mark = _LINE_IN_PROBLEM.match(told)
    return (int(mark[1]), told[mark.end() :]) if mark else (None, told)


def read_document(text: str, what: str = "spec") -> Mapping[str, object]:
    """Reads a YAML document that need not be a whole spec, with the same care.

    Args:
        text: The document.
        what: What it is called in errors.

    Raises:
        SpecError: If it is not YAML, or holds no fields.
    """
    return _read(text.encode(), Path(what))[1]


def write_document(document: Mapping[str, object]) -> str:
    """Writes a document as YAML as people write it: short lists stay on their line."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def load_oracle_settings(oracle: str, path: Path) -> JsonObject:
    """Reads the settings of an oracle as they would stand in a spec; the oracle itself validates them.

    Raises:
        SpecError: If the file cannot be read or holds no settings.
    """
    data = _read(_content(path), path)[1]
    return parse(Component, {"name": oracle, "settings": data}, what=path.name).settings


def dump_spec(spec: CampaignSpec) -> str:
    """Writes a spec as YAML that `load_spec` reads. What is empty by default, and is, is left out."""
    return write_document(_stated(to_json_object(spec)))


def _stated(document: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Leaves out what is empty, but not within settings: there, only their owner knows what that means."""
    stated = {
        name: _stated(value)
        if isinstance(value, Mapping) and name != "settings"
        else [_stated(rung) if isinstance(rung, Mapping) else rung for rung in value]
        if isinstance(value, list) and name == "ladder"
        else value
        for name, value in document.items()
    }
    return {name: value for name, value in stated.items() if value is not None and value not in ({}, [], "")}


def _represent_text(dumper: BaseRepresenter, text: str) -> yaml.ScalarNode:
    style = '"' if any(mark in text for mark in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_list(dumper: BaseRepresenter, items: Sequence[object]) -> yaml.SequenceNode:
    is_short = not any(isinstance(item, Mapping | list | tuple) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=is_short)


def _represent_fields(dumper: BaseRepresenter, fields: Mapping[str, object]) -> yaml.MappingNode:
    is_short = (
        len(fields) <= _MOST_IN_LINE
        and not any(isinstance(each, Mapping | list | tuple) for each in fields.values())
        and sum(len(f"{name}{value}") for name, value in fields.items()) <= _LONGEST_IN_LINE
    )
    return dumper.represent_mapping("tag:yaml.org,2002:map", fields, flow_style=is_short)


class _Dumper(yaml.SafeDumper):
    """Quotes text with Unicode's own line breaks, which plain YAML would read back as spaces."""

    yaml_representers: ClassVar = {
        **yaml.SafeDumper.yaml_representers,
        str: _represent_text,
        dict: _represent_fields,
        list: _represent_list,
        tuple: _represent_list,
    }

    def serialize(self, node: yaml.Node) -> None:
        """Gives every field of the document itself a line of its own."""
        if isinstance(node, yaml.MappingNode) and node.value:
            node.flow_style = False
        super().serialize(node)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - of whatever
        """Nothing is an alias: `read_spec` refuses those."""
        return True


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.") from error


def _read(content: bytes, path: Path) -> tuple[yaml.MappingNode, Mapping[str, object]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{path}:{line}: the text is not UTF-8.", remedy="Save the file as UTF-8.") from error
    if len(content) > _LARGEST_FILE_BYTES:
        raise SpecError(f"{path} is larger than 1 MiB, which no spec is.", remedy="Check the path.")
    try:
        return _understand(text, path)
    except yaml.MarkedYAMLError as error:
        raise SpecError(
            f"{path}{_line(error.problem_mark)}: this is not YAML: {error.problem}.",
            remedy="Check indentation, colons and brackets near that line.",
        ) from error
    except yaml.YAMLError as error:
        raise SpecError(f"{path} is not YAML: {error}.", remedy="Save it as plain text.") from error


def _understand(text: str, path: Path) -> tuple[yaml.MappingNode, Mapping[str, object]]:
    _refuse_strange_syntax(text, path)
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise SpecError(
                f"{path} holds no fields such as 'name: my-campaign'.",
                remedy="Write the spec as in docs/examples.",
            )
        _refuse_duplicate_keys(root, path)
        return root, cast(Mapping[str, object], loader.construct_document(root))
    except ValueError as error:
        # Raised for scalars that look like a date and are none.
        raise SpecError(f"{path} holds an impossible date: {error}.", remedy="Put quotes around it.") from error
    finally:
        loader.dispose()


def _refuse_strange_syntax(text: str, path: Path) -> None:
    """Refuses what a small file can grow without bounds from: aliases, and nesting that no spec has."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise SpecError(f"{path}{_line(event.start_mark)}: aliases (*) are not read.", remedy="Write it out.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_NESTING:
            raise SpecError(
                f"{path}{_line(event.start_mark)}: nested deeper than any spec.", remedy="Check the brackets."
            )


def _refuse_duplicate_keys(node: yaml.Node, path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen if isinstance(key, yaml.ScalarNode) else False:
                raise SpecError(
                    f"{path}{_line(key.start_mark)}: the key '{key.value}' is there twice.", remedy="Keep one of them."
                )
            seen.add(str(key.value))
            _refuse_duplicate_keys(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicate_keys(item, path)


def _with_lines(
    error: SpecError | UnknownOracleError, path: Path, root: yaml.MappingNode
) -> SpecError | UnknownOracleError:
    if isinstance(error, LocatedError):
        lines = [_describe(problem, path, root) for problem in error.problems]
        listed = "\n".join(lines) + ("" if lines[-1].endswith((".", "?")) else ".")
        return LocatedError(listed, remedy=_REMEDY, problems=error.problems)
    location = _named_in(error.problem, (), root)
    mark = _find(root, location)[0].start_mark if location else None
    return type(error)(f"{path}{_line(mark)}: {error.problem}", remedy=error.remedy)


def _describe(problem: Problem, path: Path, root: yaml.MappingNode) -> str:
    message = "is missing" if problem.message == "Field required" else problem.message
    location = _named_in(message, problem.location, root) or problem.location
    node, is_found = _find(root, location)
    where = f"{path}{_line(node.start_mark)}"
    if message == "unknown key" and is_found:
        return f"{where}: {_unknown_key(problem)}"
    field = Problem(location, message).field
    return f"{where}: {message}" if message.startswith(field) else f"{where}: {field}: {message}"


def _unknown_key(problem: Problem) -> str:
    *parents, key = problem.location
    close = difflib.get_close_matches(str(key), _known_keys(tuple(parents)), n=1)
    where = Problem(tuple(parents), "").field
    question = f"; did you mean '{close[0]}'?" if close else ""
    return f"unknown key '{key}'{f' in {where}' if where else ''}{question}"


def _known_keys(location: Location) -> tuple[str, ...]:
    """Fields of the dataclass that stands at a location of the spec; none elsewhere."""
    found: object = CampaignSpec
    for part in location:
        if isinstance(found, type) and dataclasses.is_dataclass(found):
            found = get_type_hints(found).get(str(part))
        elif get_origin(found) is not None:
            found = get_args(found)[1 if isinstance(part, str) else 0]
        else:
            return ()
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        return ()
    return tuple(field.name for field in dataclasses.fields(found))


def _named_in(message: str, location: Location, root: yaml.MappingNode) -> Location:
    """The field that a message begins with, if the document has it there; its location, else nothing."""
    match = _FIELD_IN_MESSAGE.match(message)
    if match is None:
        return ()
    parts: list[str | int] = [
        int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", match.group()) if part
    ]
    named = (*location, *parts)
    return named if _find(root, named)[1] else ()


def _find(root: yaml.Node, location: Location) -> tuple[yaml.Node, bool]:
    """The node that a location leads to and whether it is there; its nearest parent where it is not.

    Fields are marked by their key, so that the line is the one where people wrote the field's name.
    """
    node, mark = root, root
    for part in location:
        step = next((found for found in _children(node) if str(found[0]) == str(part)), None)
        if step is None:
            return mark, False
        _, mark, node = step
    return mark, True


def _children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node, yaml.Node]]:
    """Key or index, the node that marks its place, and its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key, value
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield index, item, item


def _line(mark: _Mark | None) -> str:
    return "" if mark is None else f":{mark.line + 1}"
