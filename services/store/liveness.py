"""Whether a connection that lay in the pool still leads to its server, found out without asking the server.

A question at each use, however small, would cost the server and us as much as half of what is read in between. A server
that ends, or ends a connection, says so, and that can be seen on this side.
"""

import select
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

LONGEST_SILENCE_S: Final = 10.0
"""Time after which a server is asked all the same: what stands between may have forgotten a connection silently."""
_LAID_DOWN: Final = "petalite_laid_down"


def check_before_use(engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Has connections of a PostgreSQL server looked at, and asked where that is not enough, whenever one is taken.

    One that leads nowhere is replaced, and so are those that are as old.
    """

    def lay_down(connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        del connection
        record.info[_LAID_DOWN] = clock()

    def take_up(connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: object) -> None:
        del proxy
        laid_down = record.info.get(_LAID_DOWN)
        try:
            if laid_down is None or (clock() - laid_down < LONGEST_SILENCE_S and _is_silent(connection)):
                return
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", lay_down)
    event.listen(engine, "checkout", take_up)


def _is_silent(connection: DBAPIConnection) -> bool:
    """Whether nothing has come from the server that nobody has read: not its farewell either."""
    watched = select.poll()
    watched.register(connection.fileno(), select.POLLIN)
    return not watched.poll(0)
