"""What a campaign's results can teach a potential."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ase.build import bulk

from domain.blueprint import Realization
from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonValue
from oracles.potentials.fine_tuning import FEWEST, TaughtEnergy, known_crystals, split
from oracles.structures import to_cif
from services.cli.potential_energies import energies_of
from services.intake import Findings, record_measurement
from services.intake.testing import claim, example_measurement
from services.store import Store
from services.store.examples import bench, example_pick, open_example

N_CRYSTALS = 9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with bench(f"sqlite:///{tmp_path / 'petalite.sqlite3'}") as opened:
        yield opened.store


def measure_all(store: Store, fidelity: str, **details: JsonValue) -> None:
    _, _, queries = open_example(store, [example_pick(number, fidelity) for number in range(N_CRYSTALS)])
    for number, query in enumerate(queries):
        digest = store.candidates.get(query.candidate_id).digest
        sites = Realization(digest, f"data_{number}\n", "pyxtal+relax", 1, -3.0, "p", is_relaxed=True)
        other = replace(sites, cif=f"data_other_{number}\n")
        measured = example_measurement()
        measured = replace(
            measured,
            details={"energy_eV_per_atom": -float(number), **details},
            provenance=replace(measured.provenance, realization_digest=sites.digest),
        )
        fence = claim(store, query).fence
        record_measurement(store, query.id, fence=fence, measurement=measured, found=Findings((other, sites)))


def test_every_energy_comes_with_the_sites_that_it_belongs_to(store: Store) -> None:
    measure_all(store, "dft")
    energies, source = energies_of(store, "example", "dft")
    assert [(one.cif, one.energy_eV_per_atom) for one in energies] == [
        (f"data_{number}\n", -float(number)) for number in range(N_CRYSTALS)
    ]
    assert source == "9 energies of 'dft' of the campaign 'example': chgnet 0.4.2"


def test_a_mean_over_ordered_choices_is_the_energy_of_none_of_them(store: Store) -> None:
    _, _, queries = open_example(store, [example_pick(number, "dft") for number in range(N_CRYSTALS)])
    for number, query in enumerate(queries):
        digest = store.candidates.get(query.candidate_id).digest
        heavy = Realization(digest, f"data_heavy_{number}\n", "ordered", 1, -3.0, "p", is_relaxed=True)
        light = replace(heavy, cif=f"data_light_{number}\n", energy_eV_per_atom=-2.0)
        disorder = {
            "taken": "average",
            "arrangements": [
                {"sites": sites.digest, "weight": 0.5, "energy_eV_per_atom": sites.energy_eV_per_atom}
                for sites in (heavy, light)
            ],
        }
        measured = example_measurement()
        measured = replace(
            measured,
            details={"energy_eV_per_atom": -2.5, "disorder": disorder},
            provenance=replace(measured.provenance, realization_digest=heavy.digest),
        )
        fence = claim(store, query).fence
        record_measurement(store, query.id, fence=fence, measurement=measured, found=Findings((heavy, light)))
    energies, _ = energies_of(store, "example", "dft")
    assert {(one.cif, one.energy_eV_per_atom) for one in energies} == {
        (f"data_{weight}_{number}\n", energy)
        for number in range(N_CRYSTALS)
        for weight, energy in (("heavy", -3.0), ("light", -2.0))
    }


def test_energies_of_other_settings_than_those_given_are_not_taught(store: Store) -> None:
    kept, changed = {"changed": "", "keeps_number": True}, {"changed": "more smearing", "keeps_number": False}
    measure_all(store, "dft", attempts=[kept, changed])
    with pytest.raises(InvalidValueError, match="0 crystals have an energy"):
        energies_of(store, "example", "dft")


def test_a_crystal_chooses_between_networks_or_judges_the_chosen_one() -> None:
    crystals = [(bulk("LiCl", "rocksalt", a=5.0 + number / 10), -float(number)) for number in range(FEWEST)]
    parts = split(crystals)
    assert [len(part) for part in (parts.taught, parts.choosing, parts.judging)] == [4, 2, 2]
    energies = [energy for part in (parts.taught, parts.choosing, parts.judging) for _, energy in part]
    assert sorted(energies) == sorted(energy for _, energy in crystals)


def test_one_unsound_crystal_does_not_keep_the_others_from_teaching() -> None:
    crystals = [bulk("LiCl", "rocksalt", a=5.0 + number / 10) for number in range(FEWEST)]
    squeezed = bulk("LiCl", "rocksalt", a=1.0)
    energies = [TaughtEnergy(to_cif(atoms), -3.0) for atoms in (*crystals, squeezed)]
    assert len(known_crystals(energies, (3, 17))) == FEWEST


def test_too_few_energies_are_refused_with_what_to_do(store: Store) -> None:
    measure_all(store, "static")
    with pytest.raises(InvalidValueError, match=r"0 crystals have an energy.*at least 8") as refused:
        energies_of(store, "example", "dft")
    assert "another fidelity" in refused.value.remedy


def test_a_fidelity_that_the_campaign_has_not_is_refused_with_those_it_has(store: Store) -> None:
    open_example(store, [example_pick(1)])
    with pytest.raises(NotFoundError, match="no fidelity 'coupled-cluster'") as refused:
        energies_of(store, "example", "coupled-cluster")
    assert "static" in refused.value.remedy
