"""`petalite campaign create` and `validate`: from a spec file to a campaign."""

import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from domain.campaign import CampaignSpec
from domain.errors import SpecError, UnknownOracleError
from domain.json_value import JsonObject
from domain.parsing import to_json_value
from services.cli.acting import audit
from services.cli.options import AsJson
from services.cli.output import console, print_json
from services.settings import load_settings
from services.specs import explain, load_spec
from services.store import Store, open_store
from services.store.records import CampaignRecord

SpecFile: TypeAlias = Annotated[Path, typer.Argument(help="A spec file (YAML).")]


def validate(path: SpecFile, *, as_json: AsJson = False) -> None:
    """Check a spec without creating anything. Exit status 1 if it cannot be run, with every problem and its line.

    What only this machine lacks, or does not trust, is said and does not change the status: others may have it.
    """
    spec = runnable_spec(path)
    if as_json:
        print_json(to_json_value(spec))
        return
    budget, looks = spec.budget, sum(spec.initial_looks.values())
    price = sum(spec.fidelities.fidelity(name).cost * n for name, n in spec.initial_looks.items())
    console().print(
        f"{spec.name} can be run: at most {spec.max_rounds} rounds for {budget.total:g} {budget.unit}, the first with "
        f"{looks} looks for {price:g}.",
        soft_wrap=True,
    )
    from flows.validation import missing_here

    for fidelity, missing in missing_here(spec).items():
        console().print(
            f"Not on this machine: {fidelity}. {missing.problem} {missing.remedy}", soft_wrap=True, markup=False
        )


def create(
    path: SpecFile,
    *,
    group: Annotated[str | None, typer.Option(help="The group whose it is; administrators' alone by default.")] = None,
) -> None:
    """Create a campaign from a spec. The same spec again is the same campaign. It runs once it is started."""
    spec = runnable_spec(path)
    with open_store(load_settings(os.environ).store_url) as store:
        group_id = None if group is None else store.people.group(group).id
        record = created_campaign(store, spec, group_id=group_id)
    told = f"{record.name} is {record.state.value}. Start it with: petalite campaign start {record.name}"
    console().print(told, soft_wrap=True)


def runnable_spec(path: Path) -> CampaignSpec:
    """Reads a spec and refuses one that cannot be run.

    Raises:
        SpecError: If it is no spec or cannot be run; names every problem with its line.
        UnknownOracleError: If it names an oracle that is not registered here.
    """
    from flows.validation import require_runnable

    spec = load_spec(path)
    try:
        require_runnable(spec)
    except (SpecError, UnknownOracleError) as error:
        raise explain(error, path) from error
    return spec


def created_campaign(store: Store, spec: CampaignSpec, *, group_id: int | None = None) -> CampaignRecord:
    """Creates a campaign, or finds the same one."""
    with store.writing():
        is_new = spec.name not in {record.name for record in store.campaigns.list()}
        record = store.campaigns.create(spec, group_id=group_id)
        if is_new:
            details: JsonObject = {"spec_digest": record.spec_digest, "group_id": record.group_id}
            audit(store, "campaign.create", f"campaign {record.name}", details)
    return record
