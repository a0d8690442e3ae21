"""Clients that speak plain HTTP/1.1 over kept-alive sockets: what is measured is the service and not a library."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import uvloop


@dataclass(slots=True)
class Tally:
    """What many clients saw."""

    latencies_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wall_s: float = 0.0

    def percentile_ms(self, share: float) -> float:
        """A percentile of the answers' latency, in milliseconds."""
        ranked = sorted(self.latencies_s)
        return 1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))]


@dataclass(frozen=True, slots=True)
class Target:
    """A service and how to be let in."""

    host: str
    port: int
    token: str


def drive(
    targets: Sequence[Target],
    requests: Callable[[int], Iterator[tuple[str, str, bytes]]],
    *,
    n_clients: int,
    expected: int,
    rate_per_s: float | None = None,
) -> Tally:
    """Runs clients side by side, each through its own requests, one after the other.

    Args:
        targets: The processes of the service, among which the clients are dealt out.
        requests: The method, path and body of each request of a client, by the client's number.
        n_clients: How many at once.
        expected: The status of a good answer.
        rate_per_s: Requests a second of all clients together, evenly spaced; latency then counts from when a request
            was due, however late the one before was answered. None to send each as soon as the last is answered.
    """
    tally = Tally()
    # Written beforehand: clients share the processor with the service, and their own work is not what is measured.
    scripts = [_script(targets[number % len(targets)], requests(number)) for number in range(n_clients)]

    async def client(number: int) -> None:
        target = targets[number % len(targets)]
        reader, writer = await asyncio.open_connection(target.host, target.port)
        for turn, (title, message) in enumerate(scripts[number]):
            began = time.perf_counter()
            if rate_per_s is not None:
                due = started + (number + turn * n_clients) / rate_per_s
                await asyncio.sleep(due - began)
                began = due
            writer.write(message)
            status, answer = await _answer(reader)
            tally.latencies_s.append(time.perf_counter() - began)
            if status != expected:
                tally.errors.append(f"{title}: {status} {answer[:200].decode(errors='replace')}")
        writer.close()

    async def all_clients() -> None:
        await asyncio.gather(*(client(number) for number in range(n_clients)))

    started = time.perf_counter()
    uvloop.run(all_clients())
    tally.wall_s = time.perf_counter() - started
    return tally


def _script(target: Target, requests: Iterator[tuple[str, str, bytes]]) -> list[tuple[str, bytes]]:
    return [(f"{method} {path}", _message(target, method, path, body)) for method, path, body in requests]


def _message(target: Target, method: str, path: str, body: bytes) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\nAuthorization: Bearer {target.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    length = next(int(line.split(":", 1)[1]) for line in lines if line.lower().startswith("content-length:"))
    return int(status.split()[1]), await reader.readexactly(length)
