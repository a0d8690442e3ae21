"""What a figure is: dictionaries of `data` and `layout`, as Plotly reads them."""

from collections.abc import Sequence
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


def assemble(data: CampaignData, title: str, traces: Sequence[JsonObject], **layout: JsonValue) -> Figure:
    """A figure of a campaign, named after it."""
    named: JsonObject = {"title": {"text": f"{data.campaign.name}: {title}"}, "hovermode": "closest", **layout}
    return Figure(tuple(traces), named)


def thinned(items: Sequence[Item], most: int = MOST_POINTS) -> list[Item]:
    """At most so many items in the same order, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    step = (len(items) - 1) / (most - 1)
    return [items[round(number * step)] for number in range(most)]
