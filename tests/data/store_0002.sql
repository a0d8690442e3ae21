BEGIN TRANSACTION;
CREATE TABLE artifacts (
	id INTEGER NOT NULL, 
	campaign_id INTEGER, 
	digest VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	uploaded_by TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_artifacts PRIMARY KEY (id), 
	CONSTRAINT fk_artifacts_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor TEXT NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	subject TEXT NOT NULL, 
	details JSON NOT NULL, 
	previous_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id), 
	CONSTRAINT uq_audit_hash UNIQUE (hash), 
	CONSTRAINT uq_audit_previous_hash UNIQUE (previous_hash)
);
CREATE TABLE campaigns (
	id INTEGER NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	spec JSON NOT NULL, 
	spec_digest VARCHAR(64) NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	runner TEXT, 
	runner_until DATETIME, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, group_id INTEGER REFERENCES groups (id), priority INTEGER DEFAULT '0' NOT NULL, wake_at DATETIME, 
	CONSTRAINT pk_campaigns PRIMARY KEY (id), 
	CONSTRAINT uq_campaigns_name UNIQUE (name)
);
INSERT INTO "campaigns" VALUES(1,'example','{"name": "example", "objective": {"quantity": "formation_energy", "goal": "minimize"}, "space": {"elements": ["Li", "Cl"], "space_groups": [225], "required_elements": [], "min_elements": 1, "max_elements": 5, "max_atoms": 8, "max_atoms_per_element": 16, "oxidation_states": {}, "volume_per_atom_A3": [6.0, 40.0], "length_A": [2.0, 30.0], "angle_deg": [60.0, 120.0]}, "ladder": [{"name": "static", "oracle": "potential", "cost": 1.1, "settings": {}, "limits": {"time_s": 900.0, "memory_GiB": 12.0}, "max_attempts": 2, "answered_by": "runner", "max_concurrent": null}, {"name": "dft", "oracle": "ase", "cost": 50.3, "settings": {}, "limits": {"time_s": 900.0, "memory_GiB": 12.0}, "max_attempts": 3, "answered_by": "runner", "max_concurrent": null}, {"name": "lab", "oracle": "laboratory", "cost": 200.7, "settings": {}, "limits": {"time_s": 900.0, "memory_GiB": 12.0}, "max_attempts": 2, "answered_by": "runner", "max_concurrent": null}], "budget": {"total": 1000.0, "per_round": 500.0, "unit": "core-seconds", "target_share": 0.3, "approval_above": null}, "max_rounds": 5, "initial_looks": {"static": 2}, "generator": {"name": "crystal-gfn", "settings": {}}, "surrogate": {"name": "multi-fidelity-gp", "settings": {}}, "pool_size": 2048, "description": "", "seed": 0}','22c1702daaba5c7069f5adb15ccb782e1e6bae8ca213c5f54f704bb259321844','ready',NULL,NULL,'2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',1,0,'2026-01-01 00:00:00.000000');
CREATE TABLE candidates (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	round_index INTEGER NOT NULL, 
	blueprint JSON NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	generator_version TEXT NOT NULL, 
	log_probability DOUBLE, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_candidates PRIMARY KEY (id), 
	CONSTRAINT fk_candidates_campaign_id_round_index_rounds FOREIGN KEY(campaign_id, round_index) REFERENCES rounds (campaign_id, round_index), 
	CONSTRAINT fk_candidates_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT uq_candidates_campaign_id_digest UNIQUE (campaign_id, digest)
);
INSERT INTO "candidates" VALUES(1,1,0,'{"space_group": {"number": 225}, "composition": {"counts": [[3, 4], [17, 4]]}, "lattice": {"a": 4.001, "b": 4.001, "c": 4.001, "alpha": 90.0, "beta": 90.0, "gamma": 90.0}}','c2a83b74822e9948ca8d769c898c8a58af41e94f4c002be7203349630586b470','gfn 1',-1.0,'2026-01-01 00:00:00.000000');
INSERT INTO "candidates" VALUES(2,1,0,'{"space_group": {"number": 225}, "composition": {"counts": [[3, 4], [17, 4]]}, "lattice": {"a": 4.002, "b": 4.002, "c": 4.002, "alpha": 90.0, "beta": 90.0, "gamma": 90.0}}','51dc60fa9aec8b8491476abaf2151cefd83fa30b60205d0a373ff2a154226a86','gfn 1',-2.0,'2026-01-01 00:00:00.000000');
CREATE TABLE cursors (
	id INTEGER NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	event_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_cursors PRIMARY KEY (id), 
	CONSTRAINT uq_cursors_name UNIQUE (name)
);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	message TEXT NOT NULL, 
	payload JSON NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
