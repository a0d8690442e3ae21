"""Damaged and hostile uploads without end, for tests of whatever takes files in."""

import io
import multiprocessing
import os
import random
import re
import resource
import signal
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import Engine, event

from domain.errors import PetaliteError
from domain.json_value import JsonObject, JsonValue
from domain.quantity import Goal, Objective
from services.store import Store, open_store
from services.store.examples import example_pick, example_spec, open_round
from services.store.records import CampaignRecord
from services.store.uploads import UploadState
from services.uploads.artifacts import ArtifactFolder
from services.uploads.child import Readers, ReadingLimits
from services.uploads.desk import UploadDesk

Mutation: TypeAlias = Callable[[bytes, random.Random], bytes]
_NUMBER: Final = re.compile(rb"\d+(?:\.\d+)?")
_STRANGE_NUMBERS: Final = (
    b"nan",
    b"inf",
    b"-1e308",
    b"1e-308",
    b"9" * 5000,
    b"0",
    b"-5",
    b"1e9",
    b"1" + b"0" * 400,
    "١٢".encode(),
    b"1_0",
)
_FORMULAS: Final = (b"=1+1", b"=HYPERLINK(0)", b"@SUM(A1)", b"+cmd|' /C calc'!A0", b"-2+3", b"\t=1", b"x**9999999")
_ENDINGS: Final = (".csv", ".cif", ".xlsx", ".zip", ".pdf", "")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One upload that may be anything."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of many uploads."""

    states: Mapping[str, int]
    """How many were reported, unreadable or refused at once."""
    latest_s: float
    """How long after its deadline the latest reading ended; negative where all ended before."""
    peak_bytes: int = 0
    """The most memory that a process that reads has ever held; known to `hand_in_elsewhere` alone."""


class TimedReaders(Readers):
    """Remembers how late its readings were."""

    def __init__(self, limits: ReadingLimits) -> None:
        super().__init__(limits)
        self.latest_s = -limits.wall_s

    def read(self, task: str, arguments: Mapping[str, JsonValue], *, deadline: float) -> JsonObject:
        """Has something read, and looks at the clock."""
        try:
            return super().read(task, arguments, deadline=deadline)
        finally:
            self.latest_s = max(self.latest_s, time.monotonic() - deadline)


def conductor_campaign(store: Store, name: str = "conductors", *, n_asked: int = 3) -> CampaignRecord:
    """A campaign that looks for ion conductors and asks its laboratory for some rock salts."""
    spec = example_spec(name, total=max(1000.0, 250.0 * n_asked))
    spec = replace(
        spec,
        objective=Objective("ionic_conductivity", Goal.MAXIMIZE),
        space=replace(spec.space, elements=("Li", "O", "Al", "P", "Cl", "Cr", "Sr", "Sb", "Gd", "Bi")),
    )
    campaign = store.campaigns.create(spec)
    open_round(store, campaign.id, 0, [example_pick(number, "lab") for number in range(n_asked)])
    return store.campaigns.get(name)


def mutated_uploads(originals: Mapping[str, bytes], *, seed: int, n_uploads: int) -> Iterator[Attempt]:
    """Damages files in ways that a seed determines.

    Args:
        originals: Sound files by name.
        seed: Of the draws.
        n_uploads: How many.
    """
    draw = random.Random(seed)  # noqa: S311 - no secret
    names = sorted(originals)
    for number in range(n_uploads):
        name = names[number % len(names)]
        content = originals[name]
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            content = draw.choice(_MUTATIONS)(content, draw)
        ending = draw.choice(_ENDINGS) if draw.random() < 0.1 else ""
        yield Attempt(f"{name}{ending}", content)


