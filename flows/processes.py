"""Oracle processes for one fidelity, each served by a thread of its own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from domain.fidelity import Fidelity
from oracles.running.process import OracleProcess
from services.scratch import LOOKS_PREFIX, held_folder

INTERRUPT_S: Final = 0.2
"""How often children are ended while threads still serve them: one may have been started a moment ago."""
Serve: TypeAlias = Callable[[OracleProcess, str], None]
"""Serves one process under a worker's name until there is nothing left to do."""


@contextmanager
def oracle_processes(fidelity: Fidelity, n_processes: int, *, scratch: Path) -> Iterator[tuple[OracleProcess, ...]]:
    """Opens processes that start at their first look, and ends them afterwards; `scratch` is for their files."""
    with held_folder(scratch, LOOKS_PREFIX) as folder:
        processes = tuple(OracleProcess(fidelity, scratch=folder) for _ in range(n_processes))
        try:
            yield processes
        finally:
            for process in processes:
                process.close()


def serve_in_threads(
    processes: Sequence[OracleProcess], serve: Serve, *, runner: str, stop: Callable[[], None]
) -> None:
    """Serves every process at once and returns when all threads have.

    An interrupt or an error first calls `stop`, so that nothing new is taken on, then ends the children until every
    thread has noticed, so that none waits for a look that nobody wants any more.
    """
    with ThreadPoolExecutor(len(processes)) as pool:
        futures = [pool.submit(serve, process, f"{runner}/{number}") for number, process in enumerate(processes)]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            stop()
            while wait(futures, timeout=INTERRUPT_S).not_done:
                for process in processes:
                    process.interrupt()
            raise
