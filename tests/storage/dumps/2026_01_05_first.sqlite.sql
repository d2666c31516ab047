CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE announcements (
    process TEXT NOT NULL,
    number BIGINT NOT NULL,
    topics TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_announcements PRIMARY KEY (process)
);
CREATE TABLE catalogue_people (
    person TEXT NOT NULL,
    "key" TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT,
    entry TEXT,
    CONSTRAINT pk_catalogue_people PRIMARY KEY (person)
);
CREATE UNIQUE INDEX uq_catalogue_people_key ON catalogue_people ("key") WHERE ended_at IS NULL;
CREATE TABLE changes (
    decision BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    type TEXT NOT NULL,
    route TEXT NOT NULL,
    outcome TEXT NOT NULL,
    would TEXT,
    band SMALLINT NOT NULL,
    score BIGINT NOT NULL,
    policy TEXT,
    standard_change TEXT,
    matched TEXT NOT NULL,
    hold TEXT,
    excused BOOLEAN NOT NULL,
    subject_digest BLOB NOT NULL,
    running_change TEXT,
    direction TEXT NOT NULL,
    lines BIGINT,
    parallel BOOLEAN NOT NULL,
    close_within_seconds BIGINT NOT NULL,
    planned_start BIGINT,
    planned_end BIGINT,
    redecide_at BIGINT,
    valid_until BIGINT,
    detail BLOB NOT NULL,
    id TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    digests TEXT NOT NULL,
    repository_issuer TEXT,
    repository_id BIGINT,
    caller TEXT NOT NULL,
    run_id TEXT,
    run_attempt BIGINT,
    run_step TEXT,
    run_key TEXT,
    subject_key BLOB NOT NULL,
    state TEXT NOT NULL,
    submitted_at BIGINT NOT NULL,
    settled_at BIGINT,
    expires_at BIGINT,
    time_left BIGINT,
    admitted_at BIGINT,
    admitted_run_id TEXT,
    admitted_run_attempt BIGINT,
    admitted_run_step TEXT,
    same_commit BOOLEAN,
    close_by BIGINT,
    ended_at BIGINT,
    closed_at BIGINT,
    result TEXT,
    failed BOOLEAN NOT NULL,
    failed_at BIGINT,
    CONSTRAINT pk_changes PRIMARY KEY (id),
    CONSTRAINT uq_changes_run_key UNIQUE (run_key)
);
CREATE INDEX ix_changes_admitted ON changes (service, environment, admitted_at, id, commit_sha, failed, lines) WHERE admitted_at IS NOT NULL;
CREATE INDEX ix_changes_approved ON changes (state, service, environment) WHERE state = 'approved';
CREATE INDEX ix_changes_commit ON changes (commit_sha);
CREATE INDEX ix_changes_deploying ON changes (state, service, environment, close_by, id) WHERE state = 'deploying';
CREATE INDEX ix_changes_expires ON changes (state, expires_at) WHERE state = 'pending';
CREATE INDEX ix_changes_failed ON changes (service, environment, failed_at) WHERE failed;
CREATE INDEX ix_changes_failed_newest ON changes (failed_at, id) WHERE failed;
CREATE INDEX ix_changes_lapses ON changes (state, valid_until) WHERE state = 'approved';
CREATE INDEX ix_changes_newest ON changes (submitted_at, id);
CREATE INDEX ix_changes_pending ON changes (state, service, environment, submitted_at, id) WHERE state = 'pending';
CREATE INDEX ix_changes_place ON changes (service, environment, submitted_at, id);
CREATE INDEX ix_changes_promised ON changes (state, service, environment, valid_until, id) WHERE state = 'approved' AND route IN ('review', 'emergency');
CREATE INDEX ix_changes_ran ON changes (service, environment, commit_sha, admitted_at) WHERE result IN ('successful', 'successful_issues');
CREATE INDEX ix_changes_redecide ON changes (redecide_at, id) WHERE redecide_at IS NOT NULL;
CREATE INDEX ix_changes_refused ON changes (service, environment, decided_at) WHERE state = 'rejected' AND route <> 'automatic';
CREATE INDEX ix_changes_rejected ON changes (service, environment, commit_sha) WHERE state = 'rejected' AND route <> 'automatic';
CREATE INDEX ix_changes_repository ON changes (repository_issuer, repository_id, submitted_at) WHERE repository_id IS NOT NULL;
CREATE INDEX ix_changes_reviewed ON changes (service, environment, submitted_at, id) WHERE route IN ('review', 'emergency');
CREATE INDEX ix_changes_run ON changes (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX ix_changes_service ON changes (service, submitted_at, id);
CREATE INDEX ix_changes_settled ON changes (settled_at, id) WHERE settled_at IS NOT NULL;
CREATE INDEX ix_changes_settled_service ON changes (service, settled_at, id) WHERE settled_at IS NOT NULL;
CREATE INDEX ix_changes_state ON changes (state, submitted_at, id);
CREATE INDEX ix_changes_succeeded ON changes (service, environment, (CASE WHEN close_by < closed_at THEN close_by ELSE closed_at END), id, commit_sha) WHERE result IN ('successful', 'successful_issues');
CREATE TABLE checkpoints (
    size BIGINT NOT NULL,
    epoch INTEGER NOT NULL,
    at BIGINT NOT NULL,
    note BLOB NOT NULL,
    CONSTRAINT pk_checkpoints PRIMARY KEY (size)
);
CREATE TABLE deliveries (
    source TEXT NOT NULL,
    "key" TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    caller TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_at BIGINT,
    error TEXT,
    CONSTRAINT pk_deliveries PRIMARY KEY (source, "key")
);
CREATE INDEX ix_deliveries_at ON deliveries (at);
CREATE INDEX ix_deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX ix_deliveries_given_up ON deliveries (at, source) WHERE next_at IS NULL AND error IS NOT NULL;
CREATE TABLE delivery_days (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    day INTEGER NOT NULL,
    route TEXT NOT NULL,
    band SMALLINT NOT NULL,
    policy TEXT NOT NULL,
    standard_change TEXT NOT NULL,
    deployments BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    rework BIGINT NOT NULL,
    CONSTRAINT pk_delivery_days PRIMARY KEY (service, environment, day, route, band, policy, standard_change)
);
CREATE TABLE delivery_rules (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    day INTEGER NOT NULL,
    rule TEXT NOT NULL,
    deployments BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    CONSTRAINT pk_delivery_rules PRIMARY KEY (service, environment, day, rule)
);
CREATE TABLE delivery_times (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    measure TEXT NOT NULL,
    day INTEGER NOT NULL,
    seconds BIGINT NOT NULL,
    n BIGINT NOT NULL,
    CONSTRAINT pk_delivery_times PRIMARY KEY (service, environment, measure, day, seconds)
);
CREATE TABLE delivery_totals (
    environment TEXT NOT NULL,
    day INTEGER NOT NULL,
    service TEXT NOT NULL,
    deployments BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    CONSTRAINT pk_delivery_totals PRIMARY KEY (environment, day, service)
);
CREATE TABLE deployments_seen (
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    url TEXT NOT NULL,
    missing TEXT NOT NULL,
    repository_issuer TEXT,
    repository_id BIGINT,
    repository_name TEXT,
    service TEXT,
    environment TEXT NOT NULL,
    commit_sha TEXT,
    digests TEXT NOT NULL,
    result TEXT,
    at BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    CONSTRAINT pk_deployments_seen PRIMARY KEY (id)
);
CREATE INDEX ix_deployments_seen_newest ON deployments_seen (at, id);
CREATE INDEX ix_deployments_seen_place ON deployments_seen (service, environment, at, id);
CREATE TABLE freezes (
    id TEXT NOT NULL,
    reason TEXT NOT NULL,
    stop BOOLEAN NOT NULL,
    begins BIGINT NOT NULL,
    ends BIGINT,
    services TEXT NOT NULL,
    environments TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    lifted_at BIGINT,
    lifted_by TEXT,
    CONSTRAINT pk_freezes PRIMARY KEY (id)
);
CREATE INDEX ix_freezes_newest ON freezes (created_at, id);
CREATE INDEX ix_freezes_open ON freezes (ends) WHERE lifted_at IS NULL;
CREATE TABLE idempotency (
    caller TEXT NOT NULL,
    "key" TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    status SMALLINT NOT NULL,
    change_id TEXT NOT NULL,
    answer BLOB,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pk_idempotency PRIMARY KEY (caller, "key")
);
CREATE INDEX ix_idempotency_expires ON idempotency (expires_at);
CREATE TABLE improvements (
    id TEXT NOT NULL,
    proposal TEXT,
    experiment TEXT NOT NULL,
    owner TEXT NOT NULL,
    priority TEXT NOT NULL,
    link TEXT,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    figure TEXT NOT NULL,
    days INTEGER NOT NULL,
    before_value BIGINT NOT NULL,
    before_n INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    after_value BIGINT,
    after_n INTEGER,
    after_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    finding TEXT,
    closed_at BIGINT,
    closed_by TEXT,
    CONSTRAINT pk_improvements PRIMARY KEY (id)
);
CREATE INDEX ix_improvements_newest ON improvements (created_at, id);
CREATE INDEX ix_improvements_open ON improvements (proposal) WHERE closed_at IS NULL;
CREATE INDEX ix_improvements_unread ON improvements (due_at, id) WHERE after_at IS NULL AND closed_at IS NULL;
CREATE TABLE incidents (
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    series TEXT NOT NULL,
    title TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT,
    severity TEXT NOT NULL,
    url TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    resolved_at BIGINT,
    reported_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT pk_incidents PRIMARY KEY (id)
);
CREATE INDEX ix_incidents_newest ON incidents (began_at, id);
CREATE INDEX ix_incidents_open ON incidents (service, resolved_at, began_at, id) WHERE resolved_at IS NULL;
CREATE INDEX ix_incidents_series ON incidents (source, series, began_at);
CREATE INDEX ix_incidents_service ON incidents (service, began_at, id);
CREATE TABLE invitations (
    secret_sha256 TEXT NOT NULL,
    kind TEXT NOT NULL,
    person TEXT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    agreed BOOLEAN NOT NULL,
    CONSTRAINT pk_invitations PRIMARY KEY (secret_sha256)
);
CREATE INDEX ix_invitations_expires_at ON invitations (expires_at);
CREATE INDEX ix_invitations_person ON invitations (person);
CREATE TABLE leases (
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL,
    CONSTRAINT pk_leases PRIMARY KEY (name)
);
CREATE TABLE ledger_entries (
    id INTEGER NOT NULL,
    "index" BIGINT,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    change_id TEXT,
    body BLOB NOT NULL,
    CONSTRAINT pk_ledger_entries PRIMARY KEY (id),
    CONSTRAINT uq_ledger_entries_index UNIQUE ("index")
);
CREATE INDEX ix_ledger_entries_acts ON ledger_entries (at, id, kind) WHERE kind NOT IN ('decision', 'admission', 'closure', 'expiry', 'refusal');
CREATE INDEX ix_ledger_entries_change ON ledger_entries (change_id);
CREATE TABLE ledger_head (
    id SMALLINT NOT NULL,
    size BIGINT NOT NULL,
    root BLOB NOT NULL,
    sealed_at BIGINT,
    epoch INTEGER NOT NULL,
    "key" TEXT,
    CONSTRAINT pk_ledger_head PRIMARY KEY (id)
);
CREATE TABLE link_requests (
    person TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pk_link_requests PRIMARY KEY (person)
);
CREATE INDEX ix_link_requests_expires_at ON link_requests (expires_at);
CREATE TABLE measures (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    unit TEXT NOT NULL,
    value BIGINT NOT NULL,
    caller TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    CONSTRAINT pk_measures PRIMARY KEY (service, environment, name, at)
);
CREATE TABLE merged_people (
    person TEXT NOT NULL,
    same_as TEXT NOT NULL,
    CONSTRAINT pk_merged_people PRIMARY KEY (person)
);
CREATE INDEX ix_merged_people_same_as ON merged_people (same_as);
CREATE TABLE outbox (
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    target TEXT NOT NULL,
    change_id TEXT,
    body BLOB NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_at BIGINT NOT NULL,
    lease TEXT,
    lease_until BIGINT,
    delivered_at BIGINT,
    dead_at BIGINT,
    error TEXT,
    CONSTRAINT pk_outbox PRIMARY KEY (id)
);
CREATE INDEX ix_outbox_dead ON outbox (dead_at, id, target) WHERE dead_at IS NOT NULL;
CREATE INDEX ix_outbox_done ON outbox (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX ix_outbox_due ON outbox (target, next_at, id, at) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE TABLE past_deployments (
    source TEXT NOT NULL,
    "key" TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    ref TEXT,
    began_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    result TEXT NOT NULL,
    facts TEXT,
    imported_at BIGINT NOT NULL,
    CONSTRAINT pk_past_deployments PRIMARY KEY (source, "key")
);
CREATE INDEX ix_past_deployments_place ON past_deployments (service, environment, began_at);
CREATE TABLE past_incidents (
    source TEXT NOT NULL,
    "key" TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT,
    began_at BIGINT NOT NULL,
    resolved_at BIGINT,
    imported_at BIGINT NOT NULL,
    CONSTRAINT pk_past_incidents PRIMARY KEY (source, "key")
);
CREATE INDEX ix_past_incidents_service ON past_incidents (service, began_at);
CREATE TABLE path_outcomes (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    path TEXT NOT NULL,
    changes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    CONSTRAINT pk_path_outcomes PRIMARY KEY (service, environment, path)
);
CREATE TABLE people (
    id TEXT NOT NULL,
    email TEXT,
    role TEXT,
    password TEXT,
    password_agreed BOOLEAN,
    external_id TEXT,
    claimed_groups TEXT NOT NULL,
    claimed_at BIGINT,
    signed_in_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    disabled_at BIGINT,
    CONSTRAINT pk_people PRIMARY KEY (id),
    CONSTRAINT uq_people_email UNIQUE (email),
    CONSTRAINT uq_people_external_id UNIQUE (external_id)
);
CREATE INDEX ix_people_newest ON people (created_at, id);
CREATE TABLE policy_changes (
    number BIGINT NOT NULL,
    policies TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_policy_changes PRIMARY KEY (number)
);
CREATE INDEX ix_policy_changes_at ON policy_changes (at);
CREATE TABLE policy_sets (
    id TEXT NOT NULL,
    policies TEXT NOT NULL,
    catalogue TEXT NOT NULL,
    calendar TEXT NOT NULL,
    files TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    registered_by TEXT NOT NULL,
    CONSTRAINT pk_policy_sets PRIMARY KEY (id)
);
CREATE TABLE pushes (
    issuer TEXT NOT NULL,
    repository_id BIGINT NOT NULL,
    commit_sha TEXT NOT NULL,
    pusher TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_pushes PRIMARY KEY (issuer, repository_id, commit_sha, pusher)
);
CREATE TABLE reminders (
    change_id TEXT NOT NULL,
    stage INTEGER NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_reminders PRIMARY KEY (change_id)
);
CREATE TABLE rollups (
    day INTEGER NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    measure TEXT NOT NULL,
    route TEXT NOT NULL,
    band SMALLINT NOT NULL,
    policy TEXT NOT NULL,
    standard_change TEXT NOT NULL,
    n BIGINT NOT NULL,
    CONSTRAINT pk_rollups PRIMARY KEY (day, service, environment, measure, route, band, policy, standard_change)
);
CREATE TABLE secrets (
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    CONSTRAINT pk_secrets PRIMARY KEY (name)
);
CREATE TABLE sign_ins (
    state_sha256 TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pk_sign_ins PRIMARY KEY (state_sha256)
);
CREATE INDEX ix_sign_ins_expires_at ON sign_ins (expires_at);
CREATE TABLE sources_heard (
    source TEXT NOT NULL,
    caller TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    CONSTRAINT pk_sources_heard PRIMARY KEY (source, caller)
);
CREATE TABLE standard_changes (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    standard_change TEXT NOT NULL,
    suspended_at BIGINT,
    because TEXT NOT NULL,
    reinstated_at BIGINT,
    CONSTRAINT pk_standard_changes PRIMARY KEY (service, environment, standard_change)
);
CREATE TABLE texts (
    id TEXT NOT NULL,
    salt TEXT NOT NULL,
    text TEXT NOT NULL,
    name TEXT,
    CONSTRAINT pk_texts PRIMARY KEY (id),
    CONSTRAINT uq_texts_name UNIQUE (name)
);
CREATE TABLE tiles (
    level SMALLINT NOT NULL,
    number BIGINT NOT NULL,
    hashes BLOB NOT NULL,
    CONSTRAINT pk_tiles PRIMARY KEY (level, number)
);
CREATE TABLE token_uses (
    issuer TEXT NOT NULL,
    jti TEXT NOT NULL,
    bound_to TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pk_token_uses PRIMARY KEY (issuer, jti)
);
CREATE INDEX ix_token_uses_expires_at ON token_uses (expires_at);
CREATE TABLE tokens (
    id TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    role TEXT,
    person TEXT,
    services TEXT,
    hook TEXT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    root TEXT,
    made_with TEXT,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    name TEXT,
    CONSTRAINT pk_tokens PRIMARY KEY (id)
);
CREATE TABLE wait_sums (
    week TEXT NOT NULL,
    asked TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    changes BIGINT NOT NULL,
    seconds BIGINT NOT NULL,
    CONSTRAINT pk_wait_sums PRIMARY KEY (week, asked, service, environment)
);
CREATE TABLE weekly_posts (
    week TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_weekly_posts PRIMARY KEY (week)
);
CREATE TABLE approvals (
    change_id TEXT NOT NULL,
    person TEXT NOT NULL,
    decision INTEGER NOT NULL,
    rejected BOOLEAN NOT NULL,
    subject_digest TEXT NOT NULL,
    comment TEXT NOT NULL,
    at BIGINT NOT NULL,
    lapsed_at BIGINT,
    CONSTRAINT pk_approvals PRIMARY KEY (change_id, person, decision, rejected, at),
    CONSTRAINT fk_approvals_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE TABLE change_commits (
    change_id TEXT NOT NULL,
    commits TEXT NOT NULL,
    CONSTRAINT pk_change_commits PRIMARY KEY (change_id),
    CONSTRAINT fk_change_commits_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE TABLE closures (
    change_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at BIGINT NOT NULL,
    caller TEXT NOT NULL,
    result TEXT NOT NULL,
    notes TEXT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    matched BOOLEAN NOT NULL,
    CONSTRAINT pk_closures PRIMARY KEY (change_id, number),
    CONSTRAINT fk_closures_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE TABLE decisions (
    id INTEGER NOT NULL,
    change_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at BIGINT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    type TEXT NOT NULL,
    route TEXT NOT NULL,
    outcome TEXT NOT NULL,
    band SMALLINT NOT NULL,
    score INTEGER NOT NULL,
    policy TEXT,
    revision TEXT NOT NULL,
    standard_change TEXT,
    subject_digest BLOB NOT NULL,
    record BLOB NOT NULL,
    record_sha256 BLOB NOT NULL,
    running_change TEXT,
    CONSTRAINT pk_decisions PRIMARY KEY (id),
    CONSTRAINT uq_decisions_change_id UNIQUE (change_id, number),
    CONSTRAINT fk_decisions_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE INDEX ix_decisions_band ON decisions (band, at, id);
CREATE INDEX ix_decisions_environment ON decisions (environment, at, id);
CREATE INDEX ix_decisions_newest ON decisions (at, id);
CREATE INDEX ix_decisions_outcome ON decisions (outcome, at, id);
CREATE INDEX ix_decisions_place ON decisions (service, environment, at, id);
CREATE INDEX ix_decisions_policy ON decisions (policy, at, id);
CREATE INDEX ix_decisions_revision ON decisions (revision, at, id);
CREATE INDEX ix_decisions_route ON decisions (route, at, id);
CREATE INDEX ix_decisions_service ON decisions (service, at, id);
CREATE INDEX ix_decisions_standard ON decisions (standard_change, at, id) WHERE standard_change IS NOT NULL;
CREATE INDEX ix_decisions_type ON decisions (type, at, id);
CREATE TABLE held_runs (
    issuer TEXT NOT NULL,
    repository_id BIGINT NOT NULL,
    run_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    environment TEXT NOT NULL,
    repository_name TEXT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    change_id TEXT,
    at BIGINT NOT NULL,
    reported TEXT DEFAULT '' NOT NULL,
    reports INTEGER DEFAULT 0 NOT NULL,
    answered_at BIGINT,
    CONSTRAINT pk_held_runs PRIMARY KEY (issuer, repository_id, run_id, attempt, environment),
    CONSTRAINT fk_held_runs_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE INDEX ix_held_runs_unanswered ON held_runs (at) WHERE answered_at IS NULL;
CREATE TABLE improvement_issues (
    improvement TEXT NOT NULL,
    tracker TEXT NOT NULL,
    issuer TEXT NOT NULL,
    repository BIGINT NOT NULL,
    place TEXT NOT NULL,
    mark TEXT NOT NULL,
    message TEXT,
    number TEXT,
    url TEXT,
    state TEXT NOT NULL,
    seen_at BIGINT,
    look_at BIGINT,
    error TEXT,
    asked_at BIGINT NOT NULL,
    CONSTRAINT pk_improvement_issues PRIMARY KEY (improvement),
    CONSTRAINT fk_improvement_issues_improvement_improvements FOREIGN KEY(improvement) REFERENCES improvements (id)
);
CREATE INDEX ix_improvement_issues_look ON improvement_issues (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX ix_improvement_issues_place ON improvement_issues (issuer, repository, number);
CREATE TABLE in_force (
    id SMALLINT NOT NULL,
    number BIGINT NOT NULL,
    policy_set TEXT NOT NULL,
    activated_at BIGINT NOT NULL,
    activated_by TEXT NOT NULL,
    comment TEXT NOT NULL,
    CONSTRAINT pk_in_force PRIMARY KEY (id),
    CONSTRAINT fk_in_force_policy_set_policy_sets FOREIGN KEY(policy_set) REFERENCES policy_sets (id)
);
CREATE TABLE incident_links (
    id TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    change_id TEXT NOT NULL,
    method TEXT NOT NULL,
    at BIGINT NOT NULL,
    "by" TEXT NOT NULL,
    reason TEXT NOT NULL,
    confirmed_at BIGINT,
    confirmed_by TEXT,
    counts_at BIGINT NOT NULL,
    judged_at BIGINT,
    removed_at BIGINT,
    removed_by TEXT,
    removed_because TEXT,
    CONSTRAINT pk_incident_links PRIMARY KEY (id),
    CONSTRAINT fk_incident_links_incident_id_incidents FOREIGN KEY(incident_id) REFERENCES incidents (id),
    CONSTRAINT fk_incident_links_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE INDEX ix_incident_links_change ON incident_links (change_id) WHERE removed_at IS NULL;
CREATE INDEX ix_incident_links_due ON incident_links (counts_at) WHERE judged_at IS NULL AND removed_at IS NULL;
CREATE INDEX ix_incident_links_incident ON incident_links (incident_id);
CREATE UNIQUE INDEX uq_incident_links_active ON incident_links (incident_id, change_id) WHERE removed_at IS NULL;
CREATE TABLE named (
    change_id TEXT NOT NULL,
    role TEXT NOT NULL,
    who TEXT NOT NULL,
    CONSTRAINT pk_named PRIMARY KEY (change_id, role, who),
    CONSTRAINT fk_named_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE TABLE notices (
    change_id TEXT NOT NULL,
    duty TEXT NOT NULL,
    at BIGINT NOT NULL,
    person TEXT NOT NULL,
    comment TEXT NOT NULL,
    CONSTRAINT pk_notices PRIMARY KEY (change_id, duty),
    CONSTRAINT fk_notices_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE TABLE outcomes (
    change_id TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    day INTEGER NOT NULL,
    route TEXT NOT NULL,
    band SMALLINT NOT NULL,
    policy TEXT NOT NULL,
    standard_change TEXT NOT NULL,
    rules TEXT NOT NULL,
    age_hours INTEGER,
    rework BOOLEAN NOT NULL,
    deployments SMALLINT NOT NULL,
    failed SMALLINT NOT NULL,
    reworked SMALLINT NOT NULL,
    lead_seconds BIGINT,
    recovery_seconds BIGINT,
    CONSTRAINT pk_outcomes PRIMARY KEY (change_id),
    CONSTRAINT fk_outcomes_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE INDEX ix_outcomes_failed ON outcomes (service, environment, day, change_id) WHERE failed = 1;
CREATE INDEX ix_outcomes_unrecovered ON outcomes (service, environment, change_id) WHERE failed = 1 AND recovery_seconds IS NULL;
CREATE TABLE overrides (
    change_id TEXT NOT NULL,
    window TEXT NOT NULL,
    person TEXT NOT NULL,
    comment TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_overrides PRIMARY KEY (change_id, window, person, at),
    CONSTRAINT fk_overrides_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE TABLE post_reviews (
    change_id TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    owners TEXT NOT NULL,
    done_at BIGINT,
    person TEXT,
    findings TEXT,
    actions TEXT,
    comment TEXT,
    CONSTRAINT pk_post_reviews PRIMARY KEY (change_id),
    CONSTRAINT fk_post_reviews_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE INDEX ix_post_reviews_due ON post_reviews (due_at);
CREATE INDEX ix_post_reviews_unheld ON post_reviews (due_at, change_id) WHERE done_at IS NULL;
CREATE TABLE sessions (
    secret_sha256 TEXT NOT NULL,
    person TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (secret_sha256),
    CONSTRAINT fk_sessions_person_people FOREIGN KEY(person) REFERENCES people (id)
);
CREATE INDEX ix_sessions_ends_at ON sessions (ends_at);
CREATE INDEX ix_sessions_person ON sessions (person);
CREATE INDEX ix_sessions_seen_at ON sessions (seen_at);
CREATE TABLE similar_outcomes (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    kinds TEXT NOT NULL,
    changes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    last_change TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    CONSTRAINT pk_similar_outcomes PRIMARY KEY (service, environment, kinds),
    CONSTRAINT fk_similar_outcomes_last_change_changes FOREIGN KEY(last_change) REFERENCES changes (id)
);
CREATE TABLE standard_matches (
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    standard_change TEXT NOT NULL,
    change_id TEXT NOT NULL,
    admitted_at BIGINT NOT NULL,
    CONSTRAINT pk_standard_matches PRIMARY KEY (service, environment, standard_change, change_id),
    CONSTRAINT fk_standard_matches_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE INDEX ix_standard_matches_newest ON standard_matches (service, environment, standard_change, admitted_at, change_id);
CREATE TABLE waits (
    change_id TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    asked TEXT NOT NULL,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    seconds BIGINT NOT NULL,
    week TEXT NOT NULL,
    CONSTRAINT pk_waits PRIMARY KEY (change_id, ended_at, asked),
    CONSTRAINT fk_waits_change_id_changes FOREIGN KEY(change_id) REFERENCES changes (id)
);
CREATE INDEX ix_waits_ended ON waits (ended_at, change_id) WHERE asked = '';
CREATE INDEX ix_waits_longest ON waits (week, asked, seconds, ended_at, change_id);
CREATE INDEX ix_waits_newest ON waits (service, environment, ended_at, seconds) WHERE asked = ''
;
CREATE VIRTUAL TABLE decision_words USING fts5(words, tokenize = 'ascii', detail = none, columnsize = 0);
INSERT INTO alembic_version ("version_num") VALUES ('2026_01_05_first_43ab526d');
INSERT INTO changes ("decision", "decided_at", "type", "route", "outcome", "would", "band", "score", "policy", "standard_change", "matched", "hold", "excused", "subject_digest", "running_change", "direction", "lines", "parallel", "close_within_seconds", "planned_start", "planned_end", "redecide_at", "valid_until", "detail", "id", "service", "environment", "commit_sha", "digests", "repository_issuer", "repository_id", "caller", "run_id", "run_attempt", "run_step", "run_key", "subject_key", "state", "submitted_at", "settled_at", "expires_at", "time_left", "admitted_at", "admitted_run_id", "admitted_run_attempt", "admitted_run_step", "same_commit", "close_by", "ended_at", "closed_at", "result", "failed", "failed_at") VALUES (1, 1772452800000000, 'standard', 'automatic', 'approved', NULL, 0, 3, NULL, NULL, '["routine"]', NULL, 0, X'DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD', NULL, 'forward', 10, 0, 3600, NULL, NULL, NULL, 1772467200000000, X'01C3390502E2825AEAC5D01E3B2C11C293226244083E1702B19B9AB321B0C90D7C1320C0564B494941B195BE7E7A664946691268E04C4907D8C34C4CCE4DD52FCEC82F80F444899D2081655F1CF32200', 'chg_00000000000000000000000kept', 'shop', 'production', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '[]', NULL, NULL, 'token:one', NULL, NULL, NULL, NULL, X'40E99177022AEFFA604795B48F6AE3597FE57D4FE665B0A2D09C886740407E9E', 'approved', 1772452800000000, 1772452800000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO ledger_entries ("id", "index", "at", "kind", "change_id", "body") VALUES (1, NULL, 1, 'decision', 'chg_00000000000000000000000kept', X'01ABAE0500');
INSERT INTO ledger_head ("id", "size", "root", "sealed_at", "epoch", "key") VALUES (1, 0, X'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855', NULL, 1, NULL);
INSERT INTO decisions ("id", "change_id", "number", "at", "service", "environment", "type", "route", "outcome", "band", "score", "policy", "revision", "standard_change", "subject_digest", "record", "record_sha256", "running_change") VALUES (1, 'chg_00000000000000000000000kept', 1, 1772452800000000, 'shop', 'production', 'standard', 'automatic', 'approved', 0, 3, 'production', 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr', 'routine', X'DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD', X'01AB460D5603EC203BB5A044A91600', X'0000000000000000000000000000000000000000000000000000000000000000', NULL);
INSERT INTO decision_words ("rowid", "words") VALUES (1, 'kept größer');
CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END;
CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision is never deleted'); END;
CREATE TRIGGER named_no_update BEFORE UPDATE ON named
BEGIN SELECT RAISE(ABORT, 'whoever was named stays named'); END;
CREATE TRIGGER named_no_delete BEFORE DELETE ON named
BEGIN SELECT RAISE(ABORT, 'whoever was named stays named'); END;
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
WHEN OLD."index" IS NOT NULL OR NEW."index" IS NULL OR OLD.id IS NOT NEW.id OR OLD.at IS NOT NEW.at
  OR OLD.kind IS NOT NEW.kind OR OLD.change_id IS NOT NEW.change_id OR OLD.body IS NOT NEW.body
BEGIN SELECT RAISE(ABORT, 'of an entry only the empty index is set, once'); END;
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'an entry is never deleted'); END;
CREATE TRIGGER approvals_no_update BEFORE UPDATE ON approvals
WHEN OLD.lapsed_at IS NOT NULL OR NEW.lapsed_at IS NULL OR OLD.change_id IS NOT NEW.change_id OR OLD.person IS NOT NEW.person
  OR OLD.decision IS NOT NEW.decision OR OLD.rejected IS NOT NEW.rejected OR OLD.subject_digest IS NOT NEW.subject_digest
  OR OLD.comment IS NOT NEW.comment OR OLD.at IS NOT NEW.at
BEGIN SELECT RAISE(ABORT, 'of an approval only the empty time of its lapse is set, once'); END;
CREATE TRIGGER approvals_no_delete BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'an approval is never deleted'); END;
CREATE TRIGGER tiles_no_update BEFORE UPDATE ON tiles
WHEN OLD.level IS NOT NEW.level OR OLD.number IS NOT NEW.number
  OR substr(NEW.hashes, 1, length(OLD.hashes)) IS NOT OLD.hashes
BEGIN SELECT RAISE(ABORT, 'a tile only grows'); END;
CREATE TRIGGER tiles_no_delete BEFORE DELETE ON tiles
BEGIN SELECT RAISE(ABORT, 'a tile is never deleted'); END;
CREATE TRIGGER ledger_head_no_update BEFORE UPDATE ON ledger_head
WHEN NEW.id IS NOT OLD.id OR NEW.size < OLD.size OR NEW.epoch < OLD.epoch OR (NEW.key IS NULL AND OLD.key IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head
BEGIN SELECT RAISE(ABORT, 'the ledger has one head'); END;
CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'what was signed is never changed'); END;
CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'what was signed is never deleted'); END;
