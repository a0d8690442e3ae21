"""`petalite run`: a campaign from its spec, or on from where it stood."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from domain.campaign import CampaignSpec
from domain.errors import ConflictError, NotFoundError, OracleUnavailableError
from domain.states import HALTED_CAMPAIGNS, CampaignState
from services.cli.acting import audit
from services.cli.leaders import print_busy, print_halted, print_outcome
from services.cli.output import ExitCode, console, print_json
from services.cli.progress import shown_progress
from services.cli.spec import created_campaign, runnable_spec
from services.reports.document import campaign_document
from services.settings import Settings, load_settings
from services.store import Store, open_store
from services.store.records import CampaignRecord


def run(
    campaign: Annotated[str, typer.Argument(help="A spec file (YAML), or the name of a campaign in the store.")],
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a campaign that was paused or stopped.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the campaign as JSON at the end, no progress.")
    ] = False,
) -> None:
    """Run a campaign, or continue it where it stood.

    Interrupt it with Ctrl-C, or kill it: run it again and it goes on. What was recorded is kept, and nothing is
    charged twice. Exit status 3 if the campaign waits for others, 5 if it has paused itself because something is wrong.
    """
    settings = load_settings(os.environ)
    from flows.environment import prepare_environment

    prepare_environment(os.environ, home=settings.home)
    record = _prepare(settings, campaign, resume=resume)
    signal.signal(signal.SIGTERM, _interrupt)
    outcome = _advance_shown(settings, record, as_json=as_json)
    with open_store(settings.store_url) as store:
        if outcome is ExitCode.BUSY:
            print_busy(record.name)
        elif as_json:
            print_json(campaign_document(store, record.name))
        else:
            print_outcome(settings, store, record.name)
        if outcome is ExitCode.DONE and (reason := store.halting.reason(record.id)) is not None:
            print_halted(record.name, reason)
            outcome = ExitCode.HALTED
    sys.exit(outcome)


def _prepare(settings: Settings, campaign: str, *, resume: bool) -> CampaignRecord:
    """Creates the campaign or finds it; everything that can be refused is refused here, before anything is spent."""
    path = Path(campaign)
    with open_store(settings.store_url) as store:
        if path.suffix in {".yaml", ".yml"} or path.is_file():
            spec = runnable_spec(path)
            if not _is_there(store, spec.name):
                _require_an_oracle(spec)
            record = created_campaign(store, spec)
        else:
            record = store.campaigns.get(campaign)
        if record.state in HALTED_CAMPAIGNS:
            if not resume:
                raise ConflictError(
                    f"Campaign '{record.name}' is {record.state.value}.",
                    remedy=f"Go on with: petalite run {campaign} --resume",
                )
            with store.writing():
                record = store.campaigns.set_state(record.id, CampaignState.RUNNING)
                audit(store, "campaign.resume", f"campaign {record.name}", {})
        return record


def _is_there(store: Store, name: str) -> bool:
    try:
        store.campaigns.get(name)
    except NotFoundError:
        return False
    return True


def _require_an_oracle(spec: CampaignSpec) -> None:
    """Refuses a campaign of which nothing can be asked on this machine, before it is there to stay.

    Raises:
        OracleUnavailableError: If all its oracles are missing here.
    """
    from flows.validation import missing_here

    missing = missing_here(spec)
    if len(missing) == len(spec.ladder):
        raise OracleUnavailableError(
            f"No oracle of campaign '{spec.name}' can run here: "
            + " ".join(f"{name}: {error.problem}" for name, error in missing.items()),
            remedy=" ".join(error.remedy for error in missing.values()),
        )


def _advance_shown(settings: Settings, record: CampaignRecord, *, as_json: bool) -> ExitCode:
    out = console()
    if as_json:
        return _advance(settings, record)
    out.print(f"[bold]{record.name}[/]: {record.spec.description or record.spec.objective.quantity}")
    out.print("Starting (the embedded Prefect takes some seconds). Ctrl-C stops; the same command goes on.")
    try:
        with shown_progress(settings.store_url, record.name, out):
            return _advance(settings, record)
    except KeyboardInterrupt:
        out.print(f"\nInterrupted. Everything recorded is kept; go on with: petalite run {record.name}", soft_wrap=True)
        sys.exit(ExitCode.INTERRUPTED)


def _advance(settings: Settings, record: CampaignRecord) -> ExitCode:
    from flows.prefect_server import prefect_server

    with prefect_server(os.environ, home=settings.home):
        from flows.advance import Outcome, advance

        meaning = {Outcome.WAITING: ExitCode.WAITING, Outcome.BUSY: ExitCode.BUSY}
        return meaning.get(advance(record.name), ExitCode.DONE)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
