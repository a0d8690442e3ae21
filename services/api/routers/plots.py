"""Figures of campaigns, as data for Plotly."""

from fastapi import APIRouter

from services.api.dependencies import Name, Reader, TheStore, visible_campaign
from services.reports.figures import Figure, Plot, draw

router = APIRouter(tags=["plots"])


@router.get("/campaigns/{name}/plots/{plot}", summary="Draw a figure of a campaign")
def draw_plot(name: Name, plot: Plot, store: TheStore, principal: Reader) -> Figure:
    """A figure as data. Corrected and retracted measurements count as corrected; long series are thinned."""
    return draw(store, visible_campaign(store, principal, name), plot)
