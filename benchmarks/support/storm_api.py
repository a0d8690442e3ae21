"""Storms over the API: its process dies, its client repeats what was not acknowledged."""

import json
import os
import socket
import tempfile
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from support.filled_people import machine_token
from support.served import HOST
from support.storm import Acknowledge, Life, live
from support.storm_service import serve
from support.storm_work import LEASE_S, WORKER, fails, failure, known, measurement, open_day, said

from domain.json_value import JsonValue
from domain.parsing import to_json_value
from services.store import open_store


class ApiStage:
    """A server process, and a client that claims and answers over a socket."""

    name = "api"

    def __init__(self, url: str) -> None:
        self.url = url
        self._home = Path(tempfile.mkdtemp(prefix="petalite-storm-"))
        self._token = ""

    def prepare(self) -> None:
        """Asks the day's questions and lets the client in."""
        with open_store(self.url) as store:
            self._token, group_id = machine_token(store, WORKER)
        open_day(self.url, group_id=group_id)

    def live(self, kill_at: int | None) -> Life:
        """One life of the server; the client works until the server or the work ends."""
        acknowledged: list[str] = []
        with socket.create_server((HOST, 0)) as listening:
            stop_reading, stop_writing = os.pipe()
            client = _Client(listening.getsockname()[1], self._token, acknowledged)

            def beside() -> None:
                try:
                    client.work_through()
                finally:
                    os.close(stop_writing)

            def work(_: Acknowledge) -> None:
                os.close(stop_writing)
                serve(self.url, self._home, listening, stop_reading)

            life = live(work, kill_at=kill_at, beside=beside)
            os.close(stop_reading)
        return Life(tuple(acknowledged), life.n_points, life.was_killed)

    def known(self) -> frozenset[str]:
        """What the store holds of what may have been acknowledged."""
        with open_store(self.url) as store:
            return known(store)


class _Client:
    """Answers every open query over one connection; gives up when the server dies."""

    def __init__(self, port: int, token: str, acknowledged: list[str]) -> None:
        self._connection = HTTPConnection(HOST, port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._acknowledged = acknowledged

    def work_through(self) -> None:
        """Answers until nothing is open, or nobody listens any more."""
        try:
            while self._answer_one():
                pass
        except (OSError, HTTPException):
            pass  # the server has died; its next life goes on
        finally:
            self._connection.close()

    def _answer_one(self) -> bool:
        offer = {"worker": WORKER, "lease_s": LEASE_S, "oracles": [{"oracle": "density"}]}
        claim = self._post("/queries/claim", offer)
        if claim is None:
            return False
        query_id, fence, attempt = (claim["query"][name] for name in ("id", "fence", "attempt"))
        kind = fails(query_id, attempt)
        if kind is None:
            self._post(
                f"/queries/{query_id}/measurement",
                {"fence": fence, "measurement": to_json_value(measurement(query_id))},
            )
        else:
            self._post(f"/queries/{query_id}/failure", {"fence": fence, "failure": to_json_value(failure(kind))})
        self._acknowledged.append(said(query_id, attempt))
        return True

    def _post(self, path: str, body: Mapping[str, JsonValue]) -> dict[str, dict[str, int]] | None:
        self._connection.request("POST", f"/api/v1{path}", json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status == 204:
            return None
        if answer.status not in {200, 201}:
            raise RuntimeError(f"POST {path}: {answer.status} {content.decode(errors='replace')}")
        parsed: dict[str, dict[str, int]] = json.loads(content)
        return parsed
