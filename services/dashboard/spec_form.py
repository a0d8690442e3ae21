"""A campaign's spec as the fields of a form, and back: each field is named by its place in the spec."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from domain.errors import SpecError
from domain.parsing import LocatedError, Problem
from domain.space_groups import N_SPACE_GROUPS
from services.specs import read_document, write_document

Fields = Mapping[str, str]
"""What stands in the form, by the name of the field, such as `ladder[1].cost`."""
Document = dict[str, object]

_RUNG_FIELD: Final = re.compile(r"ladder\[(\d{1,3})\]\.(.+)")
_GROUPS: Final = re.compile(r"(\d{1,3})\s*[-–]\s*(\d{1,3})")
_LOOKS: Final = "initial_looks"


def document_of(fields: Fields) -> Document:
    """The spec that a form describes. What is left empty is left out; what is no number stays as it was written.

    Raises:
        LocatedError: If the settings of something are not YAML.
    """
    problems: list[Problem] = []
    document = _read_all(_BEFORE_LADDER, fields, "", problems)
    rungs = rungs_of(fields)
    ladder = [_read_all(_RUNG, rung, f"ladder[{place}].", problems) for place, rung in enumerate(rungs)]
    document |= {"ladder": ladder} if ladder else {}
    document |= _read_all(_BUDGET, fields, "", problems)
    looks = {rung.get("name", "").strip(): _read_number(rung[_LOOKS]) for rung in rungs if rung.get(_LOOKS, "").strip()}
    document |= {_LOOKS: looks} if looks else {}
    document |= _read_all(_AFTER_BUDGET, fields, "", problems)
    if problems:
        raise LocatedError("The form cannot be read.", remedy="Correct the fields named.", problems=tuple(problems))
    return document


def fields_of(document: Mapping[str, object]) -> dict[str, str]:
    """What a form shows of a spec, whether it is a good one or not. What has no field is not shown."""
    fields = dict(_shown(_BEFORE_LADDER + _BUDGET + _AFTER_BUDGET, document, ""))
    ladder, looks = document.get("ladder"), document.get(_LOOKS)
    for place, rung in enumerate(ladder if isinstance(ladder, Sequence) and not isinstance(ladder, str) else ()):
        if not isinstance(rung, Mapping):
            continue
        prefix = f"ladder[{place}]."
        fields |= {f"{prefix}name": "", **dict(_shown(_RUNG, rung, prefix))}
        if isinstance(looks, Mapping) and rung.get("name") in looks:
            fields[f"{prefix}{_LOOKS}"] = _show(looks[rung.get("name")])
    return fields


def rungs_of(fields: Fields) -> list[dict[str, str]]:
    """The rungs of the ladder, each with its fields by their names within it."""
    rungs: dict[int, dict[str, str]] = {}
    for name, text in fields.items():
        match = _RUNG_FIELD.fullmatch(name)
        if match is not None:
            rungs.setdefault(int(match[1]), {})[match[2]] = text
    return [rungs[place] for place in sorted(rungs)]


def with_step(fields: Fields, step: str) -> dict[str, str]:
    """The form after one of its buttons was pressed: `add`, `remove-2`, `up-2` or `down-2` of the ladder."""
    rungs = rungs_of(fields)
    action, _, number = step.partition("-")
    place = int(number) if number.isdecimal() else -1
    if action == "add":
        rungs.append({"name": "", _LOOKS: ""})
    elif action == "remove" and 0 <= place < len(rungs):
        rungs.pop(place)
    elif action in {"up", "down"} and 0 <= place < len(rungs):
        other = place - 1 if action == "up" else place + 1
        if 0 <= other < len(rungs):
            rungs[place], rungs[other] = rungs[other], rungs[place]
    others = {name: text for name, text in fields.items() if not _RUNG_FIELD.fullmatch(name)}
    return others | {f"ladder[{place}].{name}": text for place, rung in enumerate(rungs) for name, text in rung.items()}


def _read_all(shape: Sequence[tuple[str, str]], fields: Fields, prefix: str, problems: list[Problem]) -> Document:
    document: Document = {}
    for name, kind in shape:
        try:
            value = _value(name, kind, fields)
        except SpecError as error:
            place = tuple(int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", f"{prefix}{name}"))
            problems.append(Problem(place, f"{error.problem} {error.remedy}"))
            continue
        if value is not None:
            _put(document, name, value)
    return document


def _value(name: str, kind: str, fields: Fields) -> object:
    """What a field says; None where it is empty."""
    if kind == "range":
        ends = [fields.get(f"{name}[{place}]", "").strip() for place in (0, 1)]
        return [_read_number(end) if end else None for end in ends] if any(ends) else None
    text = fields.get(name, "").strip()
    return _READERS[kind](text) if text else None


def _put(document: Document, name: str, value: object) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        inner = document.setdefault(parent, {})
        if isinstance(inner, dict):
            document = inner
    document[last] = value


def _shown(shape: Sequence[tuple[str, str]], document: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for name, kind in shape:
        value = _get(document, name)
        if kind == "range":
            ends = value if isinstance(value, Sequence) and not isinstance(value, str) else (value, None)
            for place, end in enumerate(ends[:2]):
                yield f"{prefix}{name}[{place}]", _show(end)
        elif value is not None:
            yield prefix + name, _WRITERS.get(kind, _show)(value)


def _get(document: Mapping[str, object], name: str) -> object:
    value: object = document
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _show(value: object) -> str:
    """A value as it would be written into a field."""
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _read_number(text: str) -> object:
    for read in (int, float):
        try:
            return read(text.replace("−", "-"))
        except ValueError:
            continue
    return text


def _read_words(text: str) -> object:
    return [word for word in re.split(r"[,;\s]+", text) if word]


def _read_groups(text: str) -> object:
    """Numbers of space groups, also as ranges such as 195-230."""
    numbers: list[object] = []
    for word in (part for part in re.split(r"[,;\s]+", _GROUPS.sub(r"\1-\2", text)) if part):
        match = _GROUPS.fullmatch(word)
        if match is not None and int(match[1]) <= int(match[2]) <= N_SPACE_GROUPS:
            numbers += range(int(match[1]), int(match[2]) + 1)
        else:
            numbers.append(_read_number(word))
    return numbers


def _show_groups(value: object) -> str:
    """Numbers of space groups, three or more that follow each other as a range."""
    if not isinstance(value, list | tuple) or not all(type(number) is int for number in value):
        return ", ".join(map(_show, value)) if isinstance(value, list | tuple) else _show(value)
    runs: list[list[int]] = []
    for number in value:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _read_states(text: str) -> object:
    """Oxidation states, one element a line: `Fe: +2, +3`."""
    states: Document = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        symbol, _, listed = line.partition(":")
        words = _read_words(listed)
        states[symbol.strip()] = [_read_number(word) for word in words] if isinstance(words, list) else []
    return states


def _show_states(value: object) -> str:
    if not isinstance(value, Mapping):
        return _show(value)
    return "\n".join(
        f"{symbol}: {', '.join(f'{state:+d}' if isinstance(state, int) else _show(state) for state in states)}"
        if isinstance(states, list | tuple)
        else f"{symbol}: {_show(states)}"
        for symbol, states in value.items()
    )


def _read_settings(text: str) -> object:
    return dict(read_document(text, "settings")) or None


def _show_settings(value: object) -> str:
    if not isinstance(value, Mapping):
        return _show(value)
    return write_document(value).strip() if value else ""


_READERS: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "text": str,
        "number": _read_number,
        "words": _read_words,
        "groups": _read_groups,
        "states": _read_states,
        "settings": _read_settings,
    }
)
_WRITERS: Final[Mapping[str, Callable[[object], str]]] = MappingProxyType(
    {
        "words": lambda value: ", ".join(map(_show, value)) if isinstance(value, list | tuple) else _show(value),
        "groups": _show_groups,
        "states": _show_states,
        "settings": _show_settings,
    }
)
_BEFORE_LADDER: Final = (
    ("name", "text"),
    ("description", "text"),
    ("objective.quantity", "text"),
    ("objective.goal", "text"),
    ("space.elements", "words"),
    ("space.required_elements", "words"),
    ("space.min_elements", "number"),
    ("space.max_elements", "number"),
    ("space.max_atoms", "number"),
    ("space.max_atoms_per_element", "number"),
    ("space.space_groups", "groups"),
    ("space.oxidation_states", "states"),
    ("space.volume_per_atom_A3", "range"),
    ("space.length_A", "range"),
    ("space.angle_deg", "range"),
)
_RUNG: Final = (
    ("name", "text"),
    ("oracle", "text"),
    ("cost", "number"),
    ("settings", "settings"),
    ("limits.time_s", "number"),
    ("limits.memory_GiB", "number"),
    ("max_attempts", "number"),
    ("answered_by", "text"),
    ("max_concurrent", "number"),
)
_BUDGET: Final = (
    ("budget.unit", "text"),
    ("budget.total", "number"),
    ("budget.per_round", "number"),
    ("budget.target_share", "number"),
    ("budget.approval_above", "number"),
)
_AFTER_BUDGET: Final = (
    ("max_rounds", "number"),
    ("pool_size", "number"),
    ("seed", "number"),
    ("generator.name", "text"),
    ("generator.settings", "settings"),
    ("surrogate.name", "text"),
    ("surrogate.settings", "settings"),
)
