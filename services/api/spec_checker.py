"""Whether a spec can be run, found by a process of its own: this one never loads what computes."""

import json
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from domain.campaign import CampaignSpec
from domain.digest import content_digest
from domain.errors import ServiceError, SpecError
from domain.json_value import JsonObject
from domain.parsing import LocatedError, Problem, parse, to_json_object
from domain.search_space import SearchSpace
from services.api.errors import TooManyRequestsError

LONGEST_CHECK_S: Final = 10.0
_LONGEST_START_S: Final = 30.0
"""Loading what checks takes a second, and longer on a busy machine."""
_PATIENCE_S: Final = 15.0
"""How long others wait for their turn."""
_MODULE: Final = "services.cli.spec_checks"
_KEPT_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "HOME", "VIRTUAL_ENV")
_MOST_KNOWN: Final = 256


@dataclass(frozen=True, slots=True)
class SpaceCount:
    """What a search space holds."""

    n_compositions: int | None
    """Exact number of pairs of a space group and a neutral composition that it hosts; null where counting takes too
    long."""
    n_groups: int
    """Space groups that host some composition."""
    empty_groups: tuple[int, ...]
    """Numbers of those that host none and are never drawn."""
    inert_elements: tuple[str, ...]
    """Symbols of the elements without an oxidation state, which are never drawn."""


class SpecChecker:
    """Asks a child that stays warm. Threads may share it; they are answered one after the other.

    Close it, or use it as a context manager.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._good: OrderedDict[str, None] = OrderedDict()
        """Digests of specs that can be run: who has a spec checked, creates it next."""
        self._counted: OrderedDict[str, SpaceCount] = OrderedDict()
        """What was counted, by the space's digest: whoever writes a spec changes something else most of the time."""

    def require_runnable(self, spec: CampaignSpec) -> None:
        """Refuses what `petalite campaign validate` refuses, in the same words.

        Raises:
            LocatedError: If something will not work with the spec, each problem with its place.
            SpecError: If that takes too long to find out.
            TooManyRequestsError: If others have specs checked that take their time.
            ServiceError: If it cannot be found out.
        """
        data = to_json_object(spec)
        digest = content_digest(data)
        with self._turn():
            if digest in self._good:
                return
            answer = self._ask({"spec": data})
            if not answer:
                self._good[digest] = None
                if len(self._good) > _MOST_KNOWN:
                    self._good.popitem(last=False)
        if answer:
            raise _refusal(answer)

    def count(self, space: SearchSpace) -> SpaceCount:
        """Counts what a search space holds.

        Raises:
            LocatedError: If it holds no crystal; says why.
            SpecError: If that takes too long to find out.
            TooManyRequestsError: If others have specs checked that take their time.
            ServiceError: If it cannot be found out.
        """
        data = to_json_object(space)
        digest = content_digest(data)
        with self._turn():
            known = self._counted.get(digest)
            if known is not None:
                return known
            answer = self._ask({"space": data})
            if "problem" in answer:
                raise _refusal(answer)
            counted = parse(SpaceCount, answer, what="The answer")
            self._counted[digest] = counted
            if len(self._counted) > _MOST_KNOWN:
                self._counted.popitem(last=False)
        return counted

    def close(self) -> None:
        """Ends the child, and with it what it is asked at the moment."""
        child = self._child
        if child is not None:
            child.kill()
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=_PATIENCE_S):
            raise TooManyRequestsError(
                "Other specs are being checked.", remedy="Send it again in a moment.", retry_after_s=_PATIENCE_S
            )
        try:
            yield
        finally:
            self._lock.release()

    def _ask(self, data: JsonObject) -> JsonObject:
        limit_s = LONGEST_CHECK_S
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = _started()
            limit_s += _LONGEST_START_S
        child = self._child
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            child.kill()

        watch = threading.Timer(limit_s, give_up)
        watch.daemon = True
        watch.start()
        try:
            answer = _exchange(child, json.dumps(data))
        finally:
            watch.cancel()
        if answer is not None:
            return answer
        self._end()
        if is_late.is_set():
            raise SpecError(
                f"Whether the spec can be run was not found out within {limit_s:.0f} s.",
                remedy="Name fewer elements, space groups or atoms.",
            )
        raise ServiceError("The spec could not be checked.", remedy="Send it again, or tell whoever runs this service.")

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


def _started() -> subprocess.Popen[str]:
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},  # nothing of this process's secrets
        cwd="/",
        start_new_session=True,  # Ctrl-C is for this process, which ends its child
        text=True,
        encoding="utf-8",
    )


def _exchange(child: subprocess.Popen[str], line: str) -> JsonObject | None:
    """Sends a line and reads the answer; None if the child died or was killed over it."""
    if child.stdin is None or child.stdout is None:
        return None
    try:
        child.stdin.write(line + "\n")
        child.stdin.flush()
        answer: JsonObject = json.loads(child.stdout.readline())
    except (BrokenPipeError, json.JSONDecodeError):
        return None
    return answer


def _refusal(answer: JsonObject) -> LocatedError:
    problems = parse(tuple[Problem, ...], answer["problems"], what="The answer")
    return LocatedError(str(answer["problem"]), remedy=str(answer["remedy"]), problems=problems)
