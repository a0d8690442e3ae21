"""The card in words, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from domain.json_value import JsonValue
from oracles.potentials.portable import PortableNetwork

Table = Mapping[str, JsonValue]

_COLUMNS: Final = (
    ("n_configurations", "configurations"),
    ("forces_meV_A", "forces, meV/Å"),
    ("energy_meV_per_atom", "energy, meV/atom"),
    ("energy_within_crystal_meV_per_atom", "the same within a crystal"),
    ("stress_meV_A3", "stress, meV/Å³"),
)


def written_card(network: PortableNetwork) -> str:
    """Markdown that says the same as the card in the description."""
    card, plan = network.card, network.architecture
    made, examined, endured = (_table(card, key) for key in ("configurations", "examine", "endure"))
    lines = [
        f"# {network.name}",
        "",
        f"A small MACE network ({plan.hidden_irreps}, correlation {plan.correlation}, {plan.num_interactions} layers, "
        f"cutoff {plan.r_max:g} Å, {plan.dtype}) that was taught by {_named(_table(card, 'teacher'))}.",
        "",
        f"- Licence: {network.licence}. Made from: {_sources(_table(card, 'sources'))}.",
        f"- Weights: sha256 `{network.weights_sha256}`.",
        f"- Made with {card['software']}; again by `{card['command']}`.",
        f"- Taught: {made['taught']} configurations of {made['taught_atoms']} atoms "
        f"({_counts(_table(made, 'by_kind'))}; {_counts(_table(made, 'by_origin'))}); "
        f"{made['left_out_for_large_forces']} were left out for forces above {_largest_force(card)} eV/Å.",
        f"- Elements, with the chemical systems that each was taught in: {_counts(_table(card, 'systems'))}.",
        f"- Never taught, the examination: {_listed(_table(card, 'held_out')['test'])}. "
        f"For watching the training: {_listed(_table(card, 'held_out')['valid'])}.",
        "",
        "## Errors on chemical systems that it was never taught",
        "",
        f"Mean absolute differences from the teacher; its forces have a mean component of "
        f"{examined['mean_force_meV_A']} meV/Å. CHGNet was taught other energies than this teacher, so that its "
        "absolute ones are not to be compared; those within a crystal are.",
        "",
        *_errors(_table(examined, "errors"), "all"),
        "",
        "The same, of each number the median of the chemical systems:",
        "",
        *_errors(_table(examined, "errors"), "median"),
        "",
        *_errors({network.name: _table(examined, "errors")[network.name]}, "system"),
        "",
        *_errors({network.name: _table(examined, "errors")[network.name]}, "kind"),
        "",
        *_errors({network.name: _table(examined, "errors")[network.name]}, "element"),
        "",
        "## Speed",
        "",
        f"Processor seconds of one call with forces and stress, {examined['timed']}: "
        f"{_counts(_table(examined, 'cpu_s_per_call'))}; the teacher needed about {_teacher_s(card)} s an atom.",
        "",
        "## Endurance",
        "",
        f"Molecular dynamics at {endured['temperature_K']:.0f} K for {endured['duration_ps']:g} ps:",
        "",
        *_markdown(_rows(endured["runs"])),
        "",
        "## Where it must not be used",
        "",
        *(f"- {limit}" for limit in cast("Sequence[str]", card["limits"])),
        "",
    ]
    return "\n".join(lines)


def _table(mapping: Mapping[str, JsonValue], key: str) -> Table:
    return cast("Table", mapping[key])


def _rows(value: JsonValue) -> list[Table]:
    return list(cast("Sequence[Table]", value))


def _named(teacher: Table) -> str:
    weights = f", sha256 `{str(teacher['sha256'])[:16]}…`" if "sha256" in teacher else ""
    return f"{teacher['teacher']} {teacher['version']} (model {teacher['model']}{weights})"


def _sources(sources: Table) -> str:
    return "; ".join(f"{name} ({words})" for name, words in sources.items()) or "crystals of one's own"


def _counts(counts: Table) -> str:
    return ", ".join(f"{key} {count}" for key, count in counts.items())


def _listed(values: JsonValue) -> str:
    return ", ".join(cast("Sequence[str]", values)) or "none"


def _largest_force(card: Mapping[str, JsonValue]) -> str:
    return str(_table(_table(card, "recipe"), "training")["max_force_eV_A"])


def _teacher_s(card: Mapping[str, JsonValue]) -> str:
    return str(card.get("teacher_cpu_s_per_atom", "an unknown number of"))


def _errors(by_calculator: Table, kind: str) -> list[str]:
    """A table of one kind of groups, a row for each potential and group."""
    rows: list[Table] = []
    for name, groups in by_calculator.items():
        for key, summary in cast("Mapping[str, Table]", cast("Table", groups)[kind]).items():
            head = {"potential": name} if kind in {"all", "median"} else {kind: key}
            rows.append({**head, **_numbers(summary)})
    return _markdown(rows)


def _numbers(summary: Table) -> dict[str, JsonValue]:
    return {words: summary[key] for key, words in _COLUMNS}


def _markdown(rows: Iterable[Table]) -> list[str]:
    listed = list(rows)
    if not listed:
        return []
    heads = list(listed[0])
    return [
        "| " + " | ".join(head.replace("_", " ") for head in heads) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(str(row[head]) for head in heads) + " |" for row in listed),
    ]
