CREATE FUNCTION public.gate_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'integrity_constraint_violation',
    MESSAGE = TG_OP || ' of ' || TG_TABLE_NAME || ' is refused: the record is never changed';
END $$;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.announcements (
    process text NOT NULL,
    number bigint NOT NULL,
    topics text NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.approvals (
    change_id text NOT NULL,
    person text NOT NULL,
    decision integer NOT NULL,
    rejected boolean NOT NULL,
    subject_digest text NOT NULL,
    comment text NOT NULL,
    at bigint NOT NULL,
    lapsed_at bigint
);
CREATE TABLE public.catalogue_people (
    person text NOT NULL,
    key text NOT NULL,
    began_at bigint NOT NULL,
    ended_at bigint,
    entry text
);
CREATE TABLE public.change_commits (
    change_id text NOT NULL,
    commits text NOT NULL
);
CREATE TABLE public.changes (
    decision bigint NOT NULL,
    decided_at bigint NOT NULL,
    type text NOT NULL,
    route text NOT NULL,
    outcome text NOT NULL,
    would text,
    band smallint NOT NULL,
    score bigint NOT NULL,
    policy text,
    standard_change text,
    matched text NOT NULL,
    hold text,
    excused boolean NOT NULL,
    subject_digest bytea NOT NULL,
    running_change text,
    direction text NOT NULL,
    lines bigint,
    parallel boolean NOT NULL,
    close_within_seconds bigint NOT NULL,
    planned_start bigint,
    planned_end bigint,
    redecide_at bigint,
    valid_until bigint,
    detail bytea NOT NULL,
    id text NOT NULL,
    service text NOT NULL,
    environment text NOT NULL,
    commit_sha text NOT NULL,
    digests text NOT NULL,
    repository_issuer text,
    repository_id bigint,
    caller text NOT NULL,
    run_id text,
    run_attempt bigint,
    run_step text,
    run_key text,
    subject_key bytea NOT NULL,
    state text NOT NULL,
    submitted_at bigint NOT NULL,
    settled_at bigint,
    expires_at bigint,
    time_left bigint,
    admitted_at bigint,
    admitted_run_id text,
    admitted_run_attempt bigint,
    admitted_run_step text,
    same_commit boolean,
    close_by bigint,
    ended_at bigint,
    closed_at bigint,
    result text,
    failed boolean NOT NULL,
    failed_at bigint
);
CREATE TABLE public.checkpoints (
    size bigint NOT NULL,
    epoch integer NOT NULL,
    at bigint NOT NULL,
    note bytea NOT NULL
);
CREATE SEQUENCE public.checkpoints_size_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.checkpoints_size_seq OWNED BY public.checkpoints.size;
CREATE TABLE public.closures (
    change_id text NOT NULL,
    number integer NOT NULL,
    at bigint NOT NULL,
    caller text NOT NULL,
    result text NOT NULL,
    notes text NOT NULL,
    started_at bigint,
    finished_at bigint,
    matched boolean NOT NULL
);
CREATE TABLE public.decisions (
    id bigint NOT NULL,
    change_id text NOT NULL,
    number integer NOT NULL,
    at bigint NOT NULL,
    service text NOT NULL,
    environment text NOT NULL,
    type text NOT NULL,
    route text NOT NULL,
    outcome text NOT NULL,
    band smallint NOT NULL,
    score integer NOT NULL,
    policy text,
    revision text NOT NULL,
    standard_change text,
    subject_digest bytea NOT NULL,
    record bytea NOT NULL,
    record_sha256 bytea NOT NULL,
    running_change text,
    words text DEFAULT ''::text NOT NULL
);
CREATE SEQUENCE public.decisions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.decisions_id_seq OWNED BY public.decisions.id;
CREATE TABLE public.deliveries (
    source text NOT NULL,
    key text NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    caller text NOT NULL,
    body bytea NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at bigint,
    error text
);
CREATE TABLE public.delivery_days (
    service text NOT NULL,
    environment text NOT NULL,
    day integer NOT NULL,
    route text NOT NULL,
    band smallint NOT NULL,
    policy text NOT NULL,
    standard_change text NOT NULL,
    deployments bigint NOT NULL,
    failed bigint NOT NULL,
    rework bigint NOT NULL
);
CREATE TABLE public.delivery_rules (
    service text NOT NULL,
    environment text NOT NULL,
    day integer NOT NULL,
    rule text NOT NULL,
    deployments bigint NOT NULL,
    failed bigint NOT NULL
);
CREATE TABLE public.delivery_times (
    service text NOT NULL,
    environment text NOT NULL,
    measure text NOT NULL,
    day integer NOT NULL,
    seconds bigint NOT NULL,
    n bigint NOT NULL
);
CREATE TABLE public.delivery_totals (
    environment text NOT NULL,
    day integer NOT NULL,
    service text NOT NULL,
    deployments bigint NOT NULL,
    failed bigint NOT NULL
);
CREATE TABLE public.deployments_seen (
    id text NOT NULL,
    source text NOT NULL,
    url text NOT NULL,
    missing text NOT NULL,
    repository_issuer text,
    repository_id bigint,
    repository_name text,
    service text,
    environment text NOT NULL,
    commit_sha text,
    digests text NOT NULL,
    result text,
    at bigint NOT NULL,
    first_at bigint NOT NULL
);
CREATE TABLE public.freezes (
    id text NOT NULL,
    reason text NOT NULL,
    stop boolean NOT NULL,
    begins bigint NOT NULL,
    ends bigint,
    services text NOT NULL,
    environments text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    lifted_at bigint,
    lifted_by text
);
CREATE TABLE public.held_runs (
    issuer text NOT NULL,
    repository_id bigint NOT NULL,
    run_id text NOT NULL,
    attempt bigint NOT NULL,
    environment text NOT NULL,
    repository_name text NOT NULL,
    provider text NOT NULL,
    reference text NOT NULL,
    change_id text,
    at bigint NOT NULL,
    reported text DEFAULT ''::text NOT NULL,
    reports integer DEFAULT 0 NOT NULL,
    answered_at bigint
);
CREATE TABLE public.idempotency (
    caller text NOT NULL,
    key text NOT NULL,
    body_sha256 text NOT NULL,
    status smallint NOT NULL,
    change_id text NOT NULL,
    answer bytea,
    expires_at bigint NOT NULL
);
CREATE TABLE public.improvement_issues (
    improvement text NOT NULL,
    tracker text NOT NULL,
    issuer text NOT NULL,
    repository bigint NOT NULL,
    place text NOT NULL,
    mark text NOT NULL,
    message text,
    number text,
    url text,
    state text NOT NULL,
    seen_at bigint,
    look_at bigint,
    error text,
    asked_at bigint NOT NULL
);
CREATE TABLE public.improvements (
    id text NOT NULL,
    proposal text,
    experiment text NOT NULL,
    owner text NOT NULL,
    priority text NOT NULL,
    link text,
    service text NOT NULL,
    environment text NOT NULL,
    figure text NOT NULL,
    days integer NOT NULL,
    before_value bigint NOT NULL,
    before_n integer NOT NULL,
    due_at bigint NOT NULL,
    after_value bigint,
    after_n integer,
    after_at bigint,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    finding text,
    closed_at bigint,
    closed_by text
);
CREATE TABLE public.in_force (
    id smallint NOT NULL,
    number bigint NOT NULL,
    policy_set text NOT NULL,
    activated_at bigint NOT NULL,
    activated_by text NOT NULL,
    comment text NOT NULL
);
CREATE SEQUENCE public.in_force_id_seq
    AS smallint
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.in_force_id_seq OWNED BY public.in_force.id;
CREATE TABLE public.incident_links (
    id text NOT NULL,
    incident_id text NOT NULL,
    change_id text NOT NULL,
    method text NOT NULL,
    at bigint NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    confirmed_at bigint,
    confirmed_by text,
    counts_at bigint NOT NULL,
    judged_at bigint,
    removed_at bigint,
    removed_by text,
    removed_because text
);
CREATE TABLE public.incidents (
    id text NOT NULL,
    source text NOT NULL,
    series text NOT NULL,
    title text NOT NULL,
    service text NOT NULL,
    environment text,
    severity text NOT NULL,
    url text NOT NULL,
    began_at bigint NOT NULL,
    resolved_at bigint,
    reported_at bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL
);
CREATE TABLE public.invitations (
    secret_sha256 text NOT NULL,
    kind text NOT NULL,
    person text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    expires_at bigint NOT NULL,
    agreed boolean NOT NULL
);
CREATE TABLE public.leases (
    name text NOT NULL,
    holder text NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.ledger_entries (
    id bigint NOT NULL,
    index bigint,
    at bigint NOT NULL,
    kind text NOT NULL,
    change_id text,
    body bytea NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.01');
CREATE SEQUENCE public.ledger_entries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ledger_entries_id_seq OWNED BY public.ledger_entries.id;
CREATE TABLE public.ledger_head (
    id smallint NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    sealed_at bigint,
    epoch integer NOT NULL,
    key text
);
CREATE SEQUENCE public.ledger_head_id_seq
    AS smallint
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ledger_head_id_seq OWNED BY public.ledger_head.id;
CREATE TABLE public.link_requests (
    person text NOT NULL,
    asked_by text NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.measures (
    service text NOT NULL,
    environment text NOT NULL,
    name text NOT NULL,
    at bigint NOT NULL,
    unit text NOT NULL,
    value bigint NOT NULL,
    caller text NOT NULL,
    received_at bigint NOT NULL
);
CREATE TABLE public.merged_people (
    person text NOT NULL,
    same_as text NOT NULL
);
CREATE TABLE public.named (
    change_id text NOT NULL,
    role text NOT NULL,
    who text NOT NULL
);
CREATE TABLE public.notices (
    change_id text NOT NULL,
    duty text NOT NULL,
    at bigint NOT NULL,
    person text NOT NULL,
    comment text NOT NULL
);
CREATE TABLE public.outbox (
    id text NOT NULL,
    at bigint NOT NULL,
    target text NOT NULL,
    change_id text,
    body bytea NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at bigint NOT NULL,
    lease text,
    lease_until bigint,
    delivered_at bigint,
    dead_at bigint,
    error text
);
CREATE TABLE public.outcomes (
    change_id text NOT NULL,
    service text NOT NULL,
    environment text NOT NULL,
    day integer NOT NULL,
    route text NOT NULL,
    band smallint NOT NULL,
    policy text NOT NULL,
    standard_change text NOT NULL,
    rules text NOT NULL,
    age_hours integer,
    rework boolean NOT NULL,
    deployments smallint NOT NULL,
    failed smallint NOT NULL,
    reworked smallint NOT NULL,
    lead_seconds bigint,
    recovery_seconds bigint
);
CREATE TABLE public.overrides (
    change_id text NOT NULL,
    "window" text NOT NULL,
    person text NOT NULL,
    comment text NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.past_deployments (
    source text NOT NULL,
    key text NOT NULL,
    service text NOT NULL,
    environment text NOT NULL,
    commit_sha text NOT NULL,
    ref text,
    began_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    result text NOT NULL,
    facts text,
    imported_at bigint NOT NULL
);
CREATE TABLE public.past_incidents (
    source text NOT NULL,
    key text NOT NULL,
    service text NOT NULL,
    environment text,
    began_at bigint NOT NULL,
    resolved_at bigint,
    imported_at bigint NOT NULL
);
CREATE TABLE public.path_outcomes (
    service text NOT NULL,
    environment text NOT NULL,
    path text NOT NULL,
    changes integer NOT NULL,
    failures integer NOT NULL
);
CREATE TABLE public.people (
    id text NOT NULL,
    email text,
    role text,
    password text,
    password_agreed boolean,
    external_id text,
    claimed_groups text NOT NULL,
    claimed_at bigint,
    signed_in_at bigint,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    disabled_at bigint
);
CREATE TABLE public.policy_changes (
    number bigint NOT NULL,
    policies text NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.policy_sets (
    id text NOT NULL,
    policies text NOT NULL,
    catalogue text NOT NULL,
    calendar text NOT NULL,
    files text NOT NULL,
    registered_at bigint NOT NULL,
    registered_by text NOT NULL
);
CREATE TABLE public.post_reviews (
    change_id text NOT NULL,
    due_at bigint NOT NULL,
    owners text NOT NULL,
    done_at bigint,
    person text,
    findings text,
    actions text,
    comment text
);
CREATE TABLE public.pushes (
    issuer text NOT NULL,
    repository_id bigint NOT NULL,
    commit_sha text NOT NULL,
    pusher text NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.reminders (
    change_id text NOT NULL,
    stage integer NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.rollups (
    day integer NOT NULL,
    service text NOT NULL,
    environment text NOT NULL,
    measure text NOT NULL,
    route text NOT NULL,
    band smallint NOT NULL,
    policy text NOT NULL,
    standard_change text NOT NULL,
    n bigint NOT NULL
);
CREATE TABLE public.secrets (
    name text NOT NULL,
    value bytea NOT NULL
);
CREATE TABLE public.sessions (
    secret_sha256 text NOT NULL,
    person text NOT NULL,
    opened_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    ends_at bigint NOT NULL
);
CREATE TABLE public.sign_ins (
    state_sha256 text NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.similar_outcomes (
    service text NOT NULL,
    environment text NOT NULL,
    kinds text NOT NULL,
    changes integer NOT NULL,
    failures integer NOT NULL,
    last_change text NOT NULL,
    last_at bigint NOT NULL
);
CREATE TABLE public.sources_heard (
    source text NOT NULL,
    caller text NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL
);
CREATE TABLE public.standard_changes (
    service text NOT NULL,
    environment text NOT NULL,
    standard_change text NOT NULL,
    suspended_at bigint,
    because text NOT NULL,
    reinstated_at bigint
);
CREATE TABLE public.standard_matches (
    service text NOT NULL,
    environment text NOT NULL,
    standard_change text NOT NULL,
    change_id text NOT NULL,
    admitted_at bigint NOT NULL
);
CREATE TABLE public.texts (
    id text NOT NULL,
    salt text NOT NULL,
    text text NOT NULL,
    name text
);
CREATE TABLE public.tiles (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL
);
CREATE TABLE public.token_uses (
    issuer text NOT NULL,
    jti text NOT NULL,
    bound_to text NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.tokens (
    id text NOT NULL,
    secret_sha256 text NOT NULL,
    role text,
    person text,
    services text,
    hook text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    root text,
    made_with text,
    expires_at bigint,
    revoked_at bigint,
    last_used_at bigint,
    name text
);
CREATE TABLE public.wait_sums (
    week text NOT NULL,
    asked text NOT NULL,
    service text NOT NULL,
    environment text NOT NULL,
    changes bigint NOT NULL,
    seconds bigint NOT NULL
);
CREATE TABLE public.waits (
    change_id text NOT NULL,
    ended_at bigint NOT NULL,
    asked text NOT NULL,
    service text NOT NULL,
    environment text NOT NULL,
    seconds bigint NOT NULL,
    week text NOT NULL
);
CREATE TABLE public.weekly_posts (
    week text NOT NULL,
    at bigint NOT NULL
);
ALTER TABLE ONLY public.checkpoints ALTER COLUMN size SET DEFAULT nextval('public.checkpoints_size_seq'::regclass);
ALTER TABLE ONLY public.decisions ALTER COLUMN id SET DEFAULT nextval('public.decisions_id_seq'::regclass);
ALTER TABLE ONLY public.in_force ALTER COLUMN id SET DEFAULT nextval('public.in_force_id_seq'::regclass);
ALTER TABLE ONLY public.ledger_entries ALTER COLUMN id SET DEFAULT nextval('public.ledger_entries_id_seq'::regclass);
ALTER TABLE ONLY public.ledger_head ALTER COLUMN id SET DEFAULT nextval('public.ledger_head_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('2026_01_05_first_43ab526d');
INSERT INTO public.changes VALUES (1, 1772452800000000, 'standard', 'automatic', 'approved', NULL, 0, 3, NULL, NULL, '["routine"]', NULL, false, '\xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', NULL, 'forward', 10, false, 3600, NULL, NULL, NULL, 1772467200000000, '\x01c3390502e2825aeac5d01e3b2c11c293226244083e1702b19b9ab321b0c90d7c1320c0564b494941b195be7e7a664946691268e04c4907d8c34c4cce4dd52fcec82f80f444899d2081655f1cf32200', 'chg_00000000000000000000000kept', 'shop', 'production', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '[]', NULL, NULL, 'token:one', NULL, NULL, NULL, NULL, '\x40e99177022aeffa604795b48f6ae3597fe57d4fe665b0a2d09c886740407e9e', 'approved', 1772452800000000, 1772452800000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL);
INSERT INTO public.decisions VALUES (1, 'chg_00000000000000000000000kept', 1, 1772452800000000, 'shop', 'production', 'standard', 'automatic', 'approved', 0, 3, 'production', 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr', 'routine', '\xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', '\x01ab460d5603ec203bb5a044a91600', '\x0000000000000000000000000000000000000000000000000000000000000000', NULL, 'kept größer');
INSERT INTO public.ledger_entries VALUES (1, NULL, 1, 'decision', 'chg_00000000000000000000000kept', '\x01abae0500');
INSERT INTO public.ledger_head VALUES (1, 0, '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', NULL, 1, NULL);
SELECT pg_catalog.setval('public.checkpoints_size_seq', 1, false);
SELECT pg_catalog.setval('public.decisions_id_seq', 1, true);
SELECT pg_catalog.setval('public.in_force_id_seq', 1, false);
SELECT pg_catalog.setval('public.ledger_entries_id_seq', 1, true);
SELECT pg_catalog.setval('public.ledger_head_id_seq', 1, false);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.announcements
    ADD CONSTRAINT pk_announcements PRIMARY KEY (process);
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT pk_approvals PRIMARY KEY (change_id, person, decision, rejected, at);
ALTER TABLE ONLY public.catalogue_people
    ADD CONSTRAINT pk_catalogue_people PRIMARY KEY (person);
ALTER TABLE ONLY public.change_commits
    ADD CONSTRAINT pk_change_commits PRIMARY KEY (change_id);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT pk_changes PRIMARY KEY (id);
ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT pk_checkpoints PRIMARY KEY (size);
ALTER TABLE ONLY public.closures
    ADD CONSTRAINT pk_closures PRIMARY KEY (change_id, number);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT pk_decisions PRIMARY KEY (id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT pk_deliveries PRIMARY KEY (source, key);
ALTER TABLE ONLY public.delivery_days
    ADD CONSTRAINT pk_delivery_days PRIMARY KEY (service, environment, day, route, band, policy, standard_change);
ALTER TABLE ONLY public.delivery_rules
    ADD CONSTRAINT pk_delivery_rules PRIMARY KEY (service, environment, day, rule);
ALTER TABLE ONLY public.delivery_times
    ADD CONSTRAINT pk_delivery_times PRIMARY KEY (service, environment, measure, day, seconds);
ALTER TABLE ONLY public.delivery_totals
    ADD CONSTRAINT pk_delivery_totals PRIMARY KEY (environment, day, service);
ALTER TABLE ONLY public.deployments_seen
    ADD CONSTRAINT pk_deployments_seen PRIMARY KEY (id);
ALTER TABLE ONLY public.freezes
    ADD CONSTRAINT pk_freezes PRIMARY KEY (id);
ALTER TABLE ONLY public.held_runs
    ADD CONSTRAINT pk_held_runs PRIMARY KEY (issuer, repository_id, run_id, attempt, environment);
ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT pk_idempotency PRIMARY KEY (caller, key);
ALTER TABLE ONLY public.improvement_issues
    ADD CONSTRAINT pk_improvement_issues PRIMARY KEY (improvement);
ALTER TABLE ONLY public.improvements
    ADD CONSTRAINT pk_improvements PRIMARY KEY (id);
ALTER TABLE ONLY public.in_force
    ADD CONSTRAINT pk_in_force PRIMARY KEY (id);
ALTER TABLE ONLY public.incident_links
    ADD CONSTRAINT pk_incident_links PRIMARY KEY (id);
ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT pk_incidents PRIMARY KEY (id);
ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT pk_invitations PRIMARY KEY (secret_sha256);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT pk_leases PRIMARY KEY (name);
ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT pk_ledger_entries PRIMARY KEY (id);
ALTER TABLE ONLY public.ledger_head
    ADD CONSTRAINT pk_ledger_head PRIMARY KEY (id);
ALTER TABLE ONLY public.link_requests
    ADD CONSTRAINT pk_link_requests PRIMARY KEY (person);
ALTER TABLE ONLY public.measures
    ADD CONSTRAINT pk_measures PRIMARY KEY (service, environment, name, at);
ALTER TABLE ONLY public.merged_people
    ADD CONSTRAINT pk_merged_people PRIMARY KEY (person);
ALTER TABLE ONLY public.named
    ADD CONSTRAINT pk_named PRIMARY KEY (change_id, role, who);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT pk_notices PRIMARY KEY (change_id, duty);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (id);
ALTER TABLE ONLY public.outcomes
    ADD CONSTRAINT pk_outcomes PRIMARY KEY (change_id);
ALTER TABLE ONLY public.overrides
    ADD CONSTRAINT pk_overrides PRIMARY KEY (change_id, "window", person, at);
ALTER TABLE ONLY public.past_deployments
    ADD CONSTRAINT pk_past_deployments PRIMARY KEY (source, key);
ALTER TABLE ONLY public.past_incidents
    ADD CONSTRAINT pk_past_incidents PRIMARY KEY (source, key);
ALTER TABLE ONLY public.path_outcomes
    ADD CONSTRAINT pk_path_outcomes PRIMARY KEY (service, environment, path);
ALTER TABLE ONLY public.people
    ADD CONSTRAINT pk_people PRIMARY KEY (id);
ALTER TABLE ONLY public.policy_changes
    ADD CONSTRAINT pk_policy_changes PRIMARY KEY (number);
ALTER TABLE ONLY public.policy_sets
    ADD CONSTRAINT pk_policy_sets PRIMARY KEY (id);
ALTER TABLE ONLY public.post_reviews
    ADD CONSTRAINT pk_post_reviews PRIMARY KEY (change_id);
ALTER TABLE ONLY public.pushes
    ADD CONSTRAINT pk_pushes PRIMARY KEY (issuer, repository_id, commit_sha, pusher);
ALTER TABLE ONLY public.reminders
    ADD CONSTRAINT pk_reminders PRIMARY KEY (change_id);
ALTER TABLE ONLY public.rollups
    ADD CONSTRAINT pk_rollups PRIMARY KEY (day, service, environment, measure, route, band, policy, standard_change);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT pk_secrets PRIMARY KEY (name);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (secret_sha256);
ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT pk_sign_ins PRIMARY KEY (state_sha256);
ALTER TABLE ONLY public.similar_outcomes
    ADD CONSTRAINT pk_similar_outcomes PRIMARY KEY (service, environment, kinds);
ALTER TABLE ONLY public.sources_heard
    ADD CONSTRAINT pk_sources_heard PRIMARY KEY (source, caller);
ALTER TABLE ONLY public.standard_changes
    ADD CONSTRAINT pk_standard_changes PRIMARY KEY (service, environment, standard_change);
ALTER TABLE ONLY public.standard_matches
    ADD CONSTRAINT pk_standard_matches PRIMARY KEY (service, environment, standard_change, change_id);
ALTER TABLE ONLY public.texts
    ADD CONSTRAINT pk_texts PRIMARY KEY (id);
ALTER TABLE ONLY public.tiles
    ADD CONSTRAINT pk_tiles PRIMARY KEY (level, number);
ALTER TABLE ONLY public.token_uses
    ADD CONSTRAINT pk_token_uses PRIMARY KEY (issuer, jti);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT pk_tokens PRIMARY KEY (id);
ALTER TABLE ONLY public.wait_sums
    ADD CONSTRAINT pk_wait_sums PRIMARY KEY (week, asked, service, environment);
ALTER TABLE ONLY public.waits
    ADD CONSTRAINT pk_waits PRIMARY KEY (change_id, ended_at, asked);
ALTER TABLE ONLY public.weekly_posts
    ADD CONSTRAINT pk_weekly_posts PRIMARY KEY (week);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT uq_changes_run_key UNIQUE (run_key);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT uq_decisions_change_id UNIQUE (change_id, number);
ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT uq_ledger_entries_index UNIQUE (index);
ALTER TABLE ONLY public.people
    ADD CONSTRAINT uq_people_email UNIQUE (email);
ALTER TABLE ONLY public.people
    ADD CONSTRAINT uq_people_external_id UNIQUE (external_id);
ALTER TABLE ONLY public.texts
    ADD CONSTRAINT uq_texts_name UNIQUE (name);
CREATE INDEX ix_changes_admitted ON public.changes USING btree (service, environment, admitted_at, id, commit_sha, failed, lines) WHERE (admitted_at IS NOT NULL);
CREATE INDEX ix_changes_approved ON public.changes USING btree (state, service, environment) WHERE (state = 'approved'::text);
CREATE INDEX ix_changes_commit ON public.changes USING btree (commit_sha);
CREATE INDEX ix_changes_deploying ON public.changes USING btree (state, service, environment, close_by, id) WHERE (state = 'deploying'::text);
CREATE INDEX ix_changes_expires ON public.changes USING btree (state, expires_at) WHERE (state = 'pending'::text);
CREATE INDEX ix_changes_failed ON public.changes USING btree (service, environment, failed_at) WHERE failed;
CREATE INDEX ix_changes_failed_newest ON public.changes USING btree (failed_at, id) WHERE failed;
CREATE INDEX ix_changes_lapses ON public.changes USING btree (state, valid_until) WHERE (state = 'approved'::text);
CREATE INDEX ix_changes_newest ON public.changes USING btree (submitted_at, id);
CREATE INDEX ix_changes_pending ON public.changes USING btree (state, service, environment, submitted_at, id) WHERE (state = 'pending'::text);
CREATE INDEX ix_changes_place ON public.changes USING btree (service, environment, submitted_at, id);
CREATE INDEX ix_changes_promised ON public.changes USING btree (state, service, environment, valid_until, id) WHERE ((state = 'approved'::text) AND (route = ANY (ARRAY['review'::text, 'emergency'::text])));
CREATE INDEX ix_changes_ran ON public.changes USING btree (service, environment, commit_sha, admitted_at) WHERE (result = ANY (ARRAY['successful'::text, 'successful_issues'::text]));
CREATE INDEX ix_changes_redecide ON public.changes USING btree (redecide_at, id) WHERE (redecide_at IS NOT NULL);
CREATE INDEX ix_changes_refused ON public.changes USING btree (service, environment, decided_at) WHERE ((state = 'rejected'::text) AND (route <> 'automatic'::text));
CREATE INDEX ix_changes_rejected ON public.changes USING btree (service, environment, commit_sha) WHERE ((state = 'rejected'::text) AND (route <> 'automatic'::text));
CREATE INDEX ix_changes_repository ON public.changes USING btree (repository_issuer, repository_id, submitted_at) WHERE (repository_id IS NOT NULL);
CREATE INDEX ix_changes_reviewed ON public.changes USING btree (service, environment, submitted_at, id) WHERE (route = ANY (ARRAY['review'::text, 'emergency'::text]));
CREATE INDEX ix_changes_run ON public.changes USING btree (run_id) WHERE (run_id IS NOT NULL);
CREATE INDEX ix_changes_service ON public.changes USING btree (service, submitted_at, id);
CREATE INDEX ix_changes_settled ON public.changes USING btree (settled_at, id) WHERE (settled_at IS NOT NULL);
CREATE INDEX ix_changes_settled_service ON public.changes USING btree (service, settled_at, id) WHERE (settled_at IS NOT NULL);
CREATE INDEX ix_changes_state ON public.changes USING btree (state, submitted_at, id);
CREATE INDEX ix_changes_succeeded ON public.changes USING btree (service, environment, (
CASE
    WHEN (close_by < closed_at) THEN close_by
    ELSE closed_at
END), id, commit_sha) WHERE (result = ANY (ARRAY['successful'::text, 'successful_issues'::text]));
CREATE INDEX ix_decisions_band ON public.decisions USING btree (band, at, id);
CREATE INDEX ix_decisions_environment ON public.decisions USING btree (environment, at, id);
CREATE INDEX ix_decisions_newest ON public.decisions USING btree (at, id);
CREATE INDEX ix_decisions_outcome ON public.decisions USING btree (outcome, at, id);
CREATE INDEX ix_decisions_place ON public.decisions USING btree (service, environment, at, id);
CREATE INDEX ix_decisions_policy ON public.decisions USING btree (policy, at, id);
CREATE INDEX ix_decisions_revision ON public.decisions USING btree (revision, at, id);
CREATE INDEX ix_decisions_route ON public.decisions USING btree (route, at, id);
CREATE INDEX ix_decisions_service ON public.decisions USING btree (service, at, id);
CREATE INDEX ix_decisions_standard ON public.decisions USING btree (standard_change, at, id) WHERE (standard_change IS NOT NULL);
CREATE INDEX ix_decisions_type ON public.decisions USING btree (type, at, id);
CREATE INDEX ix_decisions_words ON public.decisions USING gin (string_to_array(words, ' '::text)) WITH (gin_pending_list_limit='256');
CREATE INDEX ix_deliveries_at ON public.deliveries USING btree (at);
CREATE INDEX ix_deliveries_due ON public.deliveries USING btree (next_at) WHERE (next_at IS NOT NULL);
CREATE INDEX ix_deliveries_given_up ON public.deliveries USING btree (at, source) WHERE ((next_at IS NULL) AND (error IS NOT NULL));
CREATE INDEX ix_deployments_seen_newest ON public.deployments_seen USING btree (at, id);
CREATE INDEX ix_deployments_seen_place ON public.deployments_seen USING btree (service, environment, at, id);
CREATE INDEX ix_freezes_newest ON public.freezes USING btree (created_at, id);
CREATE INDEX ix_freezes_open ON public.freezes USING btree (ends) WHERE (lifted_at IS NULL);
CREATE INDEX ix_held_runs_unanswered ON public.held_runs USING btree (at) WHERE (answered_at IS NULL);
CREATE INDEX ix_idempotency_expires ON public.idempotency USING btree (expires_at);
CREATE INDEX ix_improvement_issues_look ON public.improvement_issues USING btree (look_at) WHERE (look_at IS NOT NULL);
CREATE INDEX ix_improvement_issues_place ON public.improvement_issues USING btree (issuer, repository, number);
CREATE INDEX ix_improvements_newest ON public.improvements USING btree (created_at, id);
CREATE INDEX ix_improvements_open ON public.improvements USING btree (proposal) WHERE (closed_at IS NULL);
CREATE INDEX ix_improvements_unread ON public.improvements USING btree (due_at, id) WHERE ((after_at IS NULL) AND (closed_at IS NULL));
CREATE INDEX ix_incident_links_change ON public.incident_links USING btree (change_id) WHERE (removed_at IS NULL);
CREATE INDEX ix_incident_links_due ON public.incident_links USING btree (counts_at) WHERE ((judged_at IS NULL) AND (removed_at IS NULL));
CREATE INDEX ix_incident_links_incident ON public.incident_links USING btree (incident_id);
CREATE INDEX ix_incidents_newest ON public.incidents USING btree (began_at, id);
CREATE INDEX ix_incidents_open ON public.incidents USING btree (service, resolved_at, began_at, id) WHERE (resolved_at IS NULL);
CREATE INDEX ix_incidents_series ON public.incidents USING btree (source, series, began_at);
CREATE INDEX ix_incidents_service ON public.incidents USING btree (service, began_at, id);
CREATE INDEX ix_invitations_expires_at ON public.invitations USING btree (expires_at);
CREATE INDEX ix_invitations_person ON public.invitations USING btree (person);
CREATE INDEX ix_ledger_entries_acts ON public.ledger_entries USING btree (at, id, kind) WHERE (kind <> ALL (ARRAY['decision'::text, 'admission'::text, 'closure'::text, 'expiry'::text, 'refusal'::text]));
CREATE INDEX ix_ledger_entries_change ON public.ledger_entries USING btree (change_id);
CREATE INDEX ix_link_requests_expires_at ON public.link_requests USING btree (expires_at);
CREATE INDEX ix_merged_people_same_as ON public.merged_people USING btree (same_as);
CREATE INDEX ix_outbox_dead ON public.outbox USING btree (dead_at, id, target) WHERE (dead_at IS NOT NULL);
CREATE INDEX ix_outbox_done ON public.outbox USING btree (delivered_at) WHERE (delivered_at IS NOT NULL);
CREATE INDEX ix_outbox_due ON public.outbox USING btree (target, next_at, id, at) WHERE ((delivered_at IS NULL) AND (dead_at IS NULL));
CREATE INDEX ix_outcomes_failed ON public.outcomes USING btree (service, environment, day, change_id) WHERE (failed = 1);
CREATE INDEX ix_outcomes_unrecovered ON public.outcomes USING btree (service, environment, change_id) WHERE ((failed = 1) AND (recovery_seconds IS NULL));
CREATE INDEX ix_past_deployments_place ON public.past_deployments USING btree (service, environment, began_at);
CREATE INDEX ix_past_incidents_service ON public.past_incidents USING btree (service, began_at);
CREATE INDEX ix_people_newest ON public.people USING btree (created_at, id);
CREATE INDEX ix_policy_changes_at ON public.policy_changes USING btree (at);
CREATE INDEX ix_post_reviews_due ON public.post_reviews USING btree (due_at);
CREATE INDEX ix_post_reviews_unheld ON public.post_reviews USING btree (due_at, change_id) WHERE (done_at IS NULL);
CREATE INDEX ix_sessions_ends_at ON public.sessions USING btree (ends_at);
CREATE INDEX ix_sessions_person ON public.sessions USING btree (person);
CREATE INDEX ix_sessions_seen_at ON public.sessions USING btree (seen_at);
CREATE INDEX ix_sign_ins_expires_at ON public.sign_ins USING btree (expires_at);
CREATE INDEX ix_standard_matches_newest ON public.standard_matches USING btree (service, environment, standard_change, admitted_at, change_id);
CREATE INDEX ix_token_uses_expires_at ON public.token_uses USING btree (expires_at);
CREATE INDEX ix_waits_ended ON public.waits USING btree (ended_at, change_id) WHERE (asked = ''::text);
CREATE INDEX ix_waits_longest ON public.waits USING btree (week, asked, seconds, ended_at, change_id);
CREATE INDEX ix_waits_newest ON public.waits USING btree (service, environment, ended_at, seconds) WHERE (asked = ''::text);
CREATE UNIQUE INDEX uq_catalogue_people_key ON public.catalogue_people USING btree (key) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX uq_incident_links_active ON public.incident_links USING btree (incident_id, change_id) WHERE (removed_at IS NULL);
CREATE TRIGGER approvals_no_delete BEFORE DELETE ON public.approvals FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER approvals_no_truncate BEFORE TRUNCATE ON public.approvals FOR EACH STATEMENT EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER approvals_no_update BEFORE UPDATE ON public.approvals FOR EACH ROW WHEN (((old.lapsed_at IS NOT NULL) OR (new.lapsed_at IS NULL) OR ((to_jsonb(old.*) - 'lapsed_at'::text) IS DISTINCT FROM (to_jsonb(new.*) - 'lapsed_at'::text)))) EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON public.checkpoints FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER checkpoints_no_truncate BEFORE TRUNCATE ON public.checkpoints FOR EACH STATEMENT EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON public.checkpoints FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER decisions_no_delete BEFORE DELETE ON public.decisions FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER decisions_no_truncate BEFORE TRUNCATE ON public.decisions FOR EACH STATEMENT EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER decisions_no_update BEFORE UPDATE ON public.decisions FOR EACH ROW WHEN (((to_jsonb(old.*) - 'words'::text) IS DISTINCT FROM (to_jsonb(new.*) - 'words'::text))) EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON public.ledger_entries FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON public.ledger_entries FOR EACH ROW WHEN (((old.index IS NOT NULL) OR (new.index IS NULL) OR (old.id IS DISTINCT FROM new.id) OR (old.at IS DISTINCT FROM new.at) OR (old.kind IS DISTINCT FROM new.kind) OR (old.change_id IS DISTINCT FROM new.change_id) OR (old.body IS DISTINCT FROM new.body))) EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON public.ledger_head FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER ledger_head_no_truncate BEFORE TRUNCATE ON public.ledger_head FOR EACH STATEMENT EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER ledger_head_no_update BEFORE UPDATE ON public.ledger_head FOR EACH ROW WHEN (((new.id <> old.id) OR (new.size < old.size) OR (new.epoch < old.epoch) OR ((new.key IS NULL) AND (old.key IS NOT NULL)))) EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER named_no_delete BEFORE DELETE ON public.named FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER named_no_truncate BEFORE TRUNCATE ON public.named FOR EACH STATEMENT EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER named_no_update BEFORE UPDATE ON public.named FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER tiles_no_delete BEFORE DELETE ON public.tiles FOR EACH ROW EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER tiles_no_truncate BEFORE TRUNCATE ON public.tiles FOR EACH STATEMENT EXECUTE FUNCTION public.gate_refuse();
CREATE TRIGGER tiles_no_update BEFORE UPDATE ON public.tiles FOR EACH ROW WHEN (((old.level IS DISTINCT FROM new.level) OR (old.number IS DISTINCT FROM new.number) OR (SUBSTRING(new.hashes FROM 1 FOR length(old.hashes)) IS DISTINCT FROM old.hashes))) EXECUTE FUNCTION public.gate_refuse();
ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT fk_approvals_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.change_commits
    ADD CONSTRAINT fk_change_commits_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.closures
    ADD CONSTRAINT fk_closures_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT fk_decisions_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.held_runs
    ADD CONSTRAINT fk_held_runs_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.improvement_issues
    ADD CONSTRAINT fk_improvement_issues_improvement_improvements FOREIGN KEY (improvement) REFERENCES public.improvements(id);
ALTER TABLE ONLY public.in_force
    ADD CONSTRAINT fk_in_force_policy_set_policy_sets FOREIGN KEY (policy_set) REFERENCES public.policy_sets(id);
ALTER TABLE ONLY public.incident_links
    ADD CONSTRAINT fk_incident_links_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.incident_links
    ADD CONSTRAINT fk_incident_links_incident_id_incidents FOREIGN KEY (incident_id) REFERENCES public.incidents(id);
ALTER TABLE ONLY public.named
    ADD CONSTRAINT fk_named_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT fk_notices_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.outcomes
    ADD CONSTRAINT fk_outcomes_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.overrides
    ADD CONSTRAINT fk_overrides_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.post_reviews
    ADD CONSTRAINT fk_post_reviews_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT fk_sessions_person_people FOREIGN KEY (person) REFERENCES public.people(id);
ALTER TABLE ONLY public.similar_outcomes
    ADD CONSTRAINT fk_similar_outcomes_last_change_changes FOREIGN KEY (last_change) REFERENCES public.changes(id);
ALTER TABLE ONLY public.standard_matches
    ADD CONSTRAINT fk_standard_matches_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
ALTER TABLE ONLY public.waits
    ADD CONSTRAINT fk_waits_change_id_changes FOREIGN KEY (change_id) REFERENCES public.changes(id);
