"""The system of record: campaigns, queries, results and money in one SQL database."""

from services.store.opening import open_store
from services.store.store import Store

__all__ = ["Store", "open_store"]
