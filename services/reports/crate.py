"""A campaign as an RO-Crate: files, and for every number who or what made it, when, of what, and at what cost.

Each look is a `CreateAction` whose `instrument` is the oracle with its version and settings, whose `agent` is who
looked, whose `object` is the crystal and the sites that were looked at, and whose `result` is the number.

Source: RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) and its profile for runs of processes.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import gettempdir
from types import MappingProxyType
from typing import Final

from domain.errors import InvalidValueError, NotFoundError
from domain.json_value import JsonObject, JsonValue
from domain.parsing import to_json_object, to_json_value
from services.reports.audit_trail import audit_of_campaign
from services.reports.campaign_records import read_campaign_records
from services.reports.crate_entities import CrystalFiles, campaign_entities
from services.reports.crate_materials import known_material_entities
from services.reports.export import write_files
from services.reports.figures import write_plots
from services.reports.handed_in import HandedIn, described
from services.scratch import EXPORT_PREFIX, held_folder
from services.store import Store
from services.store.artifacts import ArtifactRecord
from services.store.records import CampaignRecord, EventRecord, MeasurementRecord

PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
_CRATE_VERSION: Final = "1.1"
LICENCE_ADDRESS: Final = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%/+#?=&-]*)?$"
"""Plain addresses: others would have to be rewritten before a crate can name them."""
_PAGE: Final = 1_000
_LARGEST_PRODUCED_BYTES: Final = 4 * 2**20
"""Larger files of looks, such as trajectories, are named with their SHA-256: a campaign has many of them."""
_MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {".cif": "chemical/x-cif", ".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonl"}
)
_MEANING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "campaign.json": "The whole campaign: spec, rounds, picks with decisions, measurements, failures, ledger",
        "spec.json": "The spec that determines the campaign",
        "crystals.csv": "The crystals that were looked at, best first",
        "measurements.csv": "Every measurement with its provenance",
        "series.csv": "The measured quantity at several temperatures, point by point, by the measurement it is beside",
        "events.jsonl": "What happened, one event a line",
        "known_materials.csv": "What was measured about known materials, with its provenance",
        "known_materials.jsonl": "What was measured about known materials, one measurement a line",
        "audit.jsonl": "What the audit log says of the campaign, one change a line, with the log's hashes",
    }
)


@dataclass(frozen=True, slots=True)
class CrateOptions:
    """What only whoever exports can say."""

    licence: str | None = None
    """Address of the licence under which the data may be used; None grants none."""
    authors: tuple[str, ...] = ()
    """Names of people."""
    with_audit: bool = False
    """Whether to add what the audit log says of the campaign."""
    find_file: Callable[[str], Path] | None = None
    """Finds the bytes of a file that was handed in by their SHA-256; None names such files without their bytes."""

    def __post_init__(self) -> None:
        if self.licence is not None and not re.fullmatch(LICENCE_ADDRESS, self.licence):
            raise InvalidValueError(
                f"'{self.licence[:100]}' is no address of a licence.",
                remedy="Give one such as https://creativecommons.org/licenses/by/4.0/.",
            )


def write_crate(store: Store, campaign: CampaignRecord, options: CrateOptions, path: Path) -> None:
    """Writes a campaign as a zipped RO-Crate.

    Raises:
        OSError: If it cannot be written.
    """
    from rocrate.model import ContextEntity  # type: ignore[import-untyped]
    from rocrate.rocrate import ROCrate  # type: ignore[import-untyped]

    with held_folder(Path(gettempdir()), EXPORT_PREFIX) as folder:
        files = _write_contents(store, campaign, options, folder)
        crate = ROCrate(version=_CRATE_VERSION)
        crate.root_dataset.properties().update(_root(store, campaign, options))
        for file in sorted(found for found in folder.rglob("*") if found.is_file()):
            inside = file.relative_to(folder).as_posix()
            crate.add_file(file, inside, properties=_described(inside))
        measurements = store.measurements.list(campaign.id, with_evidence=True)
        handed_in = HandedIn.of(store, measurements, store.material_values.every(campaign.id))
        for inside, record in handed_in.files.items():
            source = _found(record, options)
            if source is None:
                crate.add(ContextEntity(crate, inside, properties={"@type": "CreativeWork", **described(record)}))
            else:
                crate.add_file(source, inside, properties=described(record))
        actions: list[JsonValue] = []
        for entity in _entities(store, campaign, options, measurements, files, handed_in):
            properties = {key: value for key, value in entity.items() if key != "@id"}
            crate.add(ContextEntity(crate, entity["@id"], properties=properties))
            if entity["@type"] == "CreateAction":
                actions.append({"@id": entity["@id"]})
        crate.root_dataset.properties()["mentions"] = actions
        crate.write_zip(path)


def _write_contents(store: Store, campaign: CampaignRecord, options: CrateOptions, folder: Path) -> CrystalFiles:
    write_files(store, campaign.name, folder)
    write_plots(store, campaign, folder / "plots")
    _write_json(folder / "spec.json", to_json_object(campaign.spec))
    _write_lines(folder / "events.jsonl", (to_json_value(record) for record in _events(store, campaign.id)))
    known = tuple(to_json_value(record) for record in store.material_values.every(campaign.id))
    if known:
        _write_lines(folder / "known_materials.jsonl", known)
    if options.with_audit:
        _write_lines(folder / "audit.jsonl", (to_json_value(row) for row in audit_of_campaign(store, campaign)))
    return _write_realizations(store, campaign, folder)


def _write_realizations(store: Store, campaign: CampaignRecord, folder: Path) -> CrystalFiles:
    """Writes every realization, byte for byte as it was recorded: its digest names it."""
    inside = folder / "realizations"
    inside.mkdir()
    files: dict[tuple[int, str], str] = {}
    for candidate in store.candidates.list(campaign.id):
        for record in store.realizations.list(candidate.id):
            name = f"realizations/{record.id}.cif"
            (folder / name).write_text(record.realization.cif, encoding="utf-8")
            files[candidate.id, record.realization.digest] = name
    return files


def _found(record: ArtifactRecord, options: CrateOptions) -> Path | None:
    is_produced = bool(record.description)
    if options.find_file is None or (is_produced and record.size > _LARGEST_PRODUCED_BYTES):
        return None
    try:
        return options.find_file(record.digest)
    except NotFoundError:
        return None  # lost bytes keep nobody from taking the numbers away


def _entities(
    store: Store,
    campaign: CampaignRecord,
    options: CrateOptions,
    measurements: Sequence[MeasurementRecord],
    files: CrystalFiles,
    handed_in: HandedIn,
) -> Iterator[dict[str, JsonValue]]:
    yield {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    yield _licence(options)
    for number, name in enumerate(options.authors, start=1):
        yield {"@id": f"#author-{number}", "@type": "Person", "name": name}
    seen: set[str] = set()
    data = read_campaign_records(store, campaign)
    for entity in chain(
        campaign_entities(
            data,
            rounds=store.rounds.list(campaign.id),
            measurements=measurements,
            failures=store.failures.list(campaign.id),
            files=files,
            handed_in=handed_in.of_measurement,
        ),
        known_material_entities(store, campaign, handed_in.of_material_value),
    ):
        # Agents and instruments are named by content and come with every look that needs them.
        if entity["@id"] not in seen:
            seen.add(str(entity["@id"]))
            yield entity


def _root(store: Store, campaign: CampaignRecord, options: CrateOptions) -> JsonObject:
    spec = campaign.spec
    authors = [{"@id": f"#author-{number}"} for number in range(1, len(options.authors) + 1)]
    root: dict[str, JsonValue] = {
        "name": f"Petalite campaign {campaign.name}",
        "description": spec.description or f"A search for crystals by {spec.objective.quantity.replace('_', ' ')}.",
        "datePublished": store.now().isoformat(timespec="seconds"),
        "license": {"@id": _licence(options)["@id"]},
        "conformsTo": {"@id": PROFILE},
        "identifier": campaign.spec_digest,
    }
    if authors:
        root["author"] = authors
    return root


def _licence(options: CrateOptions) -> dict[str, JsonValue]:
    if options.licence is None:
        meaning = "Nobody has granted a licence yet: ask the authors before using the data."
        return {"@id": "#no-licence", "@type": "CreativeWork", "name": "No licence", "description": meaning}
    return {"@id": options.licence, "@type": "CreativeWork", "name": options.licence}


def _described(inside: str) -> JsonObject:
    path = Path(inside)
    described: dict[str, JsonValue] = {
        "name": path.name,
        "encodingFormat": _MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
    }
    if inside in _MEANING:
        described["description"] = _MEANING[inside]
    return described


def _events(store: Store, campaign_id: int) -> Iterator[EventRecord]:
    after = 0
    while page := store.events.list(campaign_id, after_id=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def _write_json(path: Path, value: JsonValue) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _write_lines(path: Path, values: Iterable[JsonValue]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
