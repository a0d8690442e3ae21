"""A campaign whose target is measured by people: it waits, it learns what they found, it goes on."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.campaign

SPEC = """
name: bench
objective: { quantity: density, goal: maximize }
space:
  elements: [Li, O, F]
  space_groups: [221, 225]
  max_atoms: 12
ladder:
  - { name: computed, oracle: density, cost: 1 }
  - { name: pycnometer, oracle: laboratory, cost: 20, settings: { quantity: density } }
budget: { total: 70, per_round: 30, target_share: 0.7 }
initial_looks: { computed: 6, pycnometer: 1 }
max_rounds: 2
pool_size: 64
generator: { name: uniform }
"""


@pytest.mark.slow
def test_a_campaign_waits_for_the_laboratory_and_learns_from_it(quick_terminal, tmp_path: Path) -> None:
    spec = tmp_path / "bench.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    quick_terminal.run("run", str(spec), status=3)
    waiting = json.loads(quick_terminal.run("lab", "list", "--json"))
    assert [query["state"] for query in waiting] == ["queued"] * len(waiting)
    number = str(waiting[0]["query"])

    quick_terminal.run("lab", "claim", number, "--as", "Ada")
    quick_terminal.run("lab", "claim", number, "--as", "Bob", status=1)
    assert "kelvin" in quick_terminal.refused("lab", "submit", number, "2070", "kelvin", "--as", "Ada")
    quick_terminal.run("lab", "submit", number, "2070", "kg/m^3", "--sigma", "20", "--as", "Ada")

    document = quick_terminal.document("bench")
    (answered,) = [pick for pick in document["picks"] if pick["query"] == int(number)]
    (measured,) = answered["measurements"]
    assert measured["measurement"]["value"] == pytest.approx(2.07)
    assert measured["measurement"]["unit"] == "g/cm^3"
    assert measured["measurement"]["sigma"] == pytest.approx(0.02)
    assert measured["measurement"]["provenance"]["worker"] == "Ada"

    quick_terminal.run("run", "bench", status=3)
    assert len(quick_terminal.document("bench")["rounds"]) == 2
    for query in json.loads(quick_terminal.run("lab", "list", "--json")):
        quick_terminal.run("lab", "submit", str(query["query"]), "2.1", "g/cm^3")
    quick_terminal.run("run", "bench")
    finished = quick_terminal.document("bench")
    assert finished["state"] == "completed"
    levels = {level["fidelity"]: level for level in finished["rounds"][-1]["closing_notes"]["diagnostics"]["levels"]}
    n_asked = sum(pick["fidelity"] == "pycnometer" for pick in finished["picks"])
    assert levels["pycnometer"]["n_observations"] == n_asked > 1
