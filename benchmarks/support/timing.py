"""Two things timed in turns, and the answer of a script."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping

import torch


def in_turns(
    first: Callable[[], object], second: Callable[[], object], *, n_repeats: int
) -> tuple[list[float], list[float]]:
    """CPU seconds of each call; repeats alternate, so that a busy machine slows both alike."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for repeat in range(n_repeats):
        for act, taken in zip((first, second), seconds, strict=True):
            taken.append(cpu_seconds(act))
        say(f"{repeat + 1}/{n_repeats}: {seconds[0][-1]:.3f} s and {seconds[1][-1]:.3f} s")
    return seconds


def cpu_seconds(act: Callable[[], object]) -> float:
    """Processor time of one call."""
    began = time.process_time()
    act()
    return time.process_time() - began


def say(progress: str) -> None:
    """Progress goes to standard error."""
    print(progress, file=sys.stderr, flush=True)


def run(measure: Callable[[], Mapping[str, float]], description: str) -> None:
    """Measures with one thread and prints, as one line of JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    torch.set_num_threads(1)
    measured = measure()
    print(json.dumps(measured) if as_json else "\n".join(f"{name}: {value}" for name, value in measured.items()))
