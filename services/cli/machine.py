"""`petalite machine`: this computer answers queries of a service elsewhere."""

import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias
from urllib.parse import urlsplit

import typer

from domain.digest import content_digest
from domain.errors import InvalidValueError, ServiceAwayError
from domain.fidelity import Capability, settings_digest
from services.cli.output import console
from services.scratch import LOOKS_PREFIX, held_folder
from services.settings import load_settings
from services.specs import load_oracle_settings

if TYPE_CHECKING:
    from flows.machine.loop import Machine, Offer
    from flows.machine.watch import Watch

app = typer.Typer(help="Let this computer answer queries of a service elsewhere.", no_args_is_help=True)

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Url: TypeAlias = Annotated[str, typer.Option(help="Address of the service, such as https://petalite.example.org")]
TokenFile: TypeAlias = Annotated[Path, typer.Option(help="File that holds the token; nobody else may read it.")]
Offered: TypeAlias = Annotated[
    list[str], typer.Option(help="An oracle to offer; NAME:FILE for none but the settings in a YAML file.")
]
Name: TypeAlias = Annotated[str, typer.Option(help="Names this worker: one name, one look at a time.")]
OnlyCampaign: TypeAlias = Annotated[str | None, typer.Option(help="Answer this campaign only.")]
LeaseS: TypeAlias = Annotated[float, typer.Option(help="Seconds after which a silent machine is given up.")]
GraceS: TypeAlias = Annotated[
    float, typer.Option(help="Seconds that a look has to finish when the machine is stopped.")
]
PollS: TypeAlias = Annotated[float, typer.Option(help="Seconds to rest when nothing waits.", min=0.1)]
Once: TypeAlias = Annotated[bool, typer.Option("--once", help="Answer one query, if one waits, and leave.")]
PatienceS: TypeAlias = Annotated[
    float, typer.Option(help="With --once: seconds after which a service that is away is given up.", min=0)
]
AllowHttp: TypeAlias = Annotated[
    bool, typer.Option("--allow-http", help="Send the token unencrypted to another computer.")
]
LEASE_S: Final = 300.0
GRACE_S: Final = 10.0
POLL_S: Final = 10.0
PATIENCE_S: Final = 300.0


@app.command()
def run(
    url: Url,
    token_file: TokenFile,
    oracle: Offered,
    *,
    name: Name = "",
    campaign: OnlyCampaign = None,
    lease_s: LeaseS = LEASE_S,
    grace_s: GraceS = GRACE_S,
    poll_s: PollS = POLL_S,
    once: Once = False,
    patience_s: PatienceS = PATIENCE_S,
    allow_http: AllowHttp = False,
) -> None:
    """Claim queries, look, and hand the answers in.

    Ctrl-C or SIGTERM: a look that does not finish within the grace is given back. Killed: started again under the same
    name it gets the same query again. Service away: finished answers are kept in Petalite's home and delivered later.
    """
    from flows.machine.loop import Offer
    from flows.machine.watch import Watch

    stop = threading.Event()
    worker = name or socket.gethostname()
    offer = Offer(worker, tuple(_capability(offered) for offered in oracle), campaign, poll_s)
    with _machine(url, token_file, offer, Watch(lease_s, stop, grace_s), allow_http=allow_http) as machine:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if once:
            machine.run_once(patience_s=patience_s)
        else:
            machine.run()


@app.command()
def deliver(url: Url, token_file: TokenFile, *, name: Name = "", allow_http: AllowHttp = False) -> None:
    """Deliver finished answers that could not be handed in when the service was away."""
    from flows.machine.loop import Offer
    from flows.machine.watch import Watch

    offer, watch = Offer(name or socket.gethostname(), ()), Watch(60.0, threading.Event(), 0.0)
    with _machine(url, token_file, offer, watch, allow_http=allow_http) as machine:
        if not machine.deliver():
            raise ServiceAwayError(
                "Not everything could be delivered; it is kept.", remedy="Repeat this when the service is back."
            )
    console().print("Everything is delivered.")


@contextmanager
def _machine(url: str, token_file: Path, offer: "Offer", watch: "Watch", *, allow_http: bool) -> Iterator["Machine"]:
    import httpx

    from flows.machine.client import TIMEOUT_S, MachineClient
    from flows.machine.loop import Machine
    from flows.machine.spool import Spool

    _require_private(url, allow_http=allow_http)
    settings = load_settings(os.environ)
    folder = settings.home / "spool" / content_digest([url.rstrip("/"), offer.worker])[:16]
    headers = {"Authorization": f"Bearer {_token(token_file)}", "User-Agent": "petalite-machine"}
    out = console()
    with (
        held_folder(settings.scratch, LOOKS_PREFIX) as scratch,
        httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S) as http,
    ):
        yield Machine(
            MachineClient(http),
            Spool(folder),
            offer,
            watch,
            lambda line: out.print(line, soft_wrap=True, markup=False),
            scratch=scratch,
        )


def _token(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            token = file.read().strip()
    except (OSError, ValueError) as error:
        raise InvalidValueError(f"The token file {path} cannot be read: {error}.", remedy="Check the path.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidValueError(
            f"Others than its owner can read or write the token file {path}.", remedy=f"chmod 600 {path}"
        )
    if not token or any(character.isspace() for character in token):
        raise InvalidValueError(
            f"The file {path} holds no token.", remedy="Put the token that `petalite token create` printed into it."
        )
    return token


def _require_private(url: str, *, allow_http: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidValueError(f"'{url}' is no address of a service.", remedy="Give https://HOST[:PORT].")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not allow_http:
        raise InvalidValueError(
            f"On the way to {parts.hostname} anybody could read the token.",
            remedy="Use https, or say --allow-http in a network of your own.",
        )


def _capability(offered: str) -> Capability:
    from oracles.registry import build_oracle, oracle_names

    name, _, file = offered.partition(":")
    if name not in oracle_names():
        raise InvalidValueError(
            f"There is no oracle '{name}' here.", remedy=f"Choose among {', '.join(oracle_names())}."
        )
    if not file:
        return Capability(name)
    settings = load_oracle_settings(name, Path(file))
    build_oracle(name, settings).check()
    return Capability(name, settings_digest(name, settings))
