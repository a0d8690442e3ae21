"""What the audit log says of one campaign: of itself, its queries, measurements and uploads."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from services.store import Store
from services.store.audit import AuditRecord
from services.store.records import CampaignRecord

_PAGE: Final = 1_000
_MANY_QUERIES: Final = re.compile(r"[0-9]+ queries")
_NUMBERED: Final = re.compile(r"(query|measurement|material measurement|upload) ([0-9]+)(?: .*)?")
"""Such as `query 7` or `upload 3 row 2`."""


def audit_of_campaign(store: Store, campaign: CampaignRecord) -> Iterator[AuditRecord]:
    """Rows of the audit log that tell of a campaign, in the order in which they were added."""
    name = re.escape(campaign.name)
    itself = re.compile(rf"campaign {name}(, schedule [0-9]+)?")
    numbers = _numbers(store, campaign.id)
    after = 0
    while page := store.audit.list(after=after, limit=_PAGE):
        for row in page:
            # A campaign of the same name that was deleted before it began is another one.
            is_of_name = itself.fullmatch(row.subject) is not None and row.at >= campaign.created_at
            if is_of_name or _is_of_part(row, numbers):
                yield row
        after = page[-1].id


def _is_of_part(row: AuditRecord, numbers: Mapping[str, Collection[int]]) -> bool:
    judged = row.details.get("queries")
    if _MANY_QUERIES.fullmatch(row.subject) and isinstance(judged, list):
        return any(number in numbers["query"] for number in judged)
    part = _NUMBERED.fullmatch(row.subject)
    return part is not None and int(part.group(2)) in numbers[part.group(1)]


def _numbers(store: Store, campaign_id: int) -> Mapping[str, Collection[int]]:
    """Numbers of a campaign's parts by what the audit log calls them."""
    return {
        "query": {query.id for query in store.queries.list(campaign_id)},
        "measurement": {found.id for found in store.measurements.list(campaign_id, with_evidence=True)},
        "material measurement": {found.id for found in store.material_values.every(campaign_id)},
        "upload": set(_uploads(store, campaign_id)),
    }


def _uploads(store: Store, campaign_id: int) -> Iterator[int]:
    after = 0
    while page := store.uploads.list(campaign_id, after=after, limit=_PAGE):
        yield from (upload.id for upload in page)
        after = page[-1].id
