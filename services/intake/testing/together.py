"""What is recorded together is what would have been recorded one by one."""

from dataclasses import replace

from domain.measurement import Measurement
from domain.states import CampaignState, QueryState
from services.intake import record_measurement
from services.intake.testing.examples import claim, example_measurement
from services.intake.together import MachineAnswer, record_together
from services.store.examples import Bench, example_pick, open_example
from services.store.records import MeasurementRecord, QueryRecord


def check_together_is_as_one_by_one(bench: Bench) -> None:
    """The same rows in either of two campaigns, whichever way its answers came."""
    seen = [example_measurement(-1 - number / 8) for number in range(3)]
    seen[1] = replace(seen[1], value=-1125.0, unit="meV/atom", sigma=None, temperature_K=300.0)
    seen[2] = replace(seen[2], details={"note": "NUL \0 and é"})
    kept = []
    for name in ("singly", "together"):
        campaign, _, queries = open_example(bench.store, [example_pick(n) for n in range(3)], name=name)
        bench.store.campaigns.set_state(campaign.id, CampaignState.RUNNING)
        fences = [claim(bench.store, query).fence for query in queries]
        answers = list(zip(queries, fences, seen, strict=True))
        if name == "singly":
            records = [record_measurement(bench.store, q.id, fence=f, measurement=m) for q, f, m in answers]
        else:
            records = [record for record in _record(bench, *answers) if record is not None]
        assert tuple(records) == bench.store.measurements.list(campaign.id)
        assert bench.store.campaigns.by_id(campaign.id).wake_at == bench.clock()
        events = [record.event for record in bench.store.events.list(campaign.id)]
        kept.append(
            (
                [replace(record, id=0, query_id=0, candidate_id=0) for record in records],
                sorted(
                    (row.kind, row.amount, row.core_seconds, row.money) for row in bench.store.ledger.rows(campaign.id)
                ),
                [(event.kind, event.message.replace(name, ""), len(event.payload)) for event in events],
                [replace(bench.store.queries.get(q.id), id=0, campaign_id=0, candidate_id=0, key="") for q in queries],
            )
        )
        again = [record_measurement(bench.store, q.id, fence=f, measurement=m) for q, f, m in answers]
        assert again == records
    assert kept[0] == kept[1]


def check_together_leaves_the_odd_ones_alone(bench: Bench) -> None:
    """Refused, late, repeated, unknown: nothing of it is recorded, and the rest is."""
    campaign, _, queries = open_example(bench.store, [example_pick(number) for number in range(5)])
    held = [claim(bench.store, query) for query in queries[:4]]
    seen = example_measurement()
    good, implausible, late, sited = held
    sites = replace(seen, provenance=replace(seen.provenance, realization_digest="0" * 64))
    results = _record(
        bench,
        (good, good.fence, seen),
        (implausible, implausible.fence, replace(seen, value=1e6)),
        (late, late.fence + 1, seen),
        (sited, sited.fence, sites),
        (queries[4], 1, seen),
        (replace(good, id=10**6), 1, seen),
        (good, good.fence, replace(seen, value=-2.0)),
    )
    assert [result is not None for result in results] == [True] + [False] * 6
    assert bench.store.measurements.list(campaign.id, with_evidence=True) == (results[0],)
    assert [bench.store.queries.get(query.id).state for query in queries] == [
        QueryState.DONE,
        *[QueryState.CLAIMED] * 3,
        QueryState.QUEUED,
    ]
    assert bench.store.ledger.balance(campaign.id).booked == good.declared.amount
    assert _record(bench, (good, good.fence, seen)) == [None]


def _record(bench: Bench, *answers: tuple[QueryRecord, int, Measurement]) -> list[MeasurementRecord | None]:
    return record_together(bench.store, [MachineAnswer(query.id, fence, seen) for query, fence, seen in answers])
