"""Reports for people: what a row became in a few words, and a csv that a spreadsheet opens safely."""

from collections.abc import Sequence

from domain.json_value import JsonObject, JsonValue
from services.store.uploads import UploadRow
from services.uploads.template import write_csv


def brief(understood: JsonObject) -> JsonObject:
    """What a row was taken for, without the sites and the text of its crystal."""
    crystal = understood.get("crystal")
    if not isinstance(crystal, dict):
        return understood
    kept: dict[str, JsonValue] = {key: value for key, value in crystal.items() if key not in {"structure", "cif"}}
    return {**understood, "crystal": kept}


def report_csv(rows: Sequence[UploadRow]) -> str:
    """The report as a csv: state and remarks first, then the cells as they were handed in."""
    columns = list(dict.fromkeys(name for row in rows for name in row.cells))
    header = ["row", "state", "remarks", "measurement", "material", "material measurement", *columns]
    lines = [
        [
            str(row.number),
            row.state.value,
            " ".join(row.remarks),
            _number(row.measurement_id),
            _number(row.material_id),
            _number(row.material_measurement_id),
            *(str(row.cells.get(column, "")) for column in columns),
        ]
        for row in rows
    ]
    return write_csv([header, *lines])


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