def hand_in_all(url: str, folder: Path, attempts: Iterable[Attempt]) -> Outcome:
    """Hands every file in and accepts what can be; nothing but an error of ours may come out.

    Args:
        url: Address of a store with the campaign `conductors`.
        folder: Where files are kept.
        attempts: The files.
    """
    states: Counter[str] = Counter()
    with open_store(url) as store, TimedReaders(ReadingLimits()) as readers:
        desk = UploadDesk(store, ArtifactFolder(folder), readers)
        campaign = store.campaigns.get("conductors")
        for attempt in attempts:
            try:
                artifact = desk.keep(campaign, [attempt.content], name=attempt.name, uploaded_by="eve")
                upload = desk.add(desk.examine(campaign, artifact))
                states[upload.state.value] += 1
                if upload.state is UploadState.OPEN:
                    desk.accept(upload.id, worker="eve", confirm_all=True)
            except PetaliteError:
                states["refused"] += 1
    return Outcome(states, readers.latest_s)


def hand_in_elsewhere(url: str, folder: Path, originals: Mapping[str, bytes], *, seed: int, n_uploads: int) -> Outcome:
    """Hands mutated files in from a process of its own, so that its readers' memory is told from others'.

    Args:
        url: Address of a store with the campaign `conductors`.
        folder: Where files are kept.
        originals: Sound files by name.
        seed: Of the damage.
        n_uploads: How many.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_weighed, url, folder, dict(originals), seed, n_uploads).result()


def _weighed(url: str, folder: Path, originals: Mapping[str, bytes], seed: int, n_uploads: int) -> Outcome:
    outcome = hand_in_all(url, folder, mutated_uploads(originals, seed=seed, n_uploads=n_uploads))
    return replace(outcome, peak_bytes=1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def accept_and_die(url: str, upload_id: int, n_statements: int) -> None:
    """Accepts an upload in this process and kills it at a statement of the store, unless it is done before.

    Args:
        url: Address of the store.
        upload_id: The upload.
        n_statements: The statement before which it dies.
    """
    statements = count(1)

    def die(*_: object) -> None:
        if next(statements) >= n_statements:
            os.kill(os.getpid(), signal.SIGKILL)

    with open_store(url) as store, Readers(ReadingLimits()) as readers:
        event.listen(Engine, "before_cursor_execute", die)
        UploadDesk(store, ArtifactFolder(Path("unused")), readers).accept(upload_id, worker="eve")


def _flip_bits(content: bytes, draw: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(draw.randint(1, 20)):
        if damaged:
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def _truncate(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def _repeat_piece(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content) + 1)
    piece = content[start : start + draw.randint(1, 400)]
    return content[:start] + piece * draw.choice((2, 10, 1000)) + content[start:]


def _repeat_line(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    index = draw.randrange(len(lines))
    return b"\n".join([*lines[:index], *[lines[index]] * draw.choice((2, 50, 700, 6000)), *lines[index:]])


def _strange_numbers(content: bytes, draw: random.Random) -> bytes:
    found = list(_NUMBER.finditer(content))
    for match in sorted(draw.sample(found, min(len(found), draw.randint(1, 4))), key=lambda m: -m.start()):
        content = content[: match.start()] + draw.choice(_STRANGE_NUMBERS) + content[match.end() :]
    return content


def _formula_cells(content: bytes, draw: random.Random) -> bytes:
    cells = content.split(b",")
    cells[draw.randrange(len(cells))] = draw.choice(_FORMULAS)
    return b",".join(cells)


def _insert_noise(content: bytes, draw: random.Random) -> bytes:
    noise = draw.choice((b"\0", b"\xff\xfe", b'"', b"'", b"\n;\n", b"loop_\n", b"data_x\n", b"\r", b"A" * 100_000))
    where = draw.randrange(len(content) + 1)
    return content[:where] + noise + content[where:]


def _pack(content: bytes, draw: random.Random) -> bytes:
    names = ("a.csv", "../../etc/passwd", "b.cif", "inner.zip", "deep/er/c.csv", "xl/workbook.xml")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in draw.sample(names, draw.randint(1, 4)):
            archive.writestr(name, content if draw.random() < 0.8 else bytes(3_000_000))
    return packed.getvalue()


_MUTATIONS: Final[tuple[Mutation, ...]] = (
    _flip_bits,
    _truncate,
    _repeat_piece,
    _repeat_line,
    _strange_numbers,
    _strange_numbers,
    _formula_cells,
    _insert_noise,
    _pack,
)
