"""Campaigns beside each other: what each found for its money."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from domain.errors import InvalidValueError
from domain.json_value import JsonObject
from domain.quantity import Quantity, Scale
from services.reports.campaign_data import CampaignData
from services.reports.described import described
from services.reports.figure import Figure
from services.reports.spending import best_curve
from services.reports.units import written_unit
from services.store import Store
from services.store.records import CampaignRecord

MOST_COMPARED: Final = 6
"""Campaigns, or crystals, that can be told apart beside each other."""


def draw_comparison(store: Store, campaigns: Sequence[CampaignRecord]) -> Figure:
    """The best value at the target fidelity of each campaign against what it had spent.

    Campaigns that count their money in different units are drawn against the share of their budgets.

    Raises:
        InvalidValueError: If they do not look for the same quantity.
    """
    measured = _same_quantity(campaigns)
    units = {campaign.spec.budget.unit for campaign in campaigns}
    traces = [_trace(store, campaign, place, in_shares=len(units) > 1) for place, campaign in enumerate(campaigns)]
    spent = "share of the budget spent (%)" if len(units) > 1 else f"spent ({units.pop()}, as declared)"
    value = f"best {measured.name.replace('_', ' ')} ({written_unit(measured.unit)})"
    figure = Figure(
        tuple(traces),
        {
            "title": {"text": "Best value so far at the target"},
            "hovermode": "closest",
            "xaxis": {"title": {"text": spent}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": value}, "type": "log" if measured.scale is Scale.LOG10 else "linear"},
        },
    )
    return replace(figure, description=described("comparison", figure))


def _same_quantity(campaigns: Sequence[CampaignRecord]) -> Quantity:
    first, *others = campaigns
    for other in others:
        if other.spec.objective != first.spec.objective:
            raise InvalidValueError(
                f"{first.name} looks for the {_sought(first)}, {other.name} for the {_sought(other)}.",
                remedy="Compare campaigns that look for the same.",
            )
    return first.spec.objective.measured


def _sought(campaign: CampaignRecord) -> str:
    goal = campaign.spec.objective
    return f"{'largest' if goal.sign > 0 else 'smallest'} {goal.quantity.replace('_', ' ')}"


def _trace(store: Store, campaign: CampaignRecord, place: int, *, in_shares: bool) -> JsonObject:
    points = best_curve(CampaignData(store, campaign), campaign.spec.fidelities.target.name)
    whole = campaign.spec.budget.total / 100 if in_shares else 1.0
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": campaign.name,
        "x": [point.spent / whole for point in points],
        "y": [point.best for point in points],
        "line": {"shape": "hv", "width": 2.5},
        "meta": {"rung": place},  # a colour and a mark of its own
        "hovertemplate": f"{campaign.name}: %{{y:.4g}}<br>by %{{x:,.4g}}<extra></extra>",
    }
