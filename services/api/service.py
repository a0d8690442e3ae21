"""What one process of the service holds, and where its parts find it."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from starlette.types import Scope

from domain.errors import NotAuthenticatedError, StoreError
from services.access.oidc_provider import IdentityProvider
from services.access.principal import Principal
from services.api.drawn import DrawnFigures
from services.api.hand_in import HandedIn, hand_in, hand_in_together
from services.api.meters import Meters
from services.api.questions import Questions
from services.api.spec_checker import SpecChecker
from services.api.streams import Streams
from services.settings import Settings
from services.store import Store, open_store
from services.store.joint import Joint
from services.store.records import MeasurementRecord

PRINCIPAL_KEY = "petalite.principal"
"""Key of a request's scope under which the guard leaves whom it let in."""


@dataclass(slots=True)
class Service:
    """The settings, and the store while the application runs."""

    settings: Settings
    store: Store | None = None
    """Open between start and stop of the application."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process is asked to stop, so that streams end by themselves."""
    meters: Meters = field(default_factory=Meters)
    questions: Questions = field(default_factory=Questions)
    desk: Joint[HandedIn, MeasurementRecord] | None = None
    """Where measurements are gathered while the store is open."""
    identity_provider: IdentityProvider | None = None
    """Through whom people may sign in; None where passwords are all there is."""
    checker: SpecChecker = field(default_factory=SpecChecker)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    """Of the process: names what stands beside the service, such as Prefect."""
    figures: DrawnFigures = field(default_factory=DrawnFigures)
    streams: Streams = field(init=False)
    """Who follows which campaign."""

    def __post_init__(self) -> None:
        self.streams = Streams(lambda: self.open_store, self.stopping.is_set)

    def open(self) -> None:
        """Opens the store."""
        self.store = store = open_store(self.settings.store_url)
        self.desk = store.joint(
            many=partial(hand_in_together, store, self.questions), one=partial(hand_in, store, self.questions)
        )
        self.stopping.clear()

    def close(self) -> None:
        """Finishes what was accepted and closes the store."""
        store, self.store, self.desk = self.store, None, None
        self.checker.close()
        if store is not None:
            store.close()

    @property
    def open_store(self) -> Store:
        """The store.

        Raises:
            StoreError: If the application was not started.
        """
        if self.store is None:
            raise StoreError("The service has no store open.", remedy="Wait until it has started.")
        return self.store


def principal_of(scope: Scope) -> Principal:
    """Whom the guard let in.

    Raises:
        NotAuthenticatedError: If it let nobody in, because the route is public.
    """
    principal = scope.get(PRINCIPAL_KEY)
    if not isinstance(principal, Principal):
        raise NotAuthenticatedError("Nobody is signed in.", remedy="Send a token, or sign in.")
    return principal
