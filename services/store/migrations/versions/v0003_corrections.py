"""Reference energies that belong to a group and can be corrected; candidates found, and sorted, among thousands."""

import sys
from typing import TypeGuard

import sqlalchemy as sa
from alembic import op

from domain.blueprint import Blueprint
from domain.parsing import parse

revision = "0003"
down_revision = "0002"

_PAGE = 1000
_MOST_POINTS = 1000
"""Of a series; as many as a measurement that is handed in today keeps."""
_LOWEST_S_PER_CM, _HIGHEST_S_PER_CM = 1e-30, 1e3
"""What a conductivity may be today."""
_ORIGIN = ["holder", "oracle", "oracle_version", "settings_digest", "symbol"]


def upgrade() -> None:
    """Adds what corrections need to a store of version 0002."""
    _scope_reference_energies()
    _name_candidates()
    for moment in ("archived_at", "deleted_at"):
        op.add_column("campaigns", sa.Column(moment, sa.DateTime(timezone=True)))
    op.add_column(
        "upload_rows",
        sa.Column(
            "material_measurement_id",
            sa.Integer(),
            sa.ForeignKey(
                "material_measurements.id",
                name=op.f("fk_upload_rows_material_measurement_id_material_measurements"),
            ),
        ),
        inline_references=True,
    )
    op.add_column("upload_rows", sa.Column("content", sa.String(length=64)))
    op.create_index(op.f("ix_upload_rows_content"), "upload_rows", ["content"])
    _add_beliefs()
    _add_identities()
    _add_password_links()
    _add_look_progress()
    _add_series_points()
    op.add_column("realizations", sa.Column("arrangement", sa.JSON()))
    op.add_column("artifacts", sa.Column("description", sa.Text(), server_default="", nullable=False))
    _say_whose_files_are()
    is_judged = sa.text("judged_by IS NOT NULL")
    op.create_index("ix_queries_judged", "queries", ["id"], sqlite_where=is_judged, postgresql_where=is_judged)
    has_ended = sa.text("finished_at IS NOT NULL")
    ended = ["campaign_id", "fidelity", "finished_at", "id"]
    op.create_index("ix_queries_ended", "queries", ended, sqlite_where=has_ended, postgresql_where=has_ended)
    is_rare = sa.text("kind = 'query.requeued' OR kind = 'campaign.halted'")
    rare = ["campaign_id", "kind", "id"]
    op.create_index("ix_events_rare", "events", rare, sqlite_where=is_rare, postgresql_where=is_rare)
    op.create_index(op.f("ix_queries_campaign_id_round_index"), "queries", ["campaign_id", "round_index"])
    # So that budgets are summed without reading a row of the ledger.
    op.create_index(op.f("ix_ledger_campaign_id_kind_amount"), "ledger", ["campaign_id", "kind", "amount"])
    op.drop_index(op.f("ix_ledger_campaign_id"), "ledger")
    is_material = sa.text("material_id IS NOT NULL")
    made_of = ["n_elements", "elements", "formula_descriptive", "material_id"]
    op.create_index(
        "ix_structures_composition", "structures", made_of, sqlite_where=is_material, postgresql_where=is_material
    )
    _cover_what_pages_read()


def _cover_what_pages_read() -> None:
    """Columns beside each other that long tables are sorted, summed and drawn by."""
    sorted_by = ["campaign_id", "space_group", "formula", "elements", "round_index", "density_g_cm3", "id"]
    op.create_index("ix_candidates_sorted", "candidates", sorted_by)
    op.create_index(op.f("ix_queries_campaign_id_id_fidelity"), "queries", ["campaign_id", "id", "fidelity"])
    op.drop_index(op.f("ix_queries_campaign_id_id"), "queries")
    values = ["campaign_id", "fidelity", "value", "candidate_id", "query_id", "id", "censoring", "is_evidence"]
    values += ["is_retracted", "supersedes", "sigma", "amount", "core_seconds", "recorded_at"]
    op.create_index("ix_measurements_values", "measurements", values)
    op.drop_index(op.f("ix_measurements_campaign_id_fidelity_value"), "measurements")
    op.add_column(
        "ledger",
        sa.Column(
            "candidate_id",
            sa.Integer(),
            sa.ForeignKey("candidates.id", name=op.f("fk_ledger_candidate_id_candidates")),
        ),
        inline_references=True,
    )
    op.execute(
        "UPDATE ledger SET candidate_id = (SELECT queries.candidate_id FROM queries WHERE queries.id = ledger.query_id)"
    )
    is_booked = sa.text("kind = 'book'")
    booked = ["campaign_id", "candidate_id", "amount", "query_id", "id"]
    op.create_index("ix_ledger_booked", "ledger", booked, sqlite_where=is_booked, postgresql_where=is_booked)


