"""What a campaign's results can teach a potential."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.blueprint import Realization
from domain.errors import InvalidValueError, NotFoundError
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


def measure_all(store: Store, fidelity: str) -> None:
    _, _, queries = open_example(store, [example_pick(number, fidelity) for number in range(N_CRYSTALS)])
    for number, query in enumerate(queries):
        digest = store.candidates.get(query.candidate_id).digest
        sites = Realization(digest, f"data_{number}\n", "pyxtal+relax", 1, -3.0, "p", is_relaxed=True)
        other = replace(sites, cif=f"data_other_{number}\n")
        measured = example_measurement()
        measured = replace(
            measured,
            details={"energy_eV_per_atom": -float(number)},
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
