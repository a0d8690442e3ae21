"""Every route that changes something leaves a row in the audit log: all of them are walked."""

import pytest

from domain.fidelity import settings_digest
from domain.parsing import to_json_value
from services.access.oidc_testing import unasked_provider
from services.access.roles import Role
from services.api.documentation import operations
from services.api.testing import example_campaign, serving, timely
from services.store.examples import example_pick

TABLE = b"query,formula,space group,value,unit\n,Li4Cl4,225,-1.2,eV/atom\n"
STRUCTURE = {
    "id": "halite",
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
READING = {"value": -1.3, "unit": "eV/atom", "temperature": "25 degC"}
PROVENANCE = {
    "oracle": "potential",
    "oracle_version": "1",
    "settings_digest": settings_digest("potential", {}),
    "worker": "node",
}
MEASUREMENT = {
    "value": -1.2,
    "unit": "eV/atom",
    "sigma": None,
    "provenance": PROVENANCE,
    "cost": {"amount": 1.0},
    "measured_at": "2026-01-01T00:00:00Z",
}
FAILURE = {
    "kind": "permanent",
    "reason": "It blew up.",
    "worker": "node",
    "cost": {"amount": 1.0},
    "failed_at": "2026-01-01T00:00:00Z",
}
CLAIM = {"worker": "node", "lease_s": 60, "oracles": [{"oracle": "potential"}]}
PASSWORD = "a sentence that nobody guesses"
ELSEWHERE = {
    "validate_campaign": "changes nothing",
    "count_space": "changes nothing",
    "heartbeat": "says nothing that the claim has not said",
    "sign_out": "the session's end is audited where sessions are tested",
    "change_password": "for sessions alone; audited where they are tested",
    "link_own_identity": "for sessions alone; audited where signing in through a provider is tested",
    "unlink_own_identity": "for sessions alone; audited where signing in through a provider is tested",
    "end_sessions_elsewhere": "for sessions alone; audited where they are tested",
    "test_notification": "audited where the pages of the administration are tested",
    "take_new_password": "audited where one-time links are tested",
    "accept": "audited where invitations are tested",
    "import_materials": "asks a provider; audited where importing is tested",
}

STEPS = [
    ("create_campaign", "POST", "campaigns", {"spec": to_json_value(example_campaign("walked")), "group": "petrology"}),
    ("change_campaign", "PATCH", "campaigns/walked", {"priority": 2}),
    ("start_campaign", "POST", "campaigns/walked/start", None),
    ("pause_campaign", "POST", "campaigns/walked/pause", None),
    ("resume_campaign", "POST", "campaigns/walked/resume", None),
    ("stop_campaign", "POST", "campaigns/walked/stop", None),
    ("archive_campaign", "POST", "campaigns/walked/archive", None),
    ("unarchive_campaign", "POST", "campaigns/walked/unarchive", None),
    ("create_campaign", "POST", "campaigns", {"spec": to_json_value(example_campaign("brief")), "group": "petrology"}),
    ("delete_campaign", "DELETE", "campaigns/brief", None),
    ("claim_query", "POST", "queries/claim", CLAIM),
    ("release_query", "POST", "queries/3/release", {"fence": 1}),
    ("claim_query", "POST", "queries/claim", CLAIM),
    ("hand_in_look_file", "POST", "queries/3/files?fence=2&description=What+was+seen.", b"{}"),
    ("hand_in_measurement", "POST", "queries/3/measurement", {"fence": 2, "measurement": MEASUREMENT}),
    ("claim_query", "POST", "queries/claim", CLAIM),
    ("hand_in_failure", "POST", "queries/4/failure", {"fence": 1, "failure": FAILURE}),
    (
        "hand_in_reference",
        "POST",
        "references",
        {
            "reference": {"symbol": "Li", "energy_eV_per_atom": -1.9, "structure": "bcc", "cif": "data_Li"},
            "provenance": PROVENANCE,
        },
    ),
    ("retract_reference_energy", "POST", "references/1/retract", {"reason": "a wrong potential"}),
    (
        "replace_reference_energy",
        "POST",
        "references/2/replace",
        {"energy_eV_per_atom": -1.95, "reason": "by hand"},
    ),
    ("approve_query", "POST", "queries/2/approve", None),
    ("deny_query", "POST", "queries/7/deny", {"reason": "too dear"}),
    ("cancel_query", "POST", "queries/8/cancel", {"reason": "asked by mistake"}),
    ("approve_queries", "POST", "approvals/approve", {"queries": [12]}),
    ("deny_queries", "POST", "approvals/deny", {"queries": [17], "reason": "too dear"}),
    ("claim_sample", "POST", "laboratory/queries/1/claim", None),
    ("release_sample", "POST", "laboratory/queries/1/release", None),
    ("hand_in_result", "POST", "laboratory/queries/1/result", {"measurement": READING}),
    ("amend_measurement", "POST", "measurements/2/amend", {"measurement": READING, "reason": "a typing error"}),
    ("retract_measurement", "POST", "measurements/3/retract", {"reason": "the sample was another"}),
    (
        "hand_in_laboratory_failure",
        "POST",
        "laboratory/queries/6/failure",
        {"kind": "rejected", "reason": "It would burn."},
    ),
    (
        "hand_in_unasked",
        "POST",
        "campaigns/first/measurements",
        {"fidelity": "lab", "measurement": READING, "blueprint": to_json_value(example_pick(900).blueprint)},
    ),
    (
        "amend_material_measurement",
        "POST",
        "material-measurements/1/amend",
        {"measurement": {"temperature": "60 degC"}, "reason": "the oven was warmer"},
    ),
    (
        "retract_material_measurement",
        "POST",
        "material-measurements/2/retract",
        {"reason": "the sample was another"},
    ),
    ("add_material", "POST", "materials", {"structure": STRUCTURE, "source": "tests"}),
    ("hand_in_file", "POST", "campaigns/first/uploads", TABLE),
    ("hand_in_file", "POST", "campaigns/first/uploads", TABLE),
    ("fix_row", "PATCH", "uploads/1/rows/1", {"cells": {"value": "-1.25"}}),
    ("fix_rows", "PATCH", "uploads/1/rows", {"rows": [{"number": 1, "changed": {"cells": {"value": "-1.2"}}}]}),
    ("recheck_upload", "POST", "uploads/1/recheck", None),
    ("accept_upload", "POST", "uploads/1/accept", {"confirm_all": True}),
    ("reject_upload", "POST", "uploads/2/reject", None),
    ("add_schedule", "POST", "campaigns/first/schedules", {"kind": "interval", "expression": "6h"}),
    ("set_schedule_active", "PATCH", "schedules/1", {"is_active": False}),
    ("remove_schedule", "DELETE", "schedules/1", None),
    ("make_backup", "POST", "installation/backups", None),
    ("create_user", "POST", "users", {"name": "eve", "role": "viewer", "password": PASSWORD}),
    ("sign_in", "POST", "login", {"name": "eve", "password": PASSWORD}),
    ("change_user", "PATCH", "users/eve", {"role": "laboratory"}),
    ("create_password_link", "POST", "users/eve/password-link", None),
    ("create_invitation", "POST", "invitations", {"role": "viewer"}),
    ("create_group", "POST", "groups", {"name": "newcomers"}),
    ("add_member", "POST", "groups/newcomers/members", {"user": "eve"}),
    ("remove_member", "DELETE", "groups/newcomers/members/eve", None),
    ("issue_token", "POST", "tokens", {"user": "eve", "label": "bench", "scopes": ["read"]}),
    ("link_identity", "POST", "users/eve/identities", {"subject": "eve at the provider"}),
    ("unlink_identity", "DELETE", "users/eve/identities/1", None),
    ("end_token", "POST", "tokens/10/revoke", None),
]
"""In the order in which they succeed."""


@pytest.fixture(scope="module")
def served(tmp_path_factory, store_url):
    with serving(tmp_path_factory.mktemp("audit"), store_url=store_url) as running:
        for name in ("first", "second", "third", "fourth"):
            running.new_campaign(name)
        running.app.state.service.identity_provider = unasked_provider()
        yield running


def test_every_change_is_in_the_audit_log(served):
    headers = served.acting_as(Role.ADMINISTRATOR)
    seen = max(record.id for record in served.store.audit.list(limit=1000))
    for operation, method, path, body in STEPS:
        if isinstance(body, bytes):
            sent = {"files": {"file": ("table.csv", body, "text/csv")}}
        else:
            sent = {"json": timely(body or {}, served.store.now()) or None}
        answer = served.client.request(method, f"/api/v1/{path}", headers=headers, **sent)
        assert answer.is_success, f"{operation}: {answer.text}"
        rows = served.store.audit.list(after=seen)
        assert rows, f"{operation} left no trace"
        assert PASSWORD not in str(rows)
        seen = rows[-1].id
    assert served.store.audit.verify() is None


def test_every_change_is_walked(served):
    changing = {found.name for found in operations(served.app) if found.methods != {"GET"}}
    assert {operation for operation, *_ in STEPS} | set(ELSEWHERE) >= changing
