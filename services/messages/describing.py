"""From the store's records to messages."""

from services.messages.claims import Claim, ClaimedQuery, ReferenceMessage
from services.store import Store
from services.store.records import QueryRecord, ReferenceRecord


def describe_claim(store: Store, query: QueryRecord) -> Claim:
    """Everything that a machine needs to answer a query that it has just claimed.

    Raises:
        NotFoundError: If the query's campaign or candidate is not in this store.
    """
    campaign = store.campaigns.by_id(query.campaign_id)
    fidelity = campaign.spec.fidelities.fidelity(query.fidelity)
    blueprint = store.candidates.get(query.candidate_id).blueprint
    return Claim(
        query=ClaimedQuery(
            id=query.id,
            fence=query.fence,
            lease_until=query.lease_until or store.now(),
            campaign=campaign.name,
            fidelity=query.fidelity,
            attempt=query.attempts,
            settings_digest=fidelity.settings_digest,
        ),
        fidelity=fidelity,
        blueprint=blueprint,
        realizations=tuple(record.realization for record in store.realizations.list(query.candidate_id)),
        seed=campaign.spec.look_seed(blueprint),
        objective=campaign.spec.objective,
    )


def describe_reference(record: ReferenceRecord) -> ReferenceMessage:
    """A reference energy as machines read it."""
    return ReferenceMessage(record.reference, record.provenance, record.core_seconds)
