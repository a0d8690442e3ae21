"""What a figure is: dictionaries of `data` and `layout`, as Plotly reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from domain.json_value import JsonObject, JsonValue
from services.reports.campaign_data import CampaignData

MOST_POINTS: Final = 1_000
"""Points of one series."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Figure:
    """What Plotly draws."""

    data: tuple[JsonObject, ...]
    """Its traces."""
    layout: JsonObject
    """Its axes and titles; `meta` holds the numbers that a figure sums up to."""
    description: str = ""
    """What it shows in one sentence; empty where nothing is drawn."""


def assemble(data: CampaignData, title: str, traces: Sequence[JsonObject], **layout: JsonValue) -> Figure:
    """A figure of a campaign, named after it."""
    named: JsonObject = {"title": {"text": f"{data.campaign.name}: {title}"}, "hovermode": "closest", **layout}
    return Figure(tuple(traces), named)


def thinned(
    items: Sequence[Item], most: int = MOST_POINTS, *, extremes: Sequence[Callable[[Item], float]] = ()
) -> list[Item]:
    """At most so many items in the same order, the first and the last among them.

    Args:
        items: All of them.
        most: How many are kept; at least two, and two for each of `extremes`.
        extremes: The smallest and the largest by each of these are kept too.
    """
    if len(items) <= most:
        return list(items)
    places = range(len(items))
    kept = {choose(places, key=lambda place: by(items[place])) for by in extremes for choose in (min, max)}
    room = most - len(kept)
    if room > 1:
        step = (len(items) - 1) / (room - 1)
        kept |= {round(number * step) for number in range(room)}
    return [items[place] for place in sorted(kept)]
