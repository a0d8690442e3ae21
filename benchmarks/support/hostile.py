"""Files that are made to harm, handed in by many at once."""

import http.client
import io
import multiprocessing
import os
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event

from support.clients import Target

PATH = "/api/v1/campaigns/conductors/uploads"
PATIENCE_S = 60.0
_BOUNDARY = "a-line-between-parts"


def hostile_files() -> tuple[tuple[str, bytes], ...]:
    """A zip bomb, a CIF that explodes, noise that nothing fits, formulas, endless rows, and many megabytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.cif", bytes(50_000_000))
    cell = "".join(f"_cell_length_{axis} 9.1\n" for axis in "abc")
    angles = "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    sites = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    sites += "".join(f"Li{n} 0.{n:03} 0.{(7 * n) % 1000:03} 0.{(13 * n) % 1000:03}\n" for n in range(1, 90))
    cif = f"data_x\n_symmetry_space_group_name_H-M 'F m -3 m'\n{cell}{angles}{sites}"
    header = "query,formula,space group,value,unit\n"
    points = [(10 ** (n / 80), (n * 7919) % 997, -((n * 104729) % 991)) for n in range(500)]
    noise = "frequency,Z',Z''\n" + "".join(f"{frequency},{real},{imag}\n" for frequency, real, imag in points)
    return (
        ("bomb.zip", packed.getvalue()),
        ("explodes.cif", cif.encode()),
        ("noise.csv", noise.encode()),
        ("formulas.csv", (header + ",Li4Cl4,225,=cmd|'/C calc'!A0,eV\n" * 2000).encode()),
        ("endless.csv", (header + ",Li4Cl4,225,1e-5,S/cm\n" * 40_000).encode()),
        ("blob.pdf", b"%PDF-1.7" + bytes(20_000_000)),
    )


@dataclass(slots=True)
class Blown:
    """What uploaders saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0
    n_errors: int = 0

    def add(self, other: "Blown") -> None:
        """Counts what others saw too."""
        self.statuses += other.statuses
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.n_errors += other.n_errors


@contextmanager
def storm(target: Target, *, n_uploaders: int) -> Iterator[Blown]:
    """Lets so many hand in one hostile file after another meanwhile, from a process of their own.

    What they saw is there at the end.
    """
    blown = Blown()
    context = multiprocessing.get_context("spawn")
    is_over, begins = context.Event(), context.Event()
    with ProcessPoolExecutor(1, mp_context=context, initializer=_remember, initargs=(begins, is_over)) as pool:
        blowing = pool.submit(_blow, target, n_uploaders)
        begins.wait(PATIENCE_S)
        try:
            yield blown
        finally:
            is_over.set()
            blown.add(blowing.result())


_signals: list[Event] = []
"""Of a process of uploaders: when it begins and when it is over."""


def _remember(*signals: Event) -> None:
    os.nice(10)  # uploaders have machines of their own; here they must not take the service's
    _signals.extend(signals)


def _blow(target: Target, n_uploaders: int) -> Blown:
    begins, is_over = _signals
    bodies = [_form(name, content) for name, content in hostile_files()]
    begins.set()
    blown = Blown()
    with ThreadPoolExecutor(n_uploaders) as pool:
        for seen in pool.map(lambda number: _hand_in(target, bodies, number, is_over), range(n_uploaders)):
            blown.add(seen)
    return blown


def _hand_in(target: Target, bodies: Sequence[bytes], number: int, is_over: Event) -> Blown:
    blown = Blown()
    headers = {
        "Authorization": f"Bearer {target.token}",
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
    }
    while not is_over.is_set():
        connection = http.client.HTTPConnection(target.host, target.port, timeout=PATIENCE_S)
        began = time.monotonic()
        try:
            connection.request("POST", PATH, bodies[number % len(bodies)], headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            blown.n_errors += 1
        else:
            blown.statuses[answer.status] += 1
            blown.n_errors += answer.status >= 500
            blown.slowest_s = max(blown.slowest_s, time.monotonic() - began)
            is_over.wait(float(answer.headers.get("Retry-After", 0)))
        finally:
            connection.close()
        number += 1
    return blown


def _form(name: str, content: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
