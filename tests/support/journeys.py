"""Campaigns for journeys whose story begins when a campaign is there."""

from pathlib import Path

from playwright.sync_api import Page
from support.processes import wait_until
from support.real_service import RealService
from support.stories import LONG_MS

from domain.campaign import CampaignSpec
from domain.states import QueryState
from services.access.people import give_campaign
from services.access.principal import local_operator
from services.dashboard.testing import GROUP
from services.specs import read_spec
from services.store.records import CampaignRecord, QueryRecord


def group_campaign(service: RealService, spec: str) -> CampaignRecord:
    """Makes a campaign of a spec's YAML and gives it to the group. Nobody has started it."""
    return give_to_group(service, read_spec(spec.encode(), Path("journey.yaml")))


def give_to_group(service: RealService, spec: CampaignSpec) -> CampaignRecord:
    """Makes a campaign that the people of the group see."""
    record = service.store.campaigns.create(spec)
    give_campaign(service.store, record.name, GROUP, by=local_operator())
    return record


def fact(page: Page, name: str, value: str = "") -> None:
    """Waits until a page's facts say something, for as long as a round may take."""
    fact = page.locator(".facts > div").filter(has=page.locator("dt", has_text=name)).locator("dd")
    fact.filter(has_text=value).first.wait_for(timeout=LONG_MS)


def start(service: RealService, campaign: CampaignRecord, *, n_asked: int) -> tuple[QueryRecord, ...]:
    """Lets a worker take a campaign, and waits until so many looks wait for somebody. Returns those."""
    service.store.campaigns.wake(campaign.id)

    def waiting() -> tuple[QueryRecord, ...]:
        return service.store.queries.list(campaign.id, states=[QueryState.QUEUED])

    wait_until(lambda: len(waiting()) >= n_asked, f"{campaign.name} asks {n_asked} times", *service.processes[-1:])
    return waiting()
