"""What one process counts of its own requests, for Prometheus."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import Scope

_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Meters:
    """Requests by route and status, and how long they took."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "petalite_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self._took_s = Histogram(
            "petalite_request_seconds", "Time to answer.", ["route"], buckets=_BUCKETS_S, registry=self.registry
        )

    def count(self, scope: Scope, status: int, took_s: float) -> None:
        """Counts an answer under the name of its route; what met no route is counted together."""
        endpoint = scope.get("endpoint")
        route = getattr(endpoint, "__name__", "none")
        method: str = scope["method"]
        known = self._known.get((route, method, status))
        if known is None:
            known = self._requests.labels(route, method, str(status)), self._took_s.labels(route)
            self._known[route, method, status] = known
        requests, seconds = known
        requests.inc()
        seconds.observe(took_s)
