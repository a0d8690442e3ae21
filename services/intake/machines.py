"""What a machine says of its own look, held against what it was asked."""

from datetime import datetime

from domain.errors import InvalidValueError
from domain.fidelity import Fidelity
from domain.measurement import Measurement
from services.intake.handed_in import CLOCKS_DIFFER


def require_asked_look(measurement: Measurement, fidelity: Fidelity, *, asked_at: datetime) -> None:
    """Refuses a measurement that cannot be the look that a machine was asked for.

    Args:
        measurement: As the machine hands it in.
        fidelity: What was asked.
        asked_at: When it was asked.

    Raises:
        InvalidValueError: If another oracle has looked, or the same with other settings, or before it was asked.
    """
    origin = measurement.provenance
    if origin.oracle != fidelity.oracle:
        raise InvalidValueError(
            f"Oracle '{origin.oracle}' has looked, but '{fidelity.oracle}' was asked.",
            remedy="Look with the oracle that the claim names, or give the claim back.",
        )
    if origin.settings_digest != fidelity.settings_digest:
        raise InvalidValueError(
            f"The settings '{origin.settings_digest[:12]}' are not those of fidelity '{fidelity.name}', which are "
            f"'{fidelity.settings_digest[:12]}'.",
            remedy="Look with the settings that the claim names, and repeat its settings_digest.",
        )
    if measurement.measured_at < asked_at - CLOCKS_DIFFER:
        raise InvalidValueError(
            f"The measurement is from {measurement.measured_at:%Y-%m-%d %H:%M %Z}, before it was asked for "
            f"({asked_at:%Y-%m-%d %H:%M %Z}).",
            remedy="Give the time of this look, and set the clock. An older number is handed in unasked.",
        )
