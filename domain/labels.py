"""Short texts that people choose and that are shown everywhere: in tables, figures, file names and messages."""

import re
from typing import Final

from domain.campaign import CampaignSpec
from domain.errors import SpecError

LONGEST_LABEL: Final = 63
_LABEL: Final = re.compile(r"[\w€$£¥%][\w .,:;+%°²³·@|/()'€$£¥-]*(?<! )")


def require_labels(spec: CampaignSpec) -> None:
    """Refuses a spec whose names cannot stand in a heading or the legend of a figure as they are, markup above all.

    For specs that come in, not for those that are stored: a rule that became stricter must lock nobody out.

    Raises:
        SpecError: If the budget's unit or a fidelity's name is empty, too long, or holds other than letters, digits,
            spaces and common signs.
    """
    _require(spec.budget.unit, "budget.unit", example="core-seconds")
    for place, fidelity in enumerate(spec.ladder):
        _require(fidelity.name, f"ladder[{place}].name", example="dft")


def _require(text: str, field: str, *, example: str) -> None:
    if len(text) <= LONGEST_LABEL and _LABEL.fullmatch(text):
        return
    raise SpecError(
        f"{field} {text[:LONGEST_LABEL]!r} cannot be used.",
        remedy=f"Write at most {LONGEST_LABEL} letters, digits, spaces and signs such as . - / ( ), for example "
        f"'{example}'.",
    )
