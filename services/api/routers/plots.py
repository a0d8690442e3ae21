"""Figures of campaigns, as data for Plotly."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from domain.errors import NotFoundError
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
from services.reports.comparison import MOST_COMPARED, draw_comparison
from services.reports.densities import density_file, draw_density, read_densities
from services.reports.displacements import draw_displacements
from services.reports.figure import Figure
from services.reports.figures import Plot
from services.uploads.artifacts import ArtifactFolder

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
    "/plots/comparison",
    summary="Draw the best values of several campaigns",
    response_model=Figure,
    responses={304: {}},
)
def draw_campaigns(
    store: TheStore,
    principal: Reader,
    campaign: Annotated[list[str], Query(min_length=1, max_length=MOST_COMPARED, description="Their names.")],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The best value at each one's target fidelity against what was spent, where all look for the same quantity."""
    records = [visible_campaign(store, principal, name) for name in dict.fromkeys(campaign)]
    return drawn(draw_comparison(store, records)).answer(if_none_match)


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


@router.get(
    "/measurements/{measurement_id}/plots/density",
    summary="Draw where ions are",
    response_model=Figure,
    responses={304: {}},
)
def draw_ion_density(
    measurement_id: Number,
    store: TheStore,
    service: TheService,
    principal: Reader,
    temperature_K: Annotated[float | None, Query(gt=0, description="Of which run; the coldest where left out.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The density of the ions in 1/Å³ along each vector of the cell, with the sites of the framework."""
    visible_measurement(store, principal, measurement_id)
    file = density_file(store.artifacts.of_measurement(measurement_id))
    if file is None:
        raise NotFoundError(
            f"Measurement {measurement_id} keeps no density of ions.",
            remedy="Choose a value that molecular dynamics gave.",
        )
    found = read_densities(ArtifactFolder(service.settings.artifacts).path(file.digest))
    return drawn(draw_density(measurement_id, found, temperature_K=temperature_K)).answer(if_none_match)
