"""One round of a campaign, from what is known to what is asked next. Read this file first.

    learn ──► imagine ──► choose ──► open ──► ask (once for each fidelity, cheapest first) ──► close

Each step may be killed at any instant and run again: nothing is opened, asked or charged twice. A round with looks that
wait for approval stays open; it is run again when somebody has judged them.
"""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from domain.json_value import JsonObject
from domain.ports import Sample
from domain.training import Pick
from flows.asking import ask_fidelity
from flows.choosing import choose_picks
from flows.closing import summarise
from flows.imagining import imagine_crystals
from flows.learning import learn_belief
from flows.opening import open_with_picks
from flows.standing import is_asked
from flows.workplace import Workplace, open_workplace
from services.store.records import RoundRecord
from surrogates.ports import Belief


@flow(name="campaign-round")
def campaign_round(campaign: str, index: int, runner: str) -> None:
    """Runs one round of a campaign to its end, or continues it where it stood.

    Args:
        campaign: Name of the campaign.
        index: Number of the round, counted from 0.
        runner: Who holds the campaign's lease.
    """
    with open_workplace(campaign, runner) as workplace:
        opened = workplace.round(index)
        if opened is None:
            known = workplace.known()  # before the fit: what comes meanwhile is news to the next round
            belief = learn(workplace, index)
            sample = imagine(workplace, belief, index)
            picks = choose(workplace, belief, sample, index)
            if not workplace.may_go_on():
                return
            opened = open_round(workplace, belief, picks, index=index, known=known)
        for fidelity in workplace.spec.fidelities.names:
            ask(workplace, opened, fidelity)
        if workplace.may_go_on() and is_asked(workplace, opened):
            close(workplace, opened)


@task(cache_policy=NO_CACHE, persist_result=False)
def learn(workplace: Workplace, index: int) -> Belief:
    """Fits the surrogate to every measurement in the store."""
    return learn_belief(workplace, index)


@task(cache_policy=NO_CACHE, persist_result=False)
def imagine(workplace: Workplace, belief: Belief, index: int) -> Sample:
    """Trains the generator towards what is worth a look, and draws crystals from it."""
    return imagine_crystals(workplace, belief, index)


@task(cache_policy=NO_CACHE, persist_result=False)
def choose(workplace: Workplace, belief: Belief, sample: Sample, index: int) -> tuple[Pick, ...]:
    """Chooses crystals and fidelities under the round's budget."""
    return choose_picks(workplace, belief, sample, index)


@task(cache_policy=NO_CACHE, persist_result=False, retries=2, retry_delay_seconds=2)
def open_round(
    workplace: Workplace, belief: Belief, picks: tuple[Pick, ...], *, index: int, known: JsonObject
) -> RoundRecord:
    """Writes the round's candidates, queries and reservations down in one transaction."""
    return open_with_picks(workplace, belief, picks, index=index, known=known)


@task(cache_policy=NO_CACHE, persist_result=False, retries=2, retry_delay_seconds=2)
def ask(workplace: Workplace, opened: RoundRecord, fidelity: str) -> None:
    """Runs the round's open queries at one fidelity; a look that fails is a recorded answer, not an error."""
    ask_fidelity(workplace, opened, fidelity)


@task(cache_policy=NO_CACHE, persist_result=False, retries=2, retry_delay_seconds=2)
def close(workplace: Workplace, opened: RoundRecord) -> None:
    """Closes the round with a summary of what is known now; queries that people or machines answer ride along."""
    notes = summarise(workplace)
    workplace.store.rounds.close(opened.id, riding_along=workplace.waiting_fidelities, notes=notes)
