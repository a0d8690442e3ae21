"""The one door through which results enter the store, whoever brings them."""

from services.intake.door import record_failure, record_measurement
from services.intake.laboratory import record_laboratory_result

__all__ = ["record_failure", "record_laboratory_result", "record_measurement"]
