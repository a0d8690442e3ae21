"""A body that each operation understands, as the OpenAPI document shows it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.fidelity import settings_digest
from domain.json_value import JsonObject

_SPACE: Final[JsonObject] = {"elements": ["Li", "Cl"], "space_groups": [221, 225], "max_atoms": 8}
_SPEC: Final[JsonObject] = {
    "name": "chlorides",
    "objective": {"quantity": "formation_energy", "goal": "minimize"},
    "space": _SPACE,
    "ladder": [
        {"name": "static", "oracle": "potential", "cost": 1, "answered_by": "machines"},
        {"name": "lab", "oracle": "laboratory", "cost": 60, "settings": {"quantity": "formation_energy"}},
    ],
    "budget": {"total": 1000, "per_round": 500},
    "max_rounds": 5,
    "initial_looks": {"static": 2},
}
_ROCK_SALT: Final[JsonObject] = {
    "space_group": {"number": 225},
    "composition": {"counts": [[3, 4], [17, 4]]},
    "lattice": {"a": 5.13, "b": 5.13, "c": 5.13, "alpha": 90, "beta": 90, "gamma": 90},
}
_STRUCTURE: Final[JsonObject] = {
    "id": "halite-like",
    "type": "structures",
    "attributes": {
        "lattice_vectors": [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]],
        "cartesian_site_positions": [[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]],
        "species_at_sites": ["Li", "Cl"],
        "species": [
            {"name": "Li", "chemical_symbols": ["Li"], "concentration": [1.0]},
            {"name": "Cl", "chemical_symbols": ["Cl"], "concentration": [1.0]},
        ],
    },
}
_PROVENANCE: Final[JsonObject] = {
    "oracle": "potential",
    "oracle_version": "mace 0.3.16",
    "settings_digest": settings_digest("potential", {}),
    "worker": "node-7",
}
_MEASUREMENT: Final[JsonObject] = {
    "value": -1.2,
    "unit": "eV/atom",
    "sigma": 0.1,
    "provenance": _PROVENANCE,
    "cost": {"amount": 1.0, "core_seconds": 12.5},
    "measured_at": "2026-05-01T12:00:00Z",
}
_READING: Final[JsonObject] = {"value": -1.3, "unit": "eV/atom", "temperature": "25 degC"}

BODY_EXAMPLES: Final[Mapping[str, JsonObject]] = MappingProxyType(
    {
        "accept": {"invitation": "taken from the link", "name": "eve", "password": "a sentence that nobody guesses"},
        "accept_upload": {"confirmed": [1]},
        "add_material": {"structure": _STRUCTURE, "source": "our own diffraction"},
        "add_member": {"user": "eve"},
        "add_schedule": {"kind": "interval", "expression": "6h"},
        "amend_material_measurement": {"measurement": {"temperature": "60 degC"}, "reason": "the oven was warmer"},
        "amend_measurement": {"measurement": _READING, "reason": "a typing error"},
        "approve_queries": {"queries": [2]},
        "approve_query": {"reason": "worth it"},
        "cancel_query": {"reason": "asked by mistake"},
        "change_campaign": {"priority": 3},
        "change_password": {"old": "what it was", "new": "a sentence that nobody guesses"},
        "change_user": {"role": "viewer"},
        "claim_query": {"worker": "node-7", "lease_s": 60, "oracles": [{"oracle": "potential"}]},
        "create_campaign": {"spec": _SPEC, "group": "petrology"},
        "create_group": {"name": "metallurgy-2"},
        "create_invitation": {"role": "viewer"},
        "create_user": {"name": "eve", "role": "viewer"},
        "deny_queries": {"queries": [2], "reason": "too dear"},
        "deny_query": {"reason": "too dear"},
        "fix_rows": {"rows": [{"number": 1, "changed": {"cells": {"value": "-1.25"}}}]},
        "fix_row": {"cells": {"value": "-1.25"}},
        "hand_in_failure": {
            "fence": 1,
            "failure": {
                "kind": "transient",
                "reason": "The node ran out of memory.",
                "worker": "node-7",
                "cost": {"amount": 1.0},
                "failed_at": "2026-05-01T12:00:00Z",
            },
        },
        "hand_in_laboratory_failure": {"kind": "permanent", "reason": "It decomposed."},
        "hand_in_measurement": {"fence": 1, "measurement": _MEASUREMENT},
        "hand_in_reference": {
            "reference": {"symbol": "Li", "energy_eV_per_atom": -1.9, "structure": "bcc", "cif": "data_Li"},
            "provenance": _PROVENANCE,
        },
        "hand_in_result": {"measurement": _READING},
        "hand_in_unasked": {"fidelity": "lab", "measurement": _READING, "blueprint": _ROCK_SALT},
        "heartbeat": {"fence": 1, "lease_s": 60},
        "import_materials": {"url": "https://optimade.example.org/v1", "filter": 'elements HAS "Li" AND nelements=2'},
        "issue_token": {"label": "cluster node 7", "scopes": ["read"]},
        "link_identity": {"subject": "248289761001"},
        "pause_campaign": {"reason": "lunch"},
        "release_query": {"fence": 1},
        "replace_reference_energy": {"energy_eV_per_atom": -1.9, "reason": "a wrong pseudopotential; ours, by hand"},
        "resume_campaign": {"reason": "lunch is over"},
        "retract_material_measurement": {"reason": "the sample was another"},
        "retract_measurement": {"reason": "the sample was another"},
        "retract_reference_energy": {"reason": "a wrong pseudopotential"},
        "set_schedule_active": {"is_active": False},
        "sign_in": {"name": "eve", "password": "a sentence that nobody guesses"},
        "stop_campaign": {"reason": "enough is known"},
        "take_new_password": {"link": "taken from the link", "password": "a sentence that nobody guesses"},
        "validate_campaign": _SPEC,
        "count_space": _SPACE,
    }
)
"""By operation."""