INSERT INTO "events" VALUES(1,1,'campaign.created','Campaign example was created.','{}','2026-01-01 00:00:00.000000');
INSERT INTO "events" VALUES(2,1,'round.opened','round 0 opens: 2 looks for 201.8 core-seconds','{"round": 0, "n_queries": 2, "price": 201.79999999999998}','2026-01-01 00:00:00.000000');
INSERT INTO "events" VALUES(3,1,'query.claimed','ask: LiCl (Fm-3m) at static','{"query_id": 1, "worker": "host/1", "fence": 1, "attempt": 1}','2026-01-01 00:00:00.000000');
INSERT INTO "events" VALUES(4,1,'query.done','ask: LiCl (Fm-3m) at static: -1.25 eV/atom (1.1 charged, took 3.5 core-seconds)','{"query_id": 1, "value": -1.25, "declared": 1.1, "core_seconds": 3.5}','2026-01-01 00:00:00.000000');
CREATE TABLE failures (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	query_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	fidelity TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	fence INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	reason TEXT NOT NULL, 
	worker TEXT NOT NULL, 
	amount DOUBLE NOT NULL, 
	core_seconds DOUBLE, 
	money DOUBLE, 
	details JSON NOT NULL, 
	failed_at DATETIME NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	is_final BOOLEAN NOT NULL, 
	is_evidence BOOLEAN NOT NULL, 
	payload_digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_failures PRIMARY KEY (id), 
	CONSTRAINT fk_failures_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT fk_failures_candidate_id_candidates FOREIGN KEY(candidate_id) REFERENCES candidates (id), 
	CONSTRAINT fk_failures_query_id_queries FOREIGN KEY(query_id) REFERENCES queries (id), 
	CONSTRAINT uq_failures_query_id_fence_payload_digest UNIQUE (query_id, fence, payload_digest)
);
CREATE TABLE groups (
	id INTEGER NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_groups PRIMARY KEY (id), 
	CONSTRAINT uq_groups_name UNIQUE (name)
);
INSERT INTO "groups" VALUES(1,'petrology','2026-01-01 00:00:00.000000');
CREATE TABLE idempotency (
	id INTEGER NOT NULL, 
	actor TEXT NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	payload_digest VARCHAR(64) NOT NULL, 
	status INTEGER NOT NULL, 
	answer JSON NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_idempotency PRIMARY KEY (id), 
	CONSTRAINT uq_idempotency_actor_key UNIQUE (actor, "key")
);
CREATE TABLE invitations (
	id INTEGER NOT NULL, 
	secret_hash VARCHAR(64) NOT NULL, 
	role VARCHAR(32) NOT NULL, 
	group_id INTEGER, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	used_at DATETIME, 
	CONSTRAINT pk_invitations PRIMARY KEY (id), 
	CONSTRAINT fk_invitations_group_id_groups FOREIGN KEY(group_id) REFERENCES groups (id), 
	CONSTRAINT uq_invitations_secret_hash UNIQUE (secret_hash)
);
CREATE TABLE ledger (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	query_id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	amount DOUBLE NOT NULL, 
	core_seconds DOUBLE, 
	money DOUBLE, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_ledger PRIMARY KEY (id), 
	CONSTRAINT ck_ledger_amount CHECK (amount >= 0), 
	CONSTRAINT fk_ledger_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT fk_ledger_query_id_queries FOREIGN KEY(query_id) REFERENCES queries (id), 
	CONSTRAINT uq_ledger_query_id_kind UNIQUE (query_id, kind)
);
INSERT INTO "ledger" VALUES(1,1,1,'reserve',1.1,NULL,NULL,'2026-01-01 00:00:00.000000');
INSERT INTO "ledger" VALUES(2,1,2,'reserve',200.7,NULL,NULL,'2026-01-01 00:00:00.000000');
INSERT INTO "ledger" VALUES(3,1,1,'release',1.1,NULL,NULL,'2026-01-01 00:00:00.000000');
INSERT INTO "ledger" VALUES(4,1,1,'book',1.1,3.5,0.01,'2026-01-01 00:00:00.000000');
CREATE TABLE login_failures (
	id INTEGER NOT NULL, 
	subject TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_login_failures PRIMARY KEY (id)
);
CREATE TABLE material_measurements (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	material_id INTEGER NOT NULL, 
	fidelity TEXT NOT NULL, 
	value DOUBLE NOT NULL, 
	unit TEXT NOT NULL, 
	sigma DOUBLE, 
	censoring VARCHAR(1) NOT NULL, 
	"temperature_K" DOUBLE, 
	reported_value DOUBLE NOT NULL, 
	reported_unit TEXT NOT NULL, 
	provenance JSON NOT NULL, 
	details JSON NOT NULL, 
	measured_at DATETIME NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	supersedes INTEGER, 
	is_retracted BOOLEAN NOT NULL, 
	payload_digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_material_measurements PRIMARY KEY (id), 
	CONSTRAINT fk_material_measurements_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT fk_material_measurements_material_id_materials FOREIGN KEY(material_id) REFERENCES materials (id), 
	CONSTRAINT fk_material_measurements_supersedes_material_measurements FOREIGN KEY(supersedes) REFERENCES material_measurements (id), 
	CONSTRAINT uq_material_measurements_answer UNIQUE (campaign_id, material_id, payload_digest), 
	CONSTRAINT uq_material_measurements_supersedes UNIQUE (supersedes)
);
CREATE TABLE materials (
	id INTEGER NOT NULL, 
	group_id INTEGER, 
	source TEXT NOT NULL, 
	source_id TEXT NOT NULL, 
	formula TEXT NOT NULL, 
	anonymous_formula TEXT NOT NULL, 
	elements JSON NOT NULL, 
	n_elements INTEGER NOT NULL, 
	n_sites INTEGER NOT NULL, 
	space_group INTEGER, 
	blueprint JSON, 
	digest VARCHAR(64), 
	cif TEXT, 
	properties JSON NOT NULL, 
	added_by TEXT NOT NULL, 
	added_at DATETIME NOT NULL, 
	holder INTEGER NOT NULL, 
	CONSTRAINT pk_materials PRIMARY KEY (id), 
	CONSTRAINT fk_materials_group_id_groups FOREIGN KEY(group_id) REFERENCES groups (id), 
	CONSTRAINT uq_materials_holder_source_source_id UNIQUE (holder, source, source_id)
);
CREATE TABLE measurement_artifacts (
	id INTEGER NOT NULL, 
	measurement_id INTEGER NOT NULL, 
	artifact_id INTEGER NOT NULL, 
	CONSTRAINT pk_measurement_artifacts PRIMARY KEY (id), 
	CONSTRAINT fk_measurement_artifacts_artifact_id_artifacts FOREIGN KEY(artifact_id) REFERENCES artifacts (id), 
	CONSTRAINT fk_measurement_artifacts_measurement_id_measurements FOREIGN KEY(measurement_id) REFERENCES measurements (id), 
	CONSTRAINT uq_measurement_artifacts_measurement_id_artifact_id UNIQUE (measurement_id, artifact_id)
);
CREATE TABLE measurements (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	query_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	fidelity TEXT NOT NULL, 
	fence INTEGER NOT NULL, 
	value DOUBLE NOT NULL, 
	unit TEXT NOT NULL, 
	sigma DOUBLE, 
	censoring VARCHAR(1) NOT NULL, 
	"temperature_K" DOUBLE, 
	reported_value DOUBLE NOT NULL, 
	reported_unit TEXT NOT NULL, 
	provenance JSON NOT NULL, 
	amount DOUBLE NOT NULL, 
	core_seconds DOUBLE, 
	money DOUBLE, 
	details JSON NOT NULL, 
	measured_at DATETIME NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	is_evidence BOOLEAN NOT NULL, 
	supersedes INTEGER, 
	payload_digest VARCHAR(64) NOT NULL, is_retracted BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_measurements PRIMARY KEY (id), 
	CONSTRAINT fk_measurements_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT fk_measurements_candidate_id_candidates FOREIGN KEY(candidate_id) REFERENCES candidates (id), 
	CONSTRAINT fk_measurements_query_id_queries FOREIGN KEY(query_id) REFERENCES queries (id), 
	CONSTRAINT fk_measurements_supersedes_measurements FOREIGN KEY(supersedes) REFERENCES measurements (id), 
	CONSTRAINT uq_measurements_query_id_fence_payload_digest UNIQUE (query_id, fence, payload_digest), 
	CONSTRAINT uq_measurements_supersedes UNIQUE (supersedes)
);
INSERT INTO "measurements" VALUES(1,1,1,1,'static',1,-1.25,'eV/atom',0.02,'=',NULL,-1.25,'eV/atom','{"oracle": "potential", "oracle_version": "chgnet 0.4.2", "settings_digest": "64808d2312c6da10d68ddaa54d3ffb681f205abfcf76984dfdc146123a1dfb06", "worker": "host/1", "seed": null, "realization_digest": null}',1.1,3.5,0.01,'{"steps": 12}','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,'eab5cd1b90bdc0867d644d059297106072c3759d9e3ad5439d325e63d8311a05',0);
CREATE TABLE memberships (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	CONSTRAINT pk_memberships PRIMARY KEY (id), 
	CONSTRAINT fk_memberships_group_id_groups FOREIGN KEY(group_id) REFERENCES groups (id), 
	CONSTRAINT fk_memberships_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_memberships_user_id_group_id UNIQUE (user_id, group_id)
);
CREATE TABLE petalite_schema_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT petalite_schema_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "petalite_schema_version" VALUES('0002');
CREATE TABLE queries (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	round_index INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	fidelity TEXT NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	declared_amount DOUBLE NOT NULL, 
	attempts INTEGER NOT NULL, 
	worker TEXT, 
	lease_until DATETIME, 
	fence INTEGER NOT NULL, 
	decision JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	claimed_at DATETIME, 
	finished_at DATETIME, judged_by TEXT, judged_at DATETIME, judgement TEXT, 
	CONSTRAINT pk_queries PRIMARY KEY (id), 
	CONSTRAINT fk_queries_campaign_id_round_index_rounds FOREIGN KEY(campaign_id, round_index) REFERENCES rounds (campaign_id, round_index), 
	CONSTRAINT fk_queries_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT fk_queries_candidate_id_candidates FOREIGN KEY(candidate_id) REFERENCES candidates (id), 
	CONSTRAINT uq_queries_campaign_id_candidate_id_fidelity UNIQUE (campaign_id, candidate_id, fidelity), 
	CONSTRAINT uq_queries_key UNIQUE ("key")
);
INSERT INTO "queries" VALUES(1,1,0,1,'static','done','dd44fbe927cfd6cc2cd2747d787bf99e7dde6b326a1027ee8543198e021464b2',1.1,1,'host/1',NULL,1,'{"reason": "It was its turn.", "score": 0.5, "predicted_mean": -1.0, "predicted_sd": 0.2, "details": {"rank": 1}}','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',NULL,NULL,NULL);
INSERT INTO "queries" VALUES(2,1,0,2,'lab','queued','f699e2d1f4925f6051b6285a5b4ffdf69e0270494b497501e6b4b6ee1cc2446c',200.7,0,NULL,NULL,0,'{"reason": "It was its turn.", "score": 0.5, "predicted_mean": -1.0, "predicted_sd": 0.2, "details": {"rank": 2}}','2026-01-01 00:00:00.000000',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE realizations (
	id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	cif TEXT NOT NULL, 
	method TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	"energy_eV_per_atom" DOUBLE, 
	ranked_by TEXT, 
	is_relaxed BOOLEAN NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	CONSTRAINT pk_realizations PRIMARY KEY (id), 
	CONSTRAINT fk_realizations_candidate_id_candidates FOREIGN KEY(candidate_id) REFERENCES candidates (id), 
	CONSTRAINT uq_realizations_candidate_id_digest UNIQUE (candidate_id, digest)
);
CREATE TABLE reference_energies (
	id INTEGER NOT NULL, 
	oracle TEXT NOT NULL, 
	oracle_version TEXT NOT NULL, 
	settings_digest TEXT NOT NULL, 
	symbol VARCHAR(2) NOT NULL, 
	"energy_eV_per_atom" DOUBLE NOT NULL, 
	structure TEXT NOT NULL, 
	cif TEXT NOT NULL, 
	details JSON NOT NULL, 
	provenance JSON NOT NULL, 
	core_seconds DOUBLE, 
	recorded_at DATETIME NOT NULL, 
	CONSTRAINT pk_reference_energies PRIMARY KEY (id), 
	CONSTRAINT uq_reference_energies_origin UNIQUE (oracle, oracle_version, settings_digest, symbol)
);
INSERT INTO "reference_energies" VALUES(1,'potential','chgnet 0.4.2','64808d2312c6da10d68ddaa54d3ffb681f205abfcf76984dfdc146123a1dfb06','Li',-1.9,'bcc','data_Li','{"k": [4]}','{"oracle": "potential", "oracle_version": "chgnet 0.4.2", "settings_digest": "64808d2312c6da10d68ddaa54d3ffb681f205abfcf76984dfdc146123a1dfb06", "worker": "host/1", "seed": null, "realization_digest": null}',12.5,'2026-01-01 00:00:00.000000');
INSERT INTO "reference_energies" VALUES(2,'potential','chgnet 0.4.2','64808d2312c6da10d68ddaa54d3ffb681f205abfcf76984dfdc146123a1dfb06','Cl',-1.8,'molecule','data_Cl','{}','{"oracle": "potential", "oracle_version": "chgnet 0.4.2", "settings_digest": "64808d2312c6da10d68ddaa54d3ffb681f205abfcf76984dfdc146123a1dfb06", "worker": "host/1", "seed": null, "realization_digest": null}',NULL,'2026-01-01 00:00:00.000000');
CREATE TABLE rounds (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	round_index INTEGER NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	generator_version TEXT NOT NULL, 
	surrogate_version TEXT NOT NULL, 
	notes JSON NOT NULL, 
	closing_notes JSON NOT NULL, 
	opened_at DATETIME NOT NULL, 
	closed_at DATETIME, 
	CONSTRAINT pk_rounds PRIMARY KEY (id), 
	CONSTRAINT fk_rounds_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT uq_rounds_campaign_id_round_index UNIQUE (campaign_id, round_index)
);
INSERT INTO "rounds" VALUES(1,1,0,'open','gfn 1','gp 1','{"r2": 0.9}','{}','2026-01-01 00:00:00.000000',NULL);
CREATE TABLE schedules (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	expression TEXT NOT NULL, 
	time_zone TEXT NOT NULL, 
	is_active BOOLEAN NOT NULL, 
	created_by TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	next_at DATETIME, 
	last_at DATETIME, 
	CONSTRAINT pk_schedules PRIMARY KEY (id), 
	CONSTRAINT fk_schedules_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
CREATE TABLE sessions (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	secret_hash VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_sessions_secret_hash UNIQUE (secret_hash)
);
CREATE TABLE structures (
	id INTEGER NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	material_id INTEGER, 
	realization_id INTEGER, 
	candidate_id INTEGER, 
	campaign_id INTEGER, 
	formula_reduced TEXT, 
	formula_anonymous TEXT, 
	formula_descriptive TEXT NOT NULL, 
	elements TEXT NOT NULL, 
	n_elements INTEGER NOT NULL, 
	n_sites INTEGER NOT NULL, 
	space_group INTEGER, 
	features TEXT NOT NULL, 
	modified_at DATETIME NOT NULL, 
	CONSTRAINT pk_structures PRIMARY KEY (id), 
	CONSTRAINT fk_structures_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT fk_structures_candidate_id_candidates FOREIGN KEY(candidate_id) REFERENCES candidates (id), 
	CONSTRAINT fk_structures_material_id_materials FOREIGN KEY(material_id) REFERENCES materials (id), 
	CONSTRAINT fk_structures_realization_id_realizations FOREIGN KEY(realization_id) REFERENCES realizations (id), 
	CONSTRAINT uq_structures_material_id UNIQUE (material_id), 
	CONSTRAINT uq_structures_name UNIQUE (name), 
	CONSTRAINT uq_structures_realization_id UNIQUE (realization_id)
);
CREATE TABLE tokens (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	label TEXT NOT NULL, 
	prefix VARCHAR(32) NOT NULL, 
	secret_hash VARCHAR(64) NOT NULL, 
	scopes JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME, 
	last_used_at DATETIME, 
	revoked_at DATETIME, 
	CONSTRAINT pk_tokens PRIMARY KEY (id), 
	CONSTRAINT fk_tokens_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_tokens_prefix UNIQUE (prefix)
);
CREATE TABLE upload_rows (
	id INTEGER NOT NULL, 
	upload_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	cells JSON NOT NULL, 
	understood JSON NOT NULL, 
	remarks JSON NOT NULL, 
	measurement_id INTEGER, 
	material_id INTEGER, 
	CONSTRAINT pk_upload_rows PRIMARY KEY (id), 
	CONSTRAINT fk_upload_rows_material_id_materials FOREIGN KEY(material_id) REFERENCES materials (id), 
	CONSTRAINT fk_upload_rows_measurement_id_measurements FOREIGN KEY(measurement_id) REFERENCES measurements (id), 
	CONSTRAINT fk_upload_rows_upload_id_uploads FOREIGN KEY(upload_id) REFERENCES uploads (id), 
	CONSTRAINT uq_upload_rows_upload_id_number UNIQUE (upload_id, number)
);
CREATE TABLE uploads (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	artifact_id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	options JSON NOT NULL, 
	report JSON NOT NULL, 
	uploaded_by TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	settled_at DATETIME, 
	CONSTRAINT pk_uploads PRIMARY KEY (id), 
	CONSTRAINT fk_uploads_artifact_id_artifacts FOREIGN KEY(artifact_id) REFERENCES artifacts (id), 
	CONSTRAINT fk_uploads_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
CREATE TABLE users (
	id INTEGER NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	role VARCHAR(32) NOT NULL, 
	password_hash TEXT, 
	is_active BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_name UNIQUE (name)
);
CREATE INDEX ix_events_campaign_id_id ON events (campaign_id, id);
CREATE INDEX ix_queries_state_lease_until ON queries (state, lease_until);
CREATE INDEX ix_failures_campaign_id ON failures (campaign_id);
CREATE INDEX ix_ledger_campaign_id ON ledger (campaign_id);
CREATE INDEX ix_measurements_campaign_id_fidelity_value ON measurements (campaign_id, fidelity, value);
CREATE UNIQUE INDEX uq_measurements_first_answer ON measurements (query_id) WHERE NOT is_evidence AND supersedes IS NULL;
CREATE INDEX ix_login_failures_subject_at ON login_failures (subject, at);
CREATE INDEX ix_materials_digest ON materials (digest);
CREATE INDEX ix_materials_formula ON materials (formula);
CREATE INDEX ix_artifacts_campaign_id_id ON artifacts (campaign_id, id);
CREATE INDEX ix_artifacts_digest ON artifacts (digest);
CREATE INDEX ix_material_measurements_campaign_id_id ON material_measurements (campaign_id, id);
CREATE INDEX ix_schedules_campaign_id ON schedules (campaign_id);
CREATE INDEX ix_schedules_is_active_next_at ON schedules (is_active, next_at);
CREATE INDEX ix_uploads_campaign_id_id ON uploads (campaign_id, id);
CREATE INDEX ix_structures_campaign_id_id ON structures (campaign_id, id);
CREATE INDEX ix_structures_formula_reduced ON structures (formula_reduced);
CREATE INDEX ix_queries_campaign_id_id ON queries (campaign_id, id);
CREATE INDEX ix_queries_campaign_id_state_id ON queries (campaign_id, state, id);
COMMIT;
