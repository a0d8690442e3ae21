"""Figures that were drawn before: nobody waits for one to be drawn again while its campaign has not moved on."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from starlette.responses import Response

from domain.json_value import JsonValue
from domain.parsing import to_json
from services.api.conditional import is_known
from services.reports.figure import Figure
from services.reports.figures import Plot, draw, draw_together, drawn_with
from services.store import Store
from services.store.records import CampaignRecord

LARGEST_BYTES: Final = 64 * 2**20
"""Of all figures that are kept."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure as it is sent."""

    body: bytes
    tag: str
    """Names the body by its content, so that it is the same from every process."""
    meta: JsonValue = None
    """The numbers that the figure sums up to."""

    def answer(self, known: str | None) -> Response:
        """Sends it; 304 to whoever has it already. Nobody between here and its reader may keep it."""
        headers = {"ETag": self.tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
        if is_known(self.tag, known):
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type="application/json", headers=headers)


@dataclass(slots=True)
class _Place:
    """Figures of one campaign that are drawn together."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    version: int = -1
    drawn: Mapping[Plot, Drawn] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        return sum(len(each.body) for each in self.drawn.values())


class DrawnFigures:
    """The newest drawing of each figure, as far as memory allows; those that were wanted last stay.

    Who may see a figure is decided before it is asked for here. Threads may share it: a figure is drawn by one of them
    while the others that want it wait.
    """

    def __init__(self, largest_bytes: int = LARGEST_BYTES) -> None:
        self._largest_bytes = largest_bytes
        self._places: OrderedDict[tuple[int, Plot], _Place] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, store: Store, campaign: CampaignRecord, plot: Plot) -> Drawn:
        """A figure of a campaign, drawn unless it was since anything happened there."""
        version = store.events.version(campaign.id)
        if version is None:
            return drawn(draw(store, campaign, plot))
        with self._lock:
            key = campaign.id, drawn_with(plot)[0]
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        with place.lock:
            if place.version < version:
                found = draw_together(store, campaign, plot)
                place.drawn, place.version = {each: drawn(figure) for each, figure in found.items()}, version
            wanted = place.drawn[plot]
        self._shrink()
        return wanted

    @property
    def n_bytes(self) -> int:
        """Of the figures that are kept."""
        return sum(place.n_bytes for place in tuple(self._places.values()))

    def _shrink(self) -> None:
        with self._lock:
            size = self.n_bytes
            while size > self._largest_bytes and self._places:
                size -= self._places.popitem(last=False)[1].n_bytes


def drawn(figure: Figure) -> Drawn:
    """A figure as it is sent."""
    body = to_json(figure).encode()
    return Drawn(body, f'"{sha256(body).hexdigest()[:32]}"', figure.layout.get("meta"))
