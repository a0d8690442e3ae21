"""Fires the schedules of campaigns.

Prefect's own scheduler is not used: it would start flow runs, while what a schedule has to do is to leave a wish in the
store, where results leave theirs and where it survives every process.
"""

from services.store import Store


def fire_due(store: Store) -> tuple[str, ...]:
    """Wakes the campaigns whose schedules are due; returns the names of those that this process has woken.

    Raises:
        StoreError: If the store does not answer.
    """
    return tuple(due.campaign for due in store.schedules.due() if store.schedules.fire(due))
