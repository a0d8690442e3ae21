"""How well each rung of a ladder orders lithium conductors, against experiment and each other, and what it costs.

The materials are the ordered crystals of OBELiX's training files (https://github.com/NRC-Mila/OBELiX, CC BY 4.0) with
a measured conductivity that is no bound, the smallest cells first. Rungs: bond valences, one ion in a frozen
framework, and molecular dynamics with a student and, where asked for, with a teacher. All look at the published sites.

Every answer is kept in a file as it comes, so that a run that was ended goes on. Correlations are Spearman's, of
numbers that are turned so that more means that ions move more easily; their intervals (95 %) come from resampled
materials. Bounds count as the number that they name.
"""

import argparse
import json
from pathlib import Path
from typing import Final

from support.obelix import conductors
from support.rank_agreement import Agreement, agreement
from support.rungs import Rung, Seen, looked, rungs_of
from support.timing import say

from domain.json_value import JsonValue

EXPERIMENT: Final = "experiment"
_FEWEST: Final = 4
"""Materials that two rungs must share before their agreement is told."""


def measure(options: argparse.Namespace) -> dict[str, JsonValue]:
    """Looks at what was not looked at before, and compares the rungs."""
    found = conductors(options.obelix, n_materials=options.materials, max_atoms=options.max_atoms)
    rungs = [rung for rung in rungs_of(options) if not options.only or rung.name in options.only]
    seen: dict[str, dict[str, Seen]] = {}
    for rung in rungs:
        seen[rung.name] = {}
        for look in looked(rung, found, options.answers, refresh_failures=options.again):
            say(f"{rung.name} {look.material}: {look.told} in {look.core_seconds:.0f} s")
            seen[rung.name][look.material] = look
    ease = {name: eases(rung, seen[name]) for name, rung in zip(seen, rungs, strict=True)}
    ease[EXPERIMENT] = {one.identifier: one.log10_S_per_cm for one in found}
    return {
        "materials": [f"{one.identifier} {one.formula}" for one in found],
        "pairs": pairs(ease, n_resamples=options.resamples, seed=options.seed),
        "cost_per_look": {name: round(mean_cost(looks), 1) for name, looks in seen.items()},
        "failed": {name: sorted(m for m, look in looks.items() if look.value is None) for name, looks in seen.items()},
        "bounds": {name: sum(look.is_bound for look in looks.values()) for name, looks in seen.items()},
    }


def eases(rung: Rung, seen: dict[str, Seen]) -> dict[str, float]:
    """How easily ions move, by material: conductivities as they are, barriers turned round."""
    return {material: rung.sign * look.value for material, look in seen.items() if look.value is not None}


def mean_cost(seen: dict[str, Seen]) -> float:
    """Processor seconds of a look that gave a value."""
    costs = [look.core_seconds for look in seen.values() if look.value is not None]
    return sum(costs) / max(1, len(costs))


def pairs(ease: dict[str, dict[str, float]], *, n_resamples: int, seed: int) -> list[JsonValue]:
    """Every two rungs, on the materials at which both gave a value."""
    told: list[JsonValue] = []
    names = list(ease)
    for number, first in enumerate(names):
        for second in names[number + 1 :]:
            shared = sorted(ease[first].keys() & ease[second].keys())
            if len(shared) >= _FEWEST:
                one, other = [ease[first][m] for m in shared], [ease[second][m] for m in shared]
                told.append(_told(first, second, agreement(one, other, n_resamples=n_resamples, seed=seed)))
    return told


def _told(first: str, second: str, found: Agreement) -> dict[str, JsonValue]:
    return {
        "rungs": [first, second],
        "spearman": round(found.spearman, 3),
        "interval": [round(end, 3) for end in found.interval],
        "n": found.n,
    }


def main() -> None:
    """Climbs the ladder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--obelix", type=Path, help="folder with train.csv and train_cifs.tar.gz; nothing without")
    parser.add_argument(
        "--answers", type=Path, default=Path("oracle-ladder.jsonl"), help="file that keeps every answer"
    )
    parser.add_argument("--materials", type=int, default=12)
    parser.add_argument("--max-atoms", type=int, default=40, help="of the primitive cell")
    parser.add_argument("--student", help="a MACE model as `potential: mace` names it; chgnet without")
    parser.add_argument("--teacher", action="store_true", help="also molecular dynamics with chgnet, a tenth as long")
    parser.add_argument("--dynamics-ps", type=float, default=10.0, help="of the student; 0: no molecular dynamics")
    parser.add_argument("--temperature-K", type=float, default=1000.0, help="of molecular dynamics")
    parser.add_argument("--only", nargs="+", help="names of rungs; all without")
    parser.add_argument("--again", action="store_true", help="look again where a look failed")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    measured = measure(options) if options.obelix else {"materials": [], "pairs": [], "cost_per_look": {}}
    print(json.dumps(measured) if options.json else "\n".join(f"{name}: {value}" for name, value in measured.items()))


if __name__ == "__main__":
    main()
