"""Constants of nature, and the temperature that values are compared at."""

from typing import Final

BOLTZMANN_EV_PER_K: Final = 8.617333262e-5
"""CODATA 2018."""
ROOM_K: Final = 298.15
"""Room temperature."""
