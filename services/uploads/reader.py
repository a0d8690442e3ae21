"""The process that reads foreign files: one JSON line in, one JSON line out, under limits that it sets itself.

Nothing here may reach the network, start a program or write a file: a parser that is made to try is stopped.
"""

import importlib
import json
import os
import resource
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Final

from domain.errors import PetaliteError
from domain.json_value import JsonObject, JsonValue

_FORBIDDEN: Final = (
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "os.remove",
    "os.rename",
    "os.truncate",
)
_BAD_FILE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)
"""What parsers raise on bad files. Anything else ends the process, which the parent takes for the same."""
_LONGEST_REASON: Final = 200
_NICENESS: Final = 10
"""The process that answers everybody comes first."""


def _read_cif(arguments: Mapping[str, JsonValue]) -> JsonObject:
    from services.uploads.crystal_reading import read_cif

    return read_cif(str(arguments["text"]))


def _read_sheet(arguments: Mapping[str, JsonValue]) -> JsonObject:
    from services.uploads.tables import read_sheet

    return read_sheet(str(arguments["path"]))


def _fit_spectrum(arguments: Mapping[str, JsonValue]) -> JsonObject:
    from services.uploads.spectra import fit_task

    return fit_task(arguments)


def _prepare(arguments: Mapping[str, JsonValue]) -> JsonObject:
    """Imports what a task needs, which takes longer than most files do."""
    for module in _NEEDED[str(arguments["task"])]:
        importlib.import_module(module)
    return {}


PREPARE: Final = "prepare"
_TASKS: Final[Mapping[str, Callable[[Mapping[str, JsonValue]], JsonObject]]] = {
    PREPARE: _prepare,
    "cif": _read_cif,
    "sheet": _read_sheet,
    "spectrum": _fit_spectrum,
}
_NEEDED: Final = {
    "cif": (
        "services.uploads.crystal_reading",
        "services.uploads.cells",
        "pymatgen.io.cif",
        "pymatgen.symmetry.analyzer",
    ),
    "sheet": ("services.uploads.tables", "python_calamine"),
    "spectrum": ("services.uploads.spectra", "services.uploads.kramers_kronig", "scipy.optimize"),
}
"""Modules that each task imports only when it comes."""


def main() -> None:
    """Reads until the input closes."""
    memory_bytes, seconds = int(sys.argv[1]), int(sys.argv[2])
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    warnings.simplefilter("ignore")
    sys.addaudithook(_refuse)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a parser prints must not reach the answers
    for task in sys.argv[3:]:
        _prepare({"task": task})
    for line in sys.stdin.buffer:
        _allow_processor_time(seconds)
        replies.write(_answer(line) + b"\n")
        replies.flush()


def _answer(line: bytes) -> bytes:
    request = json.loads(line)
    try:
        return _line({"result": _TASKS[request["task"]](request["arguments"])})
    except PetaliteError as error:
        return _line({"problem": error.problem, "remedy": error.remedy})
    except _BAD_FILE as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        problem = f"The file cannot be read: {reason}."
        return _line({"problem": problem, "remedy": "Correct the file and hand it in again."})


def _line(answer: JsonObject) -> bytes:
    return json.dumps(answer, allow_nan=False).encode()


def _allow_processor_time(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    del arguments
    if event in _FORBIDDEN:
        raise PermissionError(f"A file reader may not use {event}.")


if __name__ == "__main__":
    main()