def _scope_reference_energies() -> None:
    with op.batch_alter_table("reference_energies") as table:
        table.add_column(sa.Column("group_id", sa.Integer()))
        table.add_column(sa.Column("holder", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("supersedes", sa.Integer()))
        table.add_column(sa.Column("is_retracted", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("reason", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("said_by", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("remarks", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
        table.drop_constraint("uq_reference_energies_origin", type_="unique")
        table.create_foreign_key(op.f("fk_reference_energies_group_id_groups"), "groups", ["group_id"], ["id"])
        table.create_foreign_key(
            op.f("fk_reference_energies_supersedes_reference_energies"), "reference_energies", ["supersedes"], ["id"]
        )
        table.create_unique_constraint(op.f("uq_reference_energies_supersedes"), ["supersedes"])
    is_first = sa.text("supersedes IS NULL")
    op.create_index(
        "uq_reference_energies_first",
        "reference_energies",
        _ORIGIN,
        unique=True,
        sqlite_where=is_first,
        postgresql_where=is_first,
    )
    # They counted for every group. Each that has campaigns keeps them, so that no campaign changes its zero half-way.
    kept = (
        'oracle, oracle_version, settings_digest, symbol, "energy_eV_per_atom", structure, cif, details, provenance, '
        "core_seconds, recorded_at"
    )
    op.execute(
        f"INSERT INTO reference_energies ({kept}, group_id, holder) "  # noqa: S608 - names of columns alone
        f"SELECT {kept}, users_of.number, users_of.number FROM reference_energies "
        "CROSS JOIN (SELECT DISTINCT group_id AS number FROM campaigns WHERE group_id IS NOT NULL) AS users_of"
    )


def _name_candidates() -> None:
    op.add_column("candidates", sa.Column("formula", sa.Text(), server_default="", nullable=False))
    op.add_column("candidates", sa.Column("space_group", sa.Integer(), server_default="0", nullable=False))
    op.add_column("candidates", sa.Column("elements", sa.Text(), server_default="", nullable=False))
    op.add_column("candidates", sa.Column("density_g_cm3", sa.Double(), server_default="0", nullable=False))
    table = sa.table(
        "candidates",
        sa.column("id", sa.Integer()),
        sa.column("blueprint", sa.JSON()),
        sa.column("formula", sa.Text()),
        sa.column("space_group", sa.Integer()),
        sa.column("elements", sa.Text()),
        sa.column("density_g_cm3", sa.Double()),
    )
    connection = op.get_bind()
    after = 0
    page = sa.select(table.c.id, table.c.blueprint).order_by(table.c.id).limit(_PAGE)
    named = table.update().where(table.c.id == sa.bindparam("number"))
    while rows := connection.execute(page.where(table.c.id > after)).all():
        connection.execute(named, [{"number": row.id, **_names(row.blueprint)} for row in rows])
        after = rows[-1].id


def _names(stored: object) -> dict[str, object]:
    blueprint = parse(Blueprint, stored, what="A blueprint")
    return {
        "formula": blueprint.composition.reduced_formula,
        "space_group": blueprint.space_group.number,
        "elements": f" {' '.join(element.symbol for element in blueprint.composition.elements)} ",
        "density_g_cm3": blueprint.density_g_cm3,
    }


def _add_beliefs() -> None:
    op.create_table(
        "beliefs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("sd", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_beliefs_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.id"], name=op.f("fk_beliefs_candidate_id_candidates")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beliefs")),
        sa.UniqueConstraint("candidate_id", name=op.f("uq_beliefs_candidate_id")),
    )
    columns = ["campaign_id", "candidate_id", "mean", "sd"]
    op.create_index(op.f("ix_beliefs_campaign_id_candidate_id_mean_sd"), "beliefs", columns)
    _fill_beliefs()


def _fill_beliefs() -> None:
    """Copies what the last round of each campaign that has closed expects."""
    beliefs = sa.table("beliefs", *(sa.column(name) for name in ("campaign_id", "candidate_id", "mean", "sd")))
    rounds = sa.table(
        "rounds",
        sa.column("campaign_id", sa.Integer()),
        sa.column("round_index", sa.Integer()),
        sa.column("state", sa.String()),
        sa.column("closing_notes", sa.JSON()),
    )
    newest = sa.select(rounds.c.campaign_id, sa.func.max(rounds.c.round_index).label("round_index"))
    last = newest.where(rounds.c.state == "closed").group_by(rounds.c.campaign_id).subquery()
    is_last = (rounds.c.campaign_id == last.c.campaign_id) & (rounds.c.round_index == last.c.round_index)
    connection = op.get_bind()
    closed = sa.select(rounds.c.campaign_id, rounds.c.closing_notes).select_from(rounds.join(last, is_last))
    for row in connection.execute(closed).all():
        found = [
            {"campaign_id": row.campaign_id, "candidate_id": note["candidate"], "mean": note["mean"], "sd": note["sd"]}
            for note in row.closing_notes.get("beliefs", ())
        ]
        if found:
            connection.execute(beliefs.insert(), found)


def _add_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("is_mapped", sa.Boolean(), nullable=False),
        sa.Column("given_groups", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identities_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identities_issuer_subject")),
    )
    op.create_index(op.f("ix_identities_user_id"), "identities", ["user_id"])
    op.create_table(
        "oidc_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer()),
        sa.Column("next_path", sa.Text(), nullable=False),
        sa.Column("failure_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_oidc_attempts_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oidc_attempts")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_oidc_attempts_state_hash")),
    )


def _add_password_links() -> None:
    op.create_table(
        "password_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_password_links_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_links")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_password_links_secret_hash")),
    )
    op.create_index(op.f("ix_password_links_user_id"), "password_links", ["user_id"])


def _add_look_progress() -> None:
    op.create_table(
        "look_progress",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("query_id", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["query_id"], ["queries.id"], name=op.f("fk_look_progress_query_id_queries")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_progress")),
        sa.UniqueConstraint("query_id", name=op.f("uq_look_progress_query_id")),
    )


def _say_whose_files_are() -> None:
    op.add_column(
        "artifacts",
        sa.Column("query_id", sa.Integer(), sa.ForeignKey("queries.id", name=op.f("fk_artifacts_query_id_queries"))),
        inline_references=True,
    )
    op.create_index(op.f("ix_artifacts_query_id"), "artifacts", ["query_id"])


def _add_series_points() -> None:
    op.create_table(
        "series_points",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("measurement_id", sa.Integer()),
        sa.Column("material_measurement_id", sa.Integer()),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("temperature_K", sa.Double(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("sigma", sa.Double()),
        sa.Column("censoring", sa.String(length=1), nullable=False),
        sa.ForeignKeyConstraint(
            ["measurement_id"], ["measurements.id"], name=op.f("fk_series_points_measurement_id_measurements")
        ),
        sa.ForeignKeyConstraint(
            ["material_measurement_id"],
            ["material_measurements.id"],
            name=op.f("fk_series_points_material_measurement_id_material_measurements"),
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_series_points_campaign_id_campaigns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series_points")),
    )
    op.create_index(op.f("ix_series_points_measurement_id"), "series_points", ["measurement_id"])
    op.create_index(op.f("ix_series_points_material_measurement_id"), "series_points", ["material_measurement_id"])
    op.create_index(op.f("ix_series_points_campaign_id_id"), "series_points", ["campaign_id", "id"])
    for table in ("measurements", "material_measurements"):
        _fill_series_points(table)


def _fill_series_points(table: str) -> None:
    """Copies the series of conductivities that laboratories handed in, which stood among the details alone."""
    points = sa.table(
        "series_points",
        *(sa.column(name) for name in (f"{table[:-1]}_id", "campaign_id", "temperature_K", "value", "sigma")),
        sa.column("censoring"),
    )
    kept = sa.table(
        table,
        sa.column("id", sa.Integer()),
        sa.column("campaign_id", sa.Integer()),
        sa.column("unit", sa.Text()),
        sa.column("details", sa.JSON()),
        sa.column("is_retracted", sa.Boolean()),
    )
    has_series = (
        (kept.c.unit == "S/cm")
        & kept.c.is_retracted.is_(False)
        & sa.cast(kept.c.details, sa.Text()).like('%"arrhenius"%')
    )
    page = sa.select(kept.c.id, kept.c.campaign_id, kept.c.details).where(has_series).order_by(kept.c.id).limit(_PAGE)
    connection = op.get_bind()
    after = 0
    while rows := connection.execute(page.where(kept.c.id > after)).all():
        after = rows[-1].id
        found = [
            {
                f"{table[:-1]}_id": row.id,
                "campaign_id": row.campaign_id,
                "temperature_K": temperature_K,
                "value": value,
                "sigma": sigma,
                "censoring": "=",
            }
            for row in rows
            for temperature_K, value, sigma in _series_in(row.details)
        ]
        if found:
            connection.execute(points.insert(), found)


def _series_in(details: object) -> list[tuple[float, float, float | None]]:
    """Temperatures, conductivities and standard deviations; none where something else is kept by that name.

    One impossible point makes the line something else, as it does for a measurement that is handed in today.
    """
    line = details.get("arrhenius") if isinstance(details, dict) else None
    points = line.get("points") if isinstance(line, dict) else None
    if not isinstance(points, list):
        return []
    found = [_point(point) for point in points[:_MOST_POINTS]]
    possible = [point for point in found if point is not None]
    return possible if len(possible) == len(found) else []


def _point(point: object) -> tuple[float, float, float | None] | None:
    if not (isinstance(point, list) and len(point) == 3):
        return None
    temperature_K, value, sigma = point
    if not (_is_number(temperature_K) and _is_number(value)) or not (sigma is None or _is_number(sigma)):
        return None
    is_possible = temperature_K > 0 and _LOWEST_S_PER_CM <= value <= _HIGHEST_S_PER_CM and (sigma is None or sigma >= 0)
    return (temperature_K, value, sigma) if is_possible else None


def _is_number(found: object) -> TypeGuard[float]:
    return isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= sys.float_info.max
