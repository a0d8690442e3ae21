"""What became of an upload, as the terminal shows it: its rows, what was fitted, and what can be done next."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from domain.errors import InvalidValueError
from domain.json_value import JsonObject, JsonValue
from services.cli.output import console, print_json, print_table
from services.dashboard import words
from services.store.uploads import RowState, UploadRecord, UploadRow, UploadState
from services.uploads.showing import brief

_NAMES: Final = ("query", "ID", "file", "spectrum", "sample", "formula", "Reduced Composition", "value")
"""Columns of files that tell rows apart."""


def print_upload_as_json(upload: UploadRecord, rows: Sequence[UploadRow]) -> None:
    """Prints an upload for machines."""
    listed: list[JsonValue] = [
        {
            "row": row.number,
            "state": row.state.value,
            "cells": row.cells,
            "understood": brief(row.understood),
            "remarks": list(row.remarks),
            "measurement": row.measurement_id,
            "material": row.material_id,
        }
        for row in rows
    ]
    print_json(
        {
            "upload": upload.id,
            "kind": upload.kind.value,
            "state": upload.state.value,
            "report": upload.report,
            "rows": listed,
        }
    )


def print_upload(upload: UploadRecord, rows: Sequence[UploadRow]) -> None:
    """Prints an upload for people.

    Raises:
        InvalidValueError: If its file could not be read.
    """
    if upload.state is UploadState.UNREADABLE:
        raise InvalidValueError(
            f"Upload {upload.id} is kept but cannot be read: {upload.report['problem']}",
            remedy=str(upload.report["remedy"]),
        )
    lines = ((str(row.number), row.state.value, _described(row.cells), " ".join(row.remarks)) for row in rows)
    print_table(
        f"Upload {upload.id} ({upload.kind.value}, {upload.state.value})",
        ("row", "state", "what", "remarks"),
        lines,
        empty=f"Upload {upload.id} ({upload.kind.value}) is {upload.state.value}; it has no rows.",
    )
    _print_fits(upload.report, rows)
    if upload.state is UploadState.OPEN:
        print_ways_on(upload.id, rows)


def print_ways_on(upload_id: int, rows: Sequence[UploadRow]) -> None:
    """Says how rows that are doubted are confirmed."""
    doubted = [str(row.number) for row in rows if row.state is RowState.SUSPICIOUS]
    if doubted:
        confirm = " ".join(f"--confirm {number}" for number in doubted)
        told = f"What is suspicious enters when somebody confirms it: petalite upload accept {upload_id} {confirm}"
        console().print(told, markup=False, soft_wrap=True)


def _print_fits(report: JsonObject, rows: Sequence[UploadRow]) -> None:
    fits = cast(Mapping[str, JsonObject], report.get("fits") or {})
    fitted = [(row, fit) for row in rows if (fit := fits.get(str(row.number)))]
    if not fitted:
        return
    print_table(
        "What was fitted",
        ("row", "conductivity", "circuit", "resistance", "the fit misses"),
        (_fit_line(row, fit) for row, fit in fitted),
        empty="",
    )
    line = cast(JsonObject, report.get("arrhenius") or {})
    if line:
        energy, room = (
            words.quantity(cast(float, line[name]), unit, sigma=cast(float, line[sigma]))
            for name, sigma, unit in (
                ("activation_energy_eV", "activation_energy_sigma_eV", "eV"),
                ("conductivity_S_per_cm", "conductivity_sigma_S_per_cm", "S/cm"),
            )
        )
        console().print(f"Activation energy {energy}; at 298.15 K {room}.", markup=False, soft_wrap=True)


def _fit_line(row: UploadRow, fit: JsonObject) -> tuple[str, ...]:
    reading = row.understood.get("reading")
    told, use = "none: see the remarks", "total"
    if isinstance(reading, dict):
        told = words.reading(reading)
        use = str(cast(JsonObject, reading["details"])["resistance"])
    value, sigma = (cast(float, fit[f"{use}{part}_ohm"]) for part in ("", "_sigma"))
    missed = words.number(100 * cast(float, fit["residual"]), 2)
    return (
        str(row.number),
        told,
        str(fit["circuit"]),
        f"{use} {words.quantity(value, 'Ω', sigma=sigma)}",
        f"{missed} % of |Z|",
    )


def _described(cells: JsonObject) -> str:
    return ", ".join(str(cells[name]) for name in _NAMES if cells.get(name))
