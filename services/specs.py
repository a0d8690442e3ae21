"""Campaign specs as YAML files: every problem is named with its file, line, field and remedy."""

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Final, Protocol, cast, get_args, get_origin, get_type_hints

import yaml
from yaml.representer import BaseRepresenter

from domain.campaign import CampaignSpec, Component
from domain.errors import SpecError, UnknownOracleError
from domain.json_value import JsonObject
from domain.parsing import Location, ParseError, Problem, parse, to_json_value

_LARGEST_FILE_BYTES: Final = 2**20
_DEEPEST_NESTING: Final = 40
_REMEDY: Final = "Correct the lines named; docs/examples holds specs that run."
_FIELD_IN_MESSAGE: Final = re.compile(r"[a-zA-Z_][\w]*(?:\.\w+|\[\d+\])*")


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
        return parse(CampaignSpec, data, what=f"{path.name}")
    except SpecError as error:
        raise _with_lines(error, path, root) from error


def explain(error: SpecError | UnknownOracleError, path: Path) -> SpecError | UnknownOracleError:
    """Adds file and line to what is wrong with a spec where that was found after reading it.

    Args:
        error: Says which field is wrong, as a `ParseError` with locations or by beginning with the field's name.
        path: The spec's file.
    """
    return _with_lines(error, path, _read(_content(path), path)[0])


def load_oracle_settings(oracle: str, path: Path) -> JsonObject:
    """Reads the settings of an oracle as they would stand in a spec; the oracle itself validates them.

    Raises:
        SpecError: If the file cannot be read or holds no settings.
    """
    data = _read(_content(path), path)[1]
    return parse(Component, {"name": oracle, "settings": data}, what=path.name).settings


def dump_spec(spec: CampaignSpec) -> str:
    """Writes a spec as YAML that `load_spec` reads."""
    return yaml.dump(to_json_value(spec), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _represent_text(dumper: BaseRepresenter, text: str) -> yaml.ScalarNode:
    style = '"' if any(mark in text for mark in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


class _Dumper(yaml.SafeDumper):
    """Quotes text with Unicode's own line breaks, which plain YAML would read back as spaces."""

    yaml_representers: ClassVar = {**yaml.SafeDumper.yaml_representers, str: _represent_text}


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
    if isinstance(error, ParseError):
        lines = [_describe(problem, path, root) for problem in error.problems]
        return SpecError("\n".join(lines) + ("" if lines[-1].endswith((".", "?")) else "."), remedy=_REMEDY)
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
