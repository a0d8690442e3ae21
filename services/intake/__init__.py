"""The one door through which results enter the store, whoever brings them."""

from services.intake.choices import give_choices
from services.intake.corrections import amend_material_value, record_amendment, retract, retract_material_value
from services.intake.door import record_failure, record_measurement
from services.intake.findings import Findings
from services.intake.laboratory import (
    amend_laboratory_result,
    record_laboratory_failure,
    record_laboratory_result,
    report_laboratory_result,
)
from services.intake.matching import is_asked_about
from services.intake.readings import Changes, Reading
from services.intake.references import record_reference, replace_reference, retract_reference
from services.intake.unsolicited import UnsolicitedOutcome, UnsolicitedRecord, record_unsolicited

__all__ = [
    "Changes",
    "Findings",
    "Reading",
    "UnsolicitedOutcome",
    "UnsolicitedRecord",
    "amend_laboratory_result",
    "amend_material_value",
    "give_choices",
    "is_asked_about",
    "record_amendment",
    "record_failure",
    "record_laboratory_failure",
    "record_laboratory_result",
    "record_measurement",
    "record_reference",
    "record_unsolicited",
    "replace_reference",
    "report_laboratory_result",
    "retract",
    "retract_material_value",
    "retract_reference",
]
