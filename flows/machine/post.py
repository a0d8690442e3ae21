"""The way to the service: whatever was computed is on this machine's disk before it is sent, until it has arrived."""

from collections.abc import Callable
from datetime import UTC, datetime

from domain.errors import ConflictError, InvalidValueError, NotFoundError, PetaliteError, ServiceAwayError
from domain.measurement import Failure, FailureKind
from flows.machine.client import MachineClient
from flows.machine.spool import Parcel, Spool
from services.messages.claims import FailureRequest, ReferenceMessage


class Post:
    """Hands answers and reference energies in; the same again is harmless.

    Args:
        client: The service.
        spool: Where they wait for it.
        report: Told in one line what the service refuses.
        lease_s: Seconds until a claim lapses whose files take long to hand in; None where there is no claim to keep.
    """

    def __init__(
        self, client: MachineClient, spool: Spool, report: Callable[[str], None], *, lease_s: float | None = None
    ) -> None:
        self._client = client
        self._spool = spool
        self._report = report
        self._lease_s = lease_s

    def deliver(self) -> bool:
        """Hands everything in that waits; False if the service is away."""
        try:
            for message in self._spool.references():
                self._deliver_reference(message)
            for parcel in self._spool.parcels():
                self._deliver(parcel)
        except ServiceAwayError as away:
            self._report(str(away))
            return False
        return True

    def hand_in_reference(self, message: ReferenceMessage) -> ReferenceMessage:
        """Hands a reference energy in and gets the one that counts. It waits here while the service is away.

        Raises:
            ServiceAwayError: If the service does not answer now.
            PetaliteError: If the service refuses it.
        """
        self._spool.put_reference(message)
        kept = self._client.put_reference(message)
        self._spool.remove_reference(message)
        return kept

    def _deliver_reference(self, message: ReferenceMessage) -> None:
        try:
            self._client.put_reference(message)
        except (InvalidValueError, NotFoundError, ConflictError) as refused:
            path = self._spool.set_reference_aside(message, str(refused))
            symbol = message.reference.symbol
            self._report(f"The service does not take the reference energy of {symbol}, kept in {path}: {refused}")
        else:
            self._spool.remove_reference(message)

    def _deliver(self, parcel: Parcel) -> None:
        try:
            parcel = self._hand_in_files(parcel)
            self._client.deliver(parcel)
        except InvalidValueError as refused:
            if parcel.failure is None:
                self._deliver(self._spooled_failure(parcel, refused))
            else:
                self._set_aside(parcel, refused)
        except (NotFoundError, ConflictError) as refused:
            self._set_aside(parcel, refused)
        else:
            self._spool.remove(parcel)

    def _hand_in_files(self, parcel: Parcel) -> Parcel:
        """Hands the files in that the service has not got; what it does not take is left out, and that is said."""
        place = 0
        while place < len(parcel.files):
            spooled = parcel.files[place]
            if spooled.number is not None:
                place += 1
                continue
            if self._lease_s is not None:
                self._client.heartbeat(parcel.query_id, parcel.fence, self._lease_s)
            try:
                path = self._spool.path_of(parcel, spooled)
                number = self._client.put_file(parcel.query_id, parcel.fence, spooled.file.note, path)
            except InvalidValueError as refused:
                self._report(f"The service does not take the file {spooled.file.note.name}: {refused}")
                parcel = parcel.without_file(place, refused.problem)
            else:
                parcel = parcel.with_file(place, number)
            # On the disk before the answer: it must be the same whenever it is handed in again.
            self._spool.put(parcel)
        return parcel

    def _spooled_failure(self, parcel: Parcel, refused: InvalidValueError) -> Parcel:
        """A value that cannot be is a look that would fail again."""
        failed = _failed(parcel, refused)
        self._spool.put(failed)
        return failed

    def _set_aside(self, parcel: Parcel, refused: PetaliteError) -> None:
        path = self._spool.set_aside(parcel, str(refused))
        self._report(f"The service does not take the answer to query {parcel.query_id}, kept in {path}: {refused}")


def _failed(parcel: Parcel, refused: InvalidValueError) -> Parcel:
    seen = parcel.measurement
    if seen is None:
        return parcel
    failure = Failure(
        kind=FailureKind.PERMANENT,
        reason=refused.problem,
        worker=seen.measurement.provenance.worker,
        cost=seen.measurement.cost,
        failed_at=datetime.now(UTC),
        details={**seen.measurement.details, "value": seen.measurement.value, "unit": seen.measurement.unit},
    )
    return Parcel(parcel.query_id, failure=FailureRequest(seen.fence, failure))
