"""Figures of uploads, as data for Plotly."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.api.dependencies import LARGEST_NUMBER, Number, Reader, TheStore
from services.api.routers.uploads import visible_upload
from services.reports.figure import Figure
from services.reports.upload_figures import UploadPlot, draw_upload

router = APIRouter(tags=["plots"])


@router.get("/uploads/{upload_id}/plots/{upload_plot}", summary="Draw a figure of impedance spectra")
def draw_upload_plot(
    upload_id: Number,
    upload_plot: UploadPlot,
    store: TheStore,
    principal: Reader,
    row: Annotated[int, Query(ge=1, le=LARGEST_NUMBER, description="Number of the spectrum's row.")] = 1,
) -> Figure:
    """Points and fit, what the fit leaves, or the line over temperature with its 95 % interval."""
    return draw_upload(visible_upload(store, principal, upload_id), upload_plot, row)
