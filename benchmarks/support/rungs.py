"""Rungs of the ladder, and their answers, kept in a file of JSON lines as they come."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from support.obelix import Conductor

from domain.digest import derive_seed
from domain.fidelity import Fidelity, Limits
from domain.json_value import JsonObject
from domain.look import LookRequest
from domain.measurement import Censoring
from domain.parsing import parse_json
from oracles.running.process import Answer, OracleProcess, Refusal

_LIMITS: Final = Limits(time_s=6 * 3600.0, memory_GiB=8.0)
_TEACHERS_SHARE: Final = 0.1
"""Of the student's time."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to look."""

    fidelity: Fidelity
    sign: int
    """1 where more means that ions move more easily, -1 where less does."""

    @property
    def name(self) -> str:
        """As in the answer."""
        return self.fidelity.name


@dataclass(frozen=True, slots=True)
class Seen:
    """The outcome of one look."""

    rung: str
    settings_digest: str
    oracle_version: str
    """Holds the content of a model, which may be made again under the same name."""
    material: str
    value: float | None
    """None where the look failed."""
    censoring: str
    core_seconds: float
    reason: str
    """Why it failed."""

    @property
    def is_bound(self) -> bool:
        """Whether the value is one."""
        return self.value is not None and self.censoring != Censoring.NONE.value

    @property
    def told(self) -> str:
        """For people."""
        return self.reason if self.value is None else f"{self.censoring}{self.value:.3g}"


def rungs_of(options: argparse.Namespace) -> tuple[Rung, ...]:
    """The rungs that were asked for, the cheapest first."""
    teacher: JsonObject = {"potential": "chgnet"}
    student: JsonObject = (
        {"potential": "mace", "model": options.student, "dtype": "float32"} if options.student else teacher
    )
    rungs = [
        Rung(Fidelity("bond-valence", "bond-valence", 1.0, {}, _LIMITS), -1),
        Rung(Fidelity("frozen-framework", "frozen-framework", 1.0, {"potential": student}, _LIMITS), -1),
    ]
    if options.dynamics_ps > 0:
        at_K = options.temperature_K
        name = "student-dynamics" if options.student else "dynamics"
        rungs.append(_dynamics(name, student, at_K, options.dynamics_ps))
        if options.teacher:
            rungs.append(_dynamics("teacher-dynamics", teacher, at_K, round(_TEACHERS_SHARE * options.dynamics_ps, 1)))
    return tuple(rungs)


def looked(rung: Rung, materials: Sequence[Conductor], answers: Path, *, refresh_failures: bool) -> Iterator[Seen]:
    """The outcome for each material; what stands in the file is not looked at again.

    Args:
        rung: How to look.
        materials: At what.
        answers: The file; made where it is missing.
        refresh_failures: Whether looks that failed are made again.
    """
    with OracleProcess(rung.fidelity) as process:
        version = process.as_oracle().version
        known = {
            seen.material: seen
            for seen in _kept(answers)
            if (seen.rung, seen.settings_digest, seen.oracle_version)
            == (rung.name, rung.fidelity.settings_digest, version)
            and not (refresh_failures and seen.value is None)
        }
        for material in materials:
            seen = known.get(material.identifier)
            if seen is None:
                seen = _look(rung, material, process, answers)
                _keep(seen, answers)
            yield seen


def _dynamics(name: str, potential: JsonObject, at_K: float, production_ps: float) -> Rung:
    settings: JsonObject = {
        # The published sites count as relaxed, and not every student may relax.
        "potential": {**potential, "relax": "none"},
        "temperatures_K": [at_K],
        "value_at_K": at_K,
        "min_height_A": 8.0,
        "dynamics": {
            "equilibration_ps": 1.0,
            "production_ps": production_ps,
            "checkpoint_every_ps": 0.5,
            "monitor_every_ps": 0.5,
        },
    }
    return Rung(Fidelity(name, "molecular-dynamics", 1.0, settings, _LIMITS), 1)


def _look(rung: Rung, material: Conductor, process: OracleProcess, answers: Path) -> Seen:
    request = LookRequest(material.blueprint, derive_seed("ladder", material.identifier), (material.sites,))
    # Looks that take long keep what they need to go on beside the answers.
    folder = answers.parent / f"{answers.stem}-looks" / f"{rung.name}-{material.identifier}"
    outcome = process.look(request, folder=folder)
    version = process.as_oracle().version
    about = (rung.name, rung.fidelity.settings_digest, version, material.identifier)
    if isinstance(outcome, Refusal):
        return Seen(*about, None, Censoring.NONE.value, outcome.core_seconds, outcome.reason)
    return Seen(*about, *_value(outcome), outcome.core_seconds, "")


def _value(answer: Answer) -> tuple[float, str]:
    return answer.result.value, answer.result.censoring.value


def _kept(answers: Path) -> list[Seen]:
    if not answers.exists():
        return []
    # What was being written when a run was killed has no end of line.
    *lines, _ = answers.read_text(encoding="utf-8").split("\n")
    return [parse_json(Seen, line) for line in lines]


def _keep(seen: Seen, answers: Path) -> None:
    """Adds a line to the file, in place of one that was never finished."""
    with answers.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(json.dumps(asdict(seen)).encode() + b"\n")
