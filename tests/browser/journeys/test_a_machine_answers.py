"""A machine elsewhere answers by REST: with the token that an administrator made for it, and nothing else."""

from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import expect
from support.processes import wait_until
from support.stories import LONG_MS, assert_never_reloaded, create_from_yaml, facts, mark, money

from domain.states import QueryState

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

NAME = "dense-elsewhere"
SPEC = f"""
name: {NAME}
objective: {{ quantity: density, goal: maximize }}
space: {{ elements: [Li, Mg, O, F], space_groups: [166, 221, 225], max_elements: 3, max_atoms: 12 }}
ladder:
  - {{ name: glance, oracle: density, cost: 1 }}
  - {{ name: gaze, oracle: density, cost: 10, answered_by: machines }}
budget: {{ total: 60, per_round: 30 }}
initial_looks: {{ glance: 4, gaze: 2 }}
max_rounds: 1
pool_size: 64
generator: {{ name: uniform }}
"""
WORKER = "node-17"
CURVE = "[data-figure*='best-by-money']"


@pytest.fixture(scope="module")
def story(service):
    """What one test of the story leaves to the next."""
    return {}


def program(service, token: str) -> httpx.Client:
    return httpx.Client(base_url=f"{service.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def claim(client: httpx.Client) -> dict[str, object]:
    wanted = {"worker": WORKER, "lease_s": 600, "oracles": [{"oracle": "density"}], "campaign": NAME}
    answer = client.post("/queries/claim", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


def answer(claimed: dict[str, object], **changes: object) -> dict[str, object]:
    measurement = {
        "value": 3.21,
        "unit": "g/cm^3",
        "sigma": 0.01,
        "provenance": {
            "oracle": "density",
            "oracle_version": "a program of its own",
            "settings_digest": claimed["query"]["settings_digest"],
            "worker": WORKER,
        },
        "cost": {"amount": 10.0, "core_seconds": 12.5},
        "measured_at": datetime.now(UTC).isoformat(),
    }
    return {"fence": claimed["query"]["fence"], "measurement": {**measurement, **changes}}


def highest(page) -> float:
    """What the curve has reached at the target, as Plotly has it."""
    return page.evaluate(
        f"""() => Math.max(-1, ...(document.querySelector("{CURVE}").data ?? [])
          .filter((trace) => (trace.name ?? "").includes("gaze")).flatMap((trace) => Array.from(trace.y, Number)))"""
    )


def test_an_administrator_makes_the_machines_token_which_is_shown_once(sign_in, story) -> None:
    page = sign_in("administrator", "/administration/people/machine")
    page.get_by_text("Make a token").click()
    page.get_by_label("What it is for").fill("node 17 of the cluster")
    for scope in ("read", "query:claim"):
        page.locator(f"[name=scopes][value='{scope}']").check()
    page.get_by_role("button", name="Make the token").click()
    story["token"] = page.locator("#secret").inner_text()
    page.goto("/administration/people/machine")
    assert page.locator("#secret").count() == 0
    assert story["token"] not in page.content()
    assert page.get_by_text("node 17 of the cluster").first.is_visible()


def test_its_answer_moves_the_curve_and_what_was_paid_before_everybodys_eyes(sign_in, service, story) -> None:
    page = sign_in("scientist", "/campaigns")
    create_from_yaml(page, SPEC)
    mark(page)
    expect(page.locator("#standing")).to_contain_text("2 looks wait for a machine", timeout=LONG_MS)
    expect(page.locator("#standing")).to_contain_text("4 done", timeout=LONG_MS)
    paid = money(facts(page)["Spent"])
    assert highest(page) == -1
    with program(service, story["token"]) as client:
        claimed = claim(client)
        number = claimed["query"]["id"]
        expect(page.locator(".running")).to_contain_text(WORKER, timeout=LONG_MS)
        beat = client.post(f"/queries/{number}/heartbeat", json={"fence": claimed["query"]["fence"], "lease_s": 900})
        assert beat.json()["lease_until"] > claimed["query"]["lease_until"]

        for changes, told in (({"unit": "eV/atom"}, "eV/atom"), ({"value": -3.0}, "-3")):
            refused = client.post(f"/queries/{number}/measurement", json=answer(claimed, **changes))
            assert refused.status_code == 422
            assert refused.headers["content-type"].startswith("application/problem+json")
            assert told in refused.json()["detail"]
            assert refused.json()["remedy"]
        assert service.store.queries.get(number).state is QueryState.CLAIMED
        assert money(facts(page)["Spent"]) == paid

        given = answer(claimed)
        accepted = client.post(f"/queries/{number}/measurement", json=given)
        assert accepted.status_code == 201, accepted.text
        again = client.post(f"/queries/{number}/measurement", json=given)
        assert again.json()["id"] == accepted.json()["id"]
        expect(page.locator("#standing")).to_contain_text("3.21", timeout=LONG_MS)
        assert money(facts(page)["Spent"]) == paid + 10
        wait_until(lambda: highest(page) >= 3.2, "the curve has moved")
        assert highest(page) == pytest.approx(3.21)
        assert_never_reloaded(page)

        second = claim(client)
        client.post(f"/queries/{second['query']['id']}/measurement", json=answer(second, value=2.5)).raise_for_status()
    expect(page.locator("h1 .badge")).to_have_text("completed", timeout=LONG_MS)
    assert money(facts(page)["Spent"]) == paid + 20
    assert_never_reloaded(page)


def test_the_machine_is_seen_among_the_machines(sign_in, service) -> None:
    page = sign_in("scientist", "/machines")
    oracles = page.get_by_role("region", name="Oracles")
    density = page.get_by_role("link", name="density", exact=True)
    assert "healthy" in oracles.get_by_role("row").filter(has=density).inner_text()
    oracles.get_by_role("link", name="density", exact=True).click()
    page.wait_for_url("**/machines/oracles/density")
    assert page.get_by_text(WORKER).first.is_visible()
