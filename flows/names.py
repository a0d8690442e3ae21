"""By which names Prefect knows what Petalite runs."""

from typing import Final

ADVANCING: Final = "advance-campaign"
"""The flow around `advance`, one run for each campaign that is to go on."""
DEPLOYMENT: Final = "advance"
"""Its deployment on every worker."""
ENTRYPOINT: Final = "flows.advancing.advance_campaign"
"""Where its code is."""
ANSWERING: Final = "answer-queries"
"""The flow that answers queries from a work pool."""
