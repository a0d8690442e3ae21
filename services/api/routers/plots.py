"""Figures of campaigns, as data for Plotly."""

from fastapi import APIRouter
from starlette.responses import Response

from services.api.conditional import IfNoneMatch
from services.api.dependencies import (
    Name,
    Number,
    Reader,
    TheService,
    TheStore,
    visible_campaign,
    visible_measurement,
)
from services.api.drawn import drawn
from services.reports.arrhenius import draw_arrhenius
from services.reports.displacements import draw_displacements
from services.reports.figure import Figure
from services.reports.figures import Plot

router = APIRouter(tags=["plots"])


@router.get(
    "/campaigns/{name}/plots/{plot}",
    summary="Draw a figure of a campaign",
    response_model=Figure,
    responses={304: {}},
)
def draw_plot(
    name: Name,
    plot: Plot,
    store: TheStore,
    service: TheService,
    principal: Reader,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A figure as data. Corrected and retracted measurements count as corrected; long series are thinned.

    Carries an ETag: whoever has the figure already is told so (304) until it changes.
    """
    return service.figures.get(store, visible_campaign(store, principal, name), plot).answer(if_none_match)


@router.get(
    "/measurements/{measurement_id}/plots/arrhenius",
    summary="Draw the series behind a conductivity",
    response_model=Figure,
    responses={304: {}},
)
def draw_series(
    measurement_id: Number, store: TheStore, principal: Reader, if_none_match: IfNoneMatch = None
) -> Response:
    """Conductivity against temperature, where the measurement comes from spectra or runs at several temperatures."""
    return drawn(draw_arrhenius(visible_measurement(store, principal, measurement_id)[1])).answer(if_none_match)


@router.get(
    "/measurements/{measurement_id}/plots/msd",
    summary="Draw how far ions moved",
    response_model=Figure,
    responses={304: {}},
)
def draw_msd(measurement_id: Number, store: TheStore, principal: Reader, if_none_match: IfNoneMatch = None) -> Response:
    """Mean squared displacement against time for each temperature, where the measurement comes from such runs."""
    return drawn(draw_displacements(visible_measurement(store, principal, measurement_id)[1])).answer(if_none_match)
