"""`petalite worker`: a process that advances campaigns, or one that answers queries of a service elsewhere."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from domain.errors import InvalidValueError
from services.cli import machine
from services.cli.machine import GRACE_S, LEASE_S, PATIENCE_S, POLL_S
from services.cli.serve import end_on_signals
from services.settings import load_settings

Offered: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="An oracle to answer for a service elsewhere; NAME:FILE with the settings in a YAML file alone."),
]
ServiceUrl: TypeAlias = Annotated[str | None, typer.Option(help="With --oracle: address of that service.")]
TokenFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="With --oracle: file that holds the token; nobody else may read it.")
]


def worker(
    *,
    oracle: Offered = None,
    url: ServiceUrl = None,
    token_file: TokenFile = None,
    name: machine.Name = "",
    campaign: machine.OnlyCampaign = None,
    lease_s: machine.LeaseS = LEASE_S,
    grace_s: machine.GraceS = GRACE_S,
    poll_s: machine.PollS = POLL_S,
    once: machine.Once = False,
    patience_s: machine.PatienceS = PATIENCE_S,
    allow_http: machine.AllowHttp = False,
    ends_with_parent: Annotated[bool, typer.Option("--ends-with-parent", hidden=True)] = False,
) -> None:
    """Advance campaigns of this store, or with --oracle answer queries of a service elsewhere, until Ctrl-C or SIGTERM.

    Without --oracle it needs the store. Any number of workers on any number of machines may share one. Where
    PREFECT_API_URL names no Prefect server, the worker has one of its own.

    With --oracle it needs --url and --token-file and no store: the same as `petalite machine run`, and all other
    options are for that alone.
    """
    if not oracle:
        _refuse_lonely((url, token_file, name, campaign, once, allow_http))
        advance_campaigns(ends_with_parent=ends_with_parent)
        return
    if url is None or token_file is None:
        raise InvalidValueError(
            f"A worker that answers {', '.join(oracle)} needs to know for whom.",
            remedy="Give --url and --token-file; docs/machines.md tells how to get a token.",
        )
    machine.run(
        url,
        token_file,
        oracle,
        name=name,
        campaign=campaign,
        lease_s=lease_s,
        grace_s=grace_s,
        poll_s=poll_s,
        once=once,
        patience_s=patience_s,
        allow_http=allow_http,
    )


def advance_campaigns(*, ends_with_parent: bool) -> None:
    """Advances campaigns whenever something has happened that leads on.

    Args:
        ends_with_parent: Whether it ends when its standard input does.
    """
    settings = load_settings(os.environ)
    from flows.environment import prepare_environment

    prepare_environment(os.environ, home=settings.home)
    from flows.worker import work
    from services.children import end_with_parent
    from services.logging import configure_logging

    configure_logging(level=settings.log_level)
    end_on_signals()
    if ends_with_parent:
        end_with_parent()
    work(settings, os.environ)


def _refuse_lonely(told: Iterable[object]) -> None:
    """A forgotten --oracle must not start a worker on a store of its own, which would wait for ever."""
    if any(told):
        raise InvalidValueError(
            "A worker that answers queries of a service was told no oracle.",
            remedy="Say which, --oracle NAME (petalite oracle list); or leave the other options out.",
        )
