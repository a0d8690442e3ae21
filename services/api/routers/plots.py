"""Figures of campaigns, as data for Plotly."""

from fastapi import APIRouter

from services.api.dependencies import Name, Number, Reader, TheStore, visible_campaign, visible_measurement
from services.reports.arrhenius import draw_arrhenius
from services.reports.figure import Figure
from services.reports.figures import Plot, draw

router = APIRouter(tags=["plots"])


@router.get("/campaigns/{name}/plots/{plot}", summary="Draw a figure of a campaign")
def draw_plot(name: Name, plot: Plot, store: TheStore, principal: Reader) -> Figure:
    """A figure as data. Corrected and retracted measurements count as corrected; long series are thinned."""
    return draw(store, visible_campaign(store, principal, name), plot)


@router.get("/measurements/{measurement_id}/plots/arrhenius", summary="Draw the series behind a conductivity")
def draw_series(measurement_id: Number, store: TheStore, principal: Reader) -> Figure:
    """Conductivity against temperature, where the measurement comes from spectra at several temperatures."""
    return draw_arrhenius(visible_measurement(store, principal, measurement_id)[1])
