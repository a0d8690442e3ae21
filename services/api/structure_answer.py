"""Structures and files as answers that are taken away."""

from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from services.materials.formats import MEDIA_TYPES, StructureFormat

WantedFormat = Annotated[StructureFormat, Query(alias="format", description="In which format.")]

_TEXT: Final[dict[str, object]] = {"schema": {"type": "string"}}
_JSON: Final[dict[str, object]] = {"schema": {"type": "object"}}
FORMAT_RESPONSES: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": "The structure.",
        "content": {**dict.fromkeys(MEDIA_TYPES.values(), _TEXT), MEDIA_TYPES[StructureFormat.MSON]: _JSON},
    }
}
_ENDINGS: Final = {
    StructureFormat.CIF: ".cif",
    StructureFormat.POSCAR: ".vasp",
    StructureFormat.EXTXYZ: ".extxyz",
    StructureFormat.MSON: ".json",
}


def structure_response(text: str, wanted: StructureFormat, *, name: str) -> Response:
    """Answers with a structure as a file.

    Args:
        text: The structure.
        wanted: Its format.
        name: What to call the file, without its ending.
    """
    return Response(text, media_type=MEDIA_TYPES[wanted], headers=attached(name + _ENDINGS[wanted]))


def attached(name: str) -> dict[str, str]:
    """Headers under which a browser keeps a file rather than shows it.

    Args:
        name: Of plain letters, digits, dots, underscores and hyphens.
    """
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
