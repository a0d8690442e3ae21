"""How the generator's training went, from what it told while it trained."""

from domain.json_value import JsonObject, JsonValue
from services.reports.campaign_data import CampaignData
from services.reports.figure import Figure, assemble


def draw_training(data: CampaignData) -> Figure:
    """Loss and log Z at each report of progress, in the order in which they came; rounds follow each other."""
    told = [record.event.payload for record in data.training]
    labels: list[JsonValue] = [f"round {step.get('round')}, step {step.get('step')}" for step in told]
    numbers: list[JsonValue] = list(range(1, len(told) + 1))
    series = (("loss", "loss", "y"), ("log Z", "log_z", "y2"))
    traces: list[JsonObject] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": list(numbers),
            "y": [step.get(key) for step in told],
            "text": list(labels),
            "yaxis": axis,
        }
        for name, key, axis in series
    ]
    return assemble(
        data,
        "How the generator's training went",
        traces,
        xaxis={"title": {"text": "report of progress"}, "rangemode": "tozero"},
        yaxis={"title": {"text": "loss"}, "type": "log"},
        yaxis2={"title": {"text": "log Z"}, "overlaying": "y", "side": "right", "tickmode": "auto", "showgrid": False},
        meta={"n": len(told)},
    )
