"""What laboratories are asked and have answered, as checks for every database."""

from domain.measurement import FailureKind
from domain.states import QueryState
from services.intake import Reading, record_laboratory_result
from services.intake.laboratory import claim_laboratory_query, record_laboratory_failure
from services.store.examples import Bench, example_pick, example_spec, open_round
from services.store.laboratory import QueueFilter


def check_laboratory_queue(bench: Bench) -> None:
    """The most urgent campaign's samples come first, the oldest of them first; pages go on from a number."""
    store = bench.store
    campaigns = [store.campaigns.create(example_spec(name)) for name in ("calm", "urgent")]
    for campaign in campaigns:
        open_round(
            store, campaign.id, 0, [example_pick(n, name) for n, name in ((1, "static"), (1, "lab"), (2, "lab"))]
        )
    store.campaigns.set_priority(campaigns[1].id, 1)
    calm, urgent = ([query.id for query in store.queries.list(c.id, fidelity="lab")] for c in campaigns)
    asked = [(campaign.id, "lab") for campaign in campaigns]
    listed = store.laboratory.queue(asked, QueueFilter())
    assert [query.id for query, _ in listed] == [*urgent, *calm]
    assert all(query.candidate_id == candidate.id for query, candidate in listed)
    rest = store.laboratory.queue(asked, QueueFilter(), after=urgent[1], limit=1)
    assert [query.id for query, _ in rest] == calm[:1]
    claim_laboratory_query(store, calm[1], worker="eve")
    (held,) = store.laboratory.queue(asked, QueueFilter((QueryState.CLAIMED,), "eve"))
    assert held[0].id == calm[1]
    assert store.laboratory.queue([], QueueFilter()) == ()


def check_laboratory_history(bench: Bench) -> None:
    """Answers and failures, the newest first, everybody's or one's own; what is known of a crystal."""
    store = bench.store
    campaign = store.campaigns.create(example_spec())
    open_round(store, campaign.id, 0, [example_pick(number, "lab") for number in range(3)])
    first, second, third = store.queries.list(campaign.id)
    answers = [
        record_laboratory_result(store, query.id, worker=worker, reading=Reading(-1.0, "eV/atom"))
        for query, worker in ((first, "eve"), (second, "ann"))
    ]
    record_laboratory_failure(store, third.id, worker="eve", kind=FailureKind.PERMANENT, reason="It melted.")
    asked = [(campaign.id, "lab")]
    assert store.laboratory.answers(asked) == tuple(reversed(answers))
    assert store.laboratory.answers(asked, worker="eve") == tuple(answers[:1])
    assert store.laboratory.answers(asked, before=answers[1].id) == tuple(answers[:1])
    (failed,) = store.laboratory.failures(asked, worker="eve")
    assert failed.failure.reason == "It melted."
    assert store.laboratory.failures(asked, worker="ann") == ()
    assert store.laboratory.looks({(campaign.id, first.candidate_id)}) == {first.candidate_id: tuple(answers[:1])}
