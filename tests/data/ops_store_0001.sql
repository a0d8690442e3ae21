BEGIN TRANSACTION;
CREATE TABLE campaigns (
	id INTEGER NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	spec JSON NOT NULL, 
	spec_digest VARCHAR(64) NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	runner TEXT, 
	runner_until DATETIME, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_campaigns PRIMARY KEY (id), 
	CONSTRAINT uq_campaigns_name UNIQUE (name)
);
INSERT INTO "campaigns" VALUES(1,'example','{"name": "example", "objective": {"quantity": "formation_energy", "goal": "minimize"}, "space": {"elements": ["Li", "Cl"], "space_groups": [225], "required_elements": [], "min_elements": 1, "max_elements": 5, "max_atoms": 8, "max_atoms_per_element": 16, "oxidation_states": {}, "volume_per_atom_A3": [6.0, 40.0], "length_A": [2.0, 30.0], "angle_deg": [60.0, 120.0]}, "ladder": [{"name": "static", "oracle": "potential", "cost": 1.1, "settings": {}, "limits": {"time_s": 900.0, "memory_GiB": 12.0}, "max_attempts": 2}, {"name": "dft", "oracle": "ase", "cost": 50.3, "settings": {}, "limits": {"time_s": 900.0, "memory_GiB": 12.0}, "max_attempts": 3}, {"name": "lab", "oracle": "laboratory", "cost": 200.7, "settings": {}, "limits": {"time_s": 900.0, "memory_GiB": 12.0}, "max_attempts": 2}], "budget": {"total": 1000.0, "per_round": 500.0, "unit": "core-seconds", "target_share": 0.3}, "max_rounds": 5, "initial_looks": {"static": 2}, "generator": {"name": "crystal-gfn", "settings": {}}, "surrogate": {"name": "multi-fidelity-gp", "settings": {}}, "pool_size": 2048, "description": "", "seed": 0}','efaca1986ff05e6bf2a97ee496d0a152f3ceb683125f726c7364caaae7374bdd','running',NULL,NULL,'2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000');
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
INSERT INTO "candidates" VALUES(1,1,0,'{"space_group": {"number": 225}, "composition": {"counts": [[3, 4], [17, 4]]}, "lattice": {"a": 4.0, "b": 4.0, "c": 4.0, "alpha": 90.0, "beta": 90.0, "gamma": 90.0}}','552e448709556b0463f72e85759fc49d1d7703fe8bf87c66bb7237f350d88d4d','gfn 1',0.0,'2026-01-01 00:00:00.000000');
INSERT INTO "candidates" VALUES(2,1,0,'{"space_group": {"number": 225}, "composition": {"counts": [[3, 4], [17, 4]]}, "lattice": {"a": 4.001, "b": 4.001, "c": 4.001, "alpha": 90.0, "beta": 90.0, "gamma": 90.0}}','c2a83b74822e9948ca8d769c898c8a58af41e94f4c002be7203349630586b470','gfn 1',-1.0,'2026-01-01 00:00:00.000000');
INSERT INTO "candidates" VALUES(3,1,0,'{"space_group": {"number": 225}, "composition": {"counts": [[3, 4], [17, 4]]}, "lattice": {"a": 4.002, "b": 4.002, "c": 4.002, "alpha": 90.0, "beta": 90.0, "gamma": 90.0}}','51dc60fa9aec8b8491476abaf2151cefd83fa30b60205d0a373ff2a154226a86','gfn 1',-2.0,'2026-01-01 00:00:00.000000');
INSERT INTO "candidates" VALUES(4,1,0,'{"space_group": {"number": 225}, "composition": {"counts": [[3, 4], [17, 4]]}, "lattice": {"a": 4.003, "b": 4.003, "c": 4.003, "alpha": 90.0, "beta": 90.0, "gamma": 90.0}}','a0a152a8f0461a71a681eb6cf24da65fa7905846f109deed3510f46bde1616a5','gfn 1',-3.0,'2026-01-01 00:00:00.000000');
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
INSERT INTO "events" VALUES(2,1,'round.opened','round 0 opens: 4 looks for 253.2 core-seconds','{"round": 0, "n_queries": 4, "price": 253.2}','2026-01-01 00:00:00.000000');
INSERT INTO "events" VALUES(3,1,'campaign.state','example is running','{"before": "ready", "after": "running", "reason": ""}','2026-01-01 00:00:00.000000');
INSERT INTO "events" VALUES(4,1,'query.claimed','ask: LiCl (Fm-3m) at static','{"query_id": 1, "worker": "runner:a", "fence": 1, "attempt": 1}','2026-01-01 00:00:00.000000');
INSERT INTO "events" VALUES(5,1,'query.done','ask: LiCl (Fm-3m) at static: -1.25 eV/atom (1.1 charged, took 2.5 core-seconds)','{"query_id": 1, "value": -1.25, "declared": 1.1, "core_seconds": 2.5}','2026-01-01 00:00:03.000000');
INSERT INTO "events" VALUES(6,1,'query.claimed','ask: LiCl (Fm-3m) at static','{"query_id": 2, "worker": "runner:a", "fence": 1, "attempt": 1}','2026-01-01 00:00:03.000000');
INSERT INTO "events" VALUES(7,1,'query.failed','ask: LiCl (Fm-3m) at static failed: The structure flew apart.','{"query_id": 2, "kind": "permanent", "attempt": 1, "is_final": true, "core_seconds": 9.0}','2026-01-01 00:00:03.000000');
INSERT INTO "events" VALUES(8,1,'query.claimed','ask: LiCl (Fm-3m) at lab','{"query_id": 4, "worker": "ada", "fence": 1, "attempt": 1}','2026-01-01 00:00:03.000000');
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
INSERT INTO "failures" VALUES(1,1,2,2,'static',1,1,'permanent','The structure flew apart.','runner:a',1.1,9.0,NULL,'{}','2026-01-01 00:00:03.000000','2026-01-01 00:00:03.000000',1,0,'ed54b8d4ecf873f80a1d1ca98bcb9b74b9d207d07d631b89df270e6562d1aecf');
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
INSERT INTO "ledger" VALUES(2,1,2,'reserve',1.1,NULL,NULL,'2026-01-01 00:00:00.000000');
INSERT INTO "ledger" VALUES(3,1,3,'reserve',50.3,NULL,NULL,'2026-01-01 00:00:00.000000');
INSERT INTO "ledger" VALUES(4,1,4,'reserve',200.7,NULL,NULL,'2026-01-01 00:00:00.000000');
INSERT INTO "ledger" VALUES(5,1,1,'release',1.1,NULL,NULL,'2026-01-01 00:00:03.000000');
INSERT INTO "ledger" VALUES(6,1,1,'book',1.1,2.5,NULL,'2026-01-01 00:00:03.000000');
INSERT INTO "ledger" VALUES(7,1,2,'release',1.1,NULL,NULL,'2026-01-01 00:00:03.000000');
INSERT INTO "ledger" VALUES(8,1,2,'book',1.1,9.0,NULL,'2026-01-01 00:00:03.000000');
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
	payload_digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_measurements PRIMARY KEY (id), 
	CONSTRAINT fk_measurements_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT fk_measurements_candidate_id_candidates FOREIGN KEY(candidate_id) REFERENCES candidates (id), 
	CONSTRAINT fk_measurements_query_id_queries FOREIGN KEY(query_id) REFERENCES queries (id), 
	CONSTRAINT fk_measurements_supersedes_measurements FOREIGN KEY(supersedes) REFERENCES measurements (id), 
	CONSTRAINT uq_measurements_query_id_fence_payload_digest UNIQUE (query_id, fence, payload_digest), 
	CONSTRAINT uq_measurements_supersedes UNIQUE (supersedes)
);
INSERT INTO "measurements" VALUES(1,1,1,1,'static',1,-1.25,'eV/atom',0.05,'=',NULL,-1.25,'eV/atom','{"oracle": "potential", "oracle_version": "chgnet 0.4.2", "settings_digest": "0000000000000000000000000000000000000000000000000000000000000000", "worker": "runner:a", "seed": null, "realization_digest": null}',1.1,2.5,NULL,'{"steps": 12}','2026-01-01 00:00:03.000000','2026-01-01 00:00:03.000000',0,NULL,'d37a7c77071b56ada6e6ad784fe54884401b3add85c4986b4c43822933f51f04');
CREATE TABLE petalite_schema_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT petalite_schema_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "petalite_schema_version" VALUES('0001');
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
	finished_at DATETIME, 
	CONSTRAINT pk_queries PRIMARY KEY (id), 
	CONSTRAINT fk_queries_campaign_id_round_index_rounds FOREIGN KEY(campaign_id, round_index) REFERENCES rounds (campaign_id, round_index), 
	CONSTRAINT fk_queries_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id), 
	CONSTRAINT fk_queries_candidate_id_candidates FOREIGN KEY(candidate_id) REFERENCES candidates (id), 
	CONSTRAINT uq_queries_campaign_id_candidate_id_fidelity UNIQUE (campaign_id, candidate_id, fidelity), 
	CONSTRAINT uq_queries_key UNIQUE ("key")
);
INSERT INTO "queries" VALUES(1,1,0,1,'static','done','9033e10a31b8a3b9bcf5e75afc676ee2d89dd22ac8df67ff7afcbc54a6af9b60',1.1,1,'runner:a',NULL,1,'{"reason": "It was its turn.", "score": 0.5, "predicted_mean": -1.0, "predicted_sd": 0.2, "details": {"rank": 0}}','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000','2026-01-01 00:00:03.000000');
INSERT INTO "queries" VALUES(2,1,0,2,'static','failed','dd44fbe927cfd6cc2cd2747d787bf99e7dde6b326a1027ee8543198e021464b2',1.1,1,'runner:a',NULL,1,'{"reason": "It was its turn.", "score": 0.5, "predicted_mean": -1.0, "predicted_sd": 0.2, "details": {"rank": 1}}','2026-01-01 00:00:00.000000','2026-01-01 00:00:03.000000','2026-01-01 00:00:03.000000');
INSERT INTO "queries" VALUES(3,1,0,3,'dft','queued','8d6c7339dd83de14215c8d245b8a9e63fa5524b34894bc5197c7e01e5adaab7d',50.3,0,NULL,NULL,0,'{"reason": "It was its turn.", "score": 0.5, "predicted_mean": -1.0, "predicted_sd": 0.2, "details": {"rank": 2}}','2026-01-01 00:00:00.000000',NULL,NULL);
INSERT INTO "queries" VALUES(4,1,0,4,'lab','claimed','b735dc7066cae1eb6dbc018d7e100c6af3893839b084c7a2704b289bc79f3e85',200.7,1,'ada','2026-01-15 00:00:03.000000',1,'{"reason": "It was its turn.", "score": 0.5, "predicted_mean": -1.0, "predicted_sd": 0.2, "details": {"rank": 3}}','2026-01-01 00:00:00.000000','2026-01-01 00:00:03.000000',NULL);
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
INSERT INTO "realizations" VALUES(1,1,'7b0179353f6c59a543c3bcc287941aa242ac7a6d0ec9c6540e4c8720555823f0','data_rock_salt
','random placement',7,-3.5,'chgnet',0,'2026-01-01 00:00:03.000000');
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
CREATE INDEX ix_events_campaign_id_id ON events (campaign_id, id);
CREATE INDEX ix_queries_campaign_id_state_fidelity ON queries (campaign_id, state, fidelity);
CREATE INDEX ix_queries_state_lease_until ON queries (state, lease_until);
CREATE INDEX ix_failures_campaign_id ON failures (campaign_id);
CREATE INDEX ix_ledger_campaign_id ON ledger (campaign_id);
CREATE INDEX ix_measurements_campaign_id_fidelity_value ON measurements (campaign_id, fidelity, value);
CREATE UNIQUE INDEX uq_measurements_first_answer ON measurements (query_id) WHERE NOT is_evidence AND supersedes IS NULL;
COMMIT;
