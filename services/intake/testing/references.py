"""What becomes of reference energies and of what was counted from them, for every database."""

from dataclasses import replace

import pytest

from domain.errors import ConflictError, InvalidValueError, NotFoundError
from domain.events import EventKind
from domain.look import ReferenceEnergy
from domain.measurement import Provenance
from services.intake import record_measurement, retract
from services.intake.references import record_reference, replace_reference, retract_reference
from services.intake.testing.examples import claim, example_measurement
from services.store.examples import Bench, example_pick, example_spec, open_example
from services.store.records import ReferenceRecord

_LITHIUM = ReferenceEnergy("Li", -1.9, "bcc", "data_Li\n", details={"k": [4, 4, 4]})


def check_references_first_wins(bench: Bench) -> None:
    """A reference energy is kept once for a group, an oracle, its version and its settings."""
    provenance = Provenance("ase", "gpaw 26.7", "abc", "host/1")
    kept = record_reference(bench.store, _LITHIUM, provenance=provenance, group_id=None, core_seconds=12.5)
    assert (kept.reference, kept.provenance, kept.core_seconds) == (_LITHIUM, provenance, 12.5)
    assert _record(bench, -9.9, provenance) == kept
    assert bench.store.references.get("ase", "gpaw 26.7", "abc", group_id=None) == {"Li": kept}
    assert bench.store.references.get("ase", "gpaw 26.8", "abc", group_id=None) == {}
    with pytest.raises(InvalidValueError, match="nan eV/atom is impossible"):
        _record(bench, float("nan"), provenance)


def check_references_belong_to_a_group(bench: Bench) -> None:
    """One group's machine does not decide another's numbers; whoever differs is marked, without the others' number."""
    provenance = Provenance("ase", "gpaw 26.7", "abc", "host/1")
    one, other = (bench.store.people.create_group(name).id for name in ("petrology", "metallurgy"))
    first = _record(bench, -9.9, provenance, one)
    second = _record(bench, -1.9, provenance, other)
    assert (first.remarks, len(second.remarks)) == ((), 1)
    assert "differs by more than 0.005 eV/atom from what another group has" in second.remarks[0]
    assert "9.9" not in second.remarks[0]
    assert bench.store.references.get("ase", "gpaw 26.7", "abc", group_id=one) == {"Li": first}
    assert bench.store.references.get("ase", "gpaw 26.7", "abc", group_id=other) == {"Li": second}
    assert bench.store.references.get("ase", "gpaw 26.7", "abc", group_id=None) == {}
    assert bench.store.references.list(groups=[other]) == (second,)
    assert bench.store.references.list(groups=None, symbol="Li", after_id=first.id) == (second,)
    newer = replace(provenance, oracle_version="gpaw 26.8")
    assert _record(bench, -1.8, newer, other).remarks == ()
    newest = _record(bench, -4.0, replace(provenance, oracle_version="gpaw 26.9"), other)
    assert newest.remarks[0].startswith("The reference energy of Li differs by 2.1 eV/atom from reference energy")


def check_references_are_corrected(bench: Bench) -> None:
    """The newest counts, all are kept, the campaign is told what rests on it; again is harmless."""
    campaign, _, (query, unlike) = open_example(bench.store, [example_pick(1), example_pick(2)])
    digest = campaign.spec.fidelities.fidelity("static").settings_digest
    provenance = Provenance("potential", "chgnet 0.4.2", digest, "host/1")
    wrong = _record(bench, -9.9, provenance)
    seen = [
        record_measurement(
            bench.store,
            asked.id,
            fence=claim(bench.store, asked).fence,
            measurement=replace(
                example_measurement(), provenance=provenance, details={"references_eV_per_atom": {"Li": energy}}
            ),
        )
        for asked, energy in ((query, -9.9), (unlike, -1.9))
    ]
    found = retract_reference(bench.store, wrong.id, reason="Wrong potential.", worker="Ada")
    assert [affected.measurement_id for affected in found.affected] == [seen[0].id]
    assert (found.affected[0].campaign, found.affected[0].formula) == ("example", "LiCl")
    assert bench.store.references.get("potential", "chgnet 0.4.2", digest, group_id=None) == {}
    assert retract_reference(bench.store, wrong.id, reason="Wrong potential.", worker="Ada") == found
    with pytest.raises(ConflictError, match="was corrected by"):
        retract_reference(bench.store, wrong.id, reason="Another reason.", worker="Ada")
    with pytest.raises(ConflictError, match="was taken back by Ada: Wrong potential"):
        _record(bench, -9.9, provenance)
    with pytest.raises(ConflictError, match="takes another one back already"):
        retract_reference(bench.store, found.reference.id, reason="Twice.", worker="Ada")
    right = _record(bench, -1.9, provenance)
    assert right.supersedes == found.reference.id
    with pytest.raises(InvalidValueError, match="has no reason"):
        replace_reference(bench.store, right.id, energy_eV_per_atom=-1.95, reason=" ", worker="Ada")
    newest = replace_reference(bench.store, right.id, energy_eV_per_atom=-1.95, reason="By hand.", worker="Ada")
    again = replace_reference(bench.store, right.id, energy_eV_per_atom=-1.95, reason="By hand.", worker="Ada")
    assert again == newest
    assert [affected.measurement_id for affected in newest.affected] == [seen[1].id]
    assert bench.store.references.get("potential", "chgnet 0.4.2", digest, group_id=None) == {"Li": newest.reference}
    history = bench.store.references.history("potential", "chgnet 0.4.2", digest, group_id=None)
    assert history == (wrong, found.reference, right, newest.reference)
    told = [record.event for record in bench.store.events.list(campaign.id)]
    told = [event for event in told if event.kind is EventKind.REFERENCE_CORRECTED]
    assert [event.payload["measurements"] for event in told] == [[seen[0].id], [seen[1].id]]
    assert told[0].message.endswith("is taken back, says Ada: Wrong potential. 1 measurements rest on it.")
    retract(bench.store, seen[0].id, reason="Wrong reference.", worker="Ada")
    assert bench.store.references.resting_on(wrong.id) == ()
    with pytest.raises(NotFoundError, match="no reference energy number 99"):
        retract_reference(bench.store, 99, reason="Wrong.", worker="Ada")


def check_older_looks_may_rest_on_any_reference(bench: Bench) -> None:
    """A look that does not say what it was counted from is among those that may have been, unless of another group."""
    campaign, _, (query,) = open_example(bench.store, [example_pick(1)])
    digest = campaign.spec.fidelities.fidelity("static").settings_digest
    provenance = Provenance("potential", "chgnet 0.4.2", digest, "host/1")
    measurement = replace(example_measurement(), provenance=provenance)
    seen = record_measurement(bench.store, query.id, fence=claim(bench.store, query).fence, measurement=measurement)
    group = bench.store.people.create_group("petrology").id
    bench.store.campaigns.create(example_spec("others"), group_id=group)
    own, others = _record(bench, -1.9, provenance), _record(bench, -1.9, provenance, group)
    assert [found.measurement_id for found in bench.store.references.resting_on(own.id)] == [seen.id]
    assert bench.store.references.resting_on(others.id) == ()
    sodium = record_reference(bench.store, replace(_LITHIUM, symbol="Na"), provenance=provenance, group_id=None)
    assert bench.store.references.resting_on(sodium.id) == ()


def _record(bench: Bench, energy: float, provenance: Provenance, group_id: int | None = None) -> ReferenceRecord:
    reference = replace(_LITHIUM, energy_eV_per_atom=energy)
    return record_reference(bench.store, reference, provenance=provenance, group_id=group_id)
