"""How healthy the generator is: its training, and how far what it draws differs."""

from typing import Final

from domain.json_value import JsonObject, JsonValue
from domain.rounds import round_number
from services.reports.campaign_data import CampaignData
from services.reports.figure import Figure, assemble

_MOST_MARKED: Final = 12
"""Rounds whose beginning is marked; more marks would hide the curves."""


def draw_training(data: CampaignData) -> Figure:
    """Loss and log Z at each report of progress, in the order in which they came; rounds follow each other."""
    told = [record.event.payload for record in data.training]
    labels: list[JsonValue] = [f"{_named(step.get('round'))}, step {step.get('step')}" for step in told]
    numbers: list[JsonValue] = list(range(1, len(told) + 1))
    rounds = [step.get("round") for step in told]
    begins = [place for place, index in enumerate(rounds) if place == 0 or index != rounds[place - 1]]
    marks: list[JsonValue] = [
        {"type": "line", "x0": place + 1, "x1": place + 1, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dot"}}
        for place in begins
    ]
    named: list[JsonValue] = [
        {"x": place + 1, "y": 0, "yref": "paper", "yanchor": "bottom", "xanchor": "left", "showarrow": False,
         "text": _named(rounds[place])}
        for place in begins[:_MOST_MARKED]
    ]  # fmt: skip
    series = (("loss", "loss", "y"), ("log Z", "log_z", "y2"))
    traces: list[JsonObject] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": list(numbers),
            "y": [step.get(key) for step in told],
            "text": list(labels),
            "hovertemplate": f"%{{text}}<br>{name} %{{y:.4g}}<extra></extra>",
            "yaxis": axis,
        }
        for name, key, axis in series
    ]
    return assemble(
        data,
        "How the generator's training went",
        traces,
        xaxis={"title": {"text": "reports of progress, one round after another"}, "rangemode": "tozero"},
        yaxis={"title": {"text": "loss"}, "type": "log"},
        yaxis2={"title": {"text": "log Z"}, "overlaying": "y", "side": "right", "tickmode": "auto", "showgrid": False},
        shapes=marks[:_MOST_MARKED],
        annotations=named,
        meta={"n": len(told)},
    )


def draw_variety(data: CampaignData) -> Figure:
    """Of the crystals that the generator drew in each round, the share that differ in composition or space group.

    Cells are continuous, so that no two crystals are quite the same: of one composition and group they count as alike.
    """
    told = [record.event.payload for record in data.sampled]
    sampled = [(step.get("round"), step.get("n_sampled"), step.get("n_kinds")) for step in told]
    known = [(r, n, k) for r, n, k in sampled if isinstance(r, int) and isinstance(n, int) and isinstance(k, int) and n]
    trace: JsonObject = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "differ",
        "x": [round_number(index) for index, _, _ in known],
        "y": [100 * kinds / n for _, n, kinds in known],
        "text": [f"{kinds} of {n} crystals" for _, n, kinds in known],
        "hovertemplate": "round %{x}: %{text} differ (%{y:.0f} %)<extra></extra>",
    }
    return assemble(
        data,
        "How far the crystals drawn differ",
        [trace] if known else [],
        xaxis={"title": {"text": "round"}, "dtick": max(1, len(known) // 10)},
        yaxis={"title": {"text": "share that differ (%)"}, "range": [0, 105]},
    )


def _named(index: JsonValue) -> str:
    """A round as people call it; events say its index."""
    return f"round {round_number(index)}" if isinstance(index, int) else "a round"
