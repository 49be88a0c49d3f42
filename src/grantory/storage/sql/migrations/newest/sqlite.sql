CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE audit_events (
    id INTEGER NOT NULL, 
    organization_id TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    actor_kind TEXT NOT NULL, 
    actor_id TEXT NOT NULL, 
    client_id TEXT, 
    action TEXT NOT NULL, 
    entity_type TEXT NOT NULL, 
    entity_id TEXT NOT NULL, 
    entity_name TEXT NOT NULL, 
    changes TEXT NOT NULL, 
    correlation_id TEXT NOT NULL, 
    address TEXT NOT NULL, 
    seal_number BIGINT, 
    seal BLOB, 
    CONSTRAINT pk_audit_events PRIMARY KEY (id)
);

CREATE INDEX ix_audit_events_organization_id_at ON audit_events (organization_id, at);

CREATE INDEX ix_audit_events_organization_id_entity_id_at ON audit_events (organization_id, entity_id, at);

CREATE TABLE change_counter (
    id INTEGER NOT NULL, 
    number BIGINT NOT NULL, 
    forgotten BIGINT NOT NULL, 
    CONSTRAINT pk_change_counter PRIMARY KEY (id)
);

CREATE TABLE changes (
    number BIGINT NOT NULL, 
    kind TEXT NOT NULL, 
    entity_id TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    CONSTRAINT pk_changes PRIMARY KEY (number, kind, entity_id)
);

CREATE TABLE client_redirect_uris (
    client_id TEXT NOT NULL, 
    position INTEGER NOT NULL, 
    organization_id TEXT NOT NULL, 
    uri TEXT NOT NULL, 
    origin TEXT, 
    CONSTRAINT pk_client_redirect_uris PRIMARY KEY (client_id, position)
);

CREATE INDEX ix_client_redirect_uris_origin ON client_redirect_uris (origin);

CREATE TABLE client_secrets (
    key_id TEXT NOT NULL, 
    client_id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    digest BLOB NOT NULL, 
    created_at BIGINT NOT NULL, 
    expires_at BIGINT, 
    ended_at BIGINT, 
    last_used_at BIGINT, 
    CONSTRAINT pk_client_secrets PRIMARY KEY (key_id)
);

CREATE INDEX ix_client_secrets_client_id ON client_secrets (client_id);

CREATE TABLE clients (
    id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    description TEXT, 
    grant_type TEXT NOT NULL, 
    state TEXT NOT NULL, 
    access_token_lifetime_s INTEGER NOT NULL, 
    scopes TEXT NOT NULL, 
    created_at BIGINT NOT NULL, 
    created_by_kind TEXT, 
    created_by_id TEXT, 
    modified_at BIGINT NOT NULL, 
    modified_by_kind TEXT, 
    modified_by_id TEXT, 
    delete_at BIGINT, 
    deleted_at BIGINT, 
    token_epoch INTEGER NOT NULL, 
    version INTEGER NOT NULL, 
    CONSTRAINT pk_clients PRIMARY KEY (id)
);

CREATE INDEX ix_clients_listing ON clients (organization_id, created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE denied_tokens (
    token_id BLOB NOT NULL, 
    organization_id TEXT NOT NULL, 
    expires_at_s BIGINT NOT NULL, 
    CONSTRAINT pk_denied_tokens PRIMARY KEY (token_id)
);

CREATE INDEX ix_denied_tokens_expires_at_s ON denied_tokens (expires_at_s);

CREATE TABLE divisions (
    id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    name_key TEXT NOT NULL, 
    description TEXT, 
    home INTEGER NOT NULL, 
    created_at BIGINT NOT NULL, 
    deleted_at BIGINT, 
    CONSTRAINT pk_divisions PRIMARY KEY (id)
);

CREATE UNIQUE INDEX uq_divisions_name ON divisions (organization_id, name_key) WHERE deleted_at IS NULL;

CREATE TABLE grants (
    subject_id TEXT NOT NULL, 
    role_id TEXT NOT NULL, 
    division_id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    subject_kind TEXT NOT NULL, 
    granted_at BIGINT NOT NULL, 
    CONSTRAINT pk_grants PRIMARY KEY (subject_id, role_id, division_id)
);

CREATE INDEX ix_grants_organization_id_subject_kind_role_id ON grants (organization_id, subject_kind, role_id);

CREATE INDEX ix_grants_role_id_subject_id ON grants (role_id, subject_id);

CREATE TABLE installation (
    id INTEGER NOT NULL, 
    master_key_check BLOB NOT NULL, 
    created_at BIGINT NOT NULL, 
    CONSTRAINT pk_installation PRIMARY KEY (id)
);

CREATE TABLE keys (
    key_id BLOB NOT NULL, 
    organization_id TEXT NOT NULL, 
    purpose TEXT NOT NULL, 
    sealed BLOB NOT NULL, 
    created_at BIGINT NOT NULL, 
    retired_at BIGINT, 
    expires_at BIGINT, 
    CONSTRAINT pk_keys PRIMARY KEY (key_id)
);

CREATE INDEX ix_keys_organization_id_purpose_created_at ON keys (organization_id, purpose, created_at);

CREATE TABLE organizations (
    id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    name_key TEXT NOT NULL, 
    domain TEXT NOT NULL, 
    default_language TEXT NOT NULL, 
    default_country_code TEXT NOT NULL, 
    token_epoch INTEGER NOT NULL, 
    version INTEGER NOT NULL, 
    created_at BIGINT NOT NULL, 
    CONSTRAINT pk_organizations PRIMARY KEY (id), 
    CONSTRAINT uq_organizations_name_key UNIQUE (name_key)
);

CREATE TABLE role_policies (
    role_id TEXT NOT NULL, 
    position INTEGER NOT NULL, 
    organization_id TEXT NOT NULL, 
    domain TEXT NOT NULL, 
    entity TEXT NOT NULL, 
    actions TEXT NOT NULL, 
    name TEXT, 
    description TEXT, 
    condition TEXT NOT NULL, 
    CONSTRAINT pk_role_policies PRIMARY KEY (role_id, position)
);

CREATE INDEX ix_role_policies_organization_id_role_id ON role_policies (organization_id, role_id);

CREATE TABLE roles (
    id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    name_key TEXT NOT NULL, 
    description TEXT, 
    default_role_id TEXT, 
    permissions TEXT NOT NULL, 
    built_in INTEGER NOT NULL, 
    version INTEGER NOT NULL, 
    created_at BIGINT NOT NULL, 
    modified_at BIGINT NOT NULL, 
    CONSTRAINT pk_roles PRIMARY KEY (id), 
    CONSTRAINT uq_roles_organization_id_name_key UNIQUE (organization_id, name_key)
);

CREATE TABLE users (
    id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    email TEXT NOT NULL, 
    email_key TEXT NOT NULL, 
    password_digest TEXT, 
    state TEXT NOT NULL, 
    token_epoch INTEGER NOT NULL, 
    version INTEGER NOT NULL, 
    created_at BIGINT NOT NULL, 
    deleted_at BIGINT, 
    CONSTRAINT pk_users PRIMARY KEY (id)
);

CREATE UNIQUE INDEX uq_users_email ON users (organization_id, email_key) WHERE deleted_at IS NULL;

INSERT INTO change_counter (id, number, forgotten) VALUES (1, 0, 0);

INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING version_num;

-- Running upgrade 0001 -> 0002

CREATE INDEX ix_client_secrets_ended_at ON client_secrets (ended_at) WHERE ended_at IS NOT NULL;

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

-- Running upgrade 0002 -> 0003

CREATE TABLE refusals (
    organization_id TEXT NOT NULL, 
    at BIGINT NOT NULL, 
    correlation_id TEXT NOT NULL, 
    client_id TEXT NOT NULL, 
    error TEXT NOT NULL, 
    reason TEXT NOT NULL, 
    address TEXT NOT NULL, 
    CONSTRAINT pk_refusals PRIMARY KEY (organization_id, at, correlation_id)
);

CREATE INDEX ix_refusals_at ON refusals (at);

CREATE TABLE refusal_counters (
    organization_id TEXT NOT NULL, 
    hour BIGINT NOT NULL, 
    client_id TEXT NOT NULL, 
    reason TEXT NOT NULL, 
    value BIGINT NOT NULL, 
    CONSTRAINT pk_refusal_counters PRIMARY KEY (organization_id, hour, client_id, reason)
);

CREATE INDEX ix_refusal_counters_hour ON refusal_counters (hour);

CREATE INDEX ix_grants_organization_id_division_id_granted_at ON grants (organization_id, division_id, granted_at);

UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';

-- Running upgrade 0003 -> 0004

ALTER TABLE organizations ADD COLUMN enforces_scopes INTEGER;

ALTER TABLE users ADD COLUMN modified_at BIGINT;

ALTER TABLE users ADD COLUMN title TEXT;

ALTER TABLE users ADD COLUMN department TEXT;

ALTER TABLE users ADD COLUMN division_id TEXT;

CREATE INDEX ix_users_listing ON users (organization_id, created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE login_sessions (
    id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    user_id TEXT NOT NULL, 
    digest BLOB NOT NULL, 
    user_epoch INTEGER NOT NULL, 
    created_at BIGINT NOT NULL, 
    expires_at BIGINT NOT NULL, 
    CONSTRAINT pk_login_sessions PRIMARY KEY (id), 
    CONSTRAINT uq_login_sessions_digest UNIQUE (digest)
);

CREATE INDEX ix_login_sessions_expires_at ON login_sessions (expires_at);

CREATE TABLE authorization_codes (
    digest BLOB NOT NULL, 
    organization_id TEXT NOT NULL, 
    client_id TEXT NOT NULL, 
    user_id TEXT NOT NULL, 
    session_id TEXT, 
    redirect_uri TEXT, 
    scopes TEXT NOT NULL, 
    challenge TEXT, 
    organization_epoch INTEGER NOT NULL, 
    client_epoch INTEGER NOT NULL, 
    user_epoch INTEGER NOT NULL, 
    created_at BIGINT NOT NULL, 
    expires_at BIGINT NOT NULL, 
    used_at BIGINT, 
    family_id TEXT, 
    CONSTRAINT pk_authorization_codes PRIMARY KEY (digest)
);

CREATE INDEX ix_authorization_codes_expires_at ON authorization_codes (expires_at);

CREATE TABLE token_families (
    id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    client_id TEXT NOT NULL, 
    user_id TEXT NOT NULL, 
    session_id TEXT, 
    scopes TEXT NOT NULL, 
    organization_epoch INTEGER NOT NULL, 
    client_epoch INTEGER NOT NULL, 
    user_epoch INTEGER NOT NULL, 
    created_at BIGINT NOT NULL, 
    expires_at BIGINT NOT NULL, 
    epoch INTEGER NOT NULL, 
    generation BIGINT NOT NULL, 
    rotated_at BIGINT NOT NULL, 
    ended_at BIGINT, 
    CONSTRAINT pk_token_families PRIMARY KEY (id)
);

CREATE INDEX ix_token_families_expires_at ON token_families (expires_at);

CREATE INDEX ix_token_families_session_id ON token_families (session_id);

CREATE INDEX ix_token_families_user_id_created_at ON token_families (user_id, created_at);

CREATE TABLE authorizations (
    organization_id TEXT NOT NULL, 
    client_id TEXT NOT NULL, 
    user_id TEXT NOT NULL, 
    scopes TEXT NOT NULL, 
    state TEXT NOT NULL, 
    created_at BIGINT NOT NULL, 
    modified_at BIGINT NOT NULL, 
    created_by_kind TEXT NOT NULL, 
    created_by_id TEXT NOT NULL, 
    modified_by_kind TEXT NOT NULL, 
    modified_by_id TEXT NOT NULL, 
    CONSTRAINT pk_authorizations PRIMARY KEY (organization_id, client_id, user_id)
);

CREATE TABLE identity_providers (
    id TEXT NOT NULL, 
    organization_id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    name_key TEXT NOT NULL, 
    issuer TEXT NOT NULL, 
    certificates TEXT NOT NULL, 
    audiences TEXT NOT NULL, 
    recipients TEXT NOT NULL, 
    email_attribute TEXT NOT NULL, 
    enabled INTEGER NOT NULL, 
    created_at BIGINT NOT NULL, 
    modified_at BIGINT NOT NULL, 
    version INTEGER NOT NULL, 
    CONSTRAINT pk_identity_providers PRIMARY KEY (id), 
    CONSTRAINT uq_identity_providers_organization_id_issuer UNIQUE (organization_id, issuer), 
    CONSTRAINT uq_identity_providers_organization_id_name_key UNIQUE (organization_id, name_key)
);

CREATE TABLE used_assertions (
    organization_id TEXT NOT NULL, 
    digest BLOB NOT NULL, 
    expires_at BIGINT NOT NULL, 
    CONSTRAINT pk_used_assertions PRIMARY KEY (organization_id, digest)
);

CREATE INDEX ix_used_assertions_expires_at ON used_assertions (expires_at);

UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003';

-- Running upgrade 0004 -> 0005

ALTER TABLE clients ADD COLUMN jwt_algorithm TEXT;

ALTER TABLE keys ADD COLUMN signs_from BIGINT;

UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004';

-- Running upgrade 0005 -> 0006

CREATE TABLE client_marks (
    id INTEGER NOT NULL, 
    organization_id TEXT NOT NULL, 
    client_id TEXT NOT NULL, 
    CONSTRAINT pk_client_marks PRIMARY KEY (id)
);

CREATE INDEX ix_client_marks_organization_id_id ON client_marks (organization_id, id);

CREATE TABLE client_lists (
    id INTEGER NOT NULL, 
    organization_id TEXT NOT NULL, 
    generation BIGINT NOT NULL, 
    next_number BIGINT NOT NULL, 
    next_slot BIGINT NOT NULL, 
    sealed BIGINT NOT NULL, 
    unidata_version TEXT NOT NULL, 
    CONSTRAINT pk_client_lists PRIMARY KEY (id), 
    CONSTRAINT uq_client_lists_organization_id UNIQUE (organization_id)
);

CREATE TABLE list_entries (
    list_id BIGINT NOT NULL, 
    client_id TEXT NOT NULL, 
    number BIGINT NOT NULL, 
    slot BIGINT NOT NULL, 
    name_key TEXT NOT NULL, 
    created_at BIGINT NOT NULL, 
    modified_at BIGINT NOT NULL, 
    grant_type TEXT NOT NULL, 
    state TEXT NOT NULL, 
    CONSTRAINT pk_list_entries PRIMARY KEY (list_id, client_id)
);

CREATE INDEX ix_list_entries_list_id_name_key_client_id ON list_entries (list_id, name_key, client_id);

CREATE INDEX ix_list_entries_list_id_created_at_client_id ON list_entries (list_id, created_at, client_id);

CREATE INDEX ix_list_entries_list_id_modified_at_client_id ON list_entries (list_id, modified_at, client_id);

CREATE INDEX ix_list_entries_list_id_number ON list_entries (list_id, number);

CREATE INDEX ix_list_entries_list_id_slot ON list_entries (list_id, slot);

CREATE TABLE list_spans (
    list_id BIGINT NOT NULL, 
    sort TEXT NOT NULL, 
    span BIGINT NOT NULL, 
    start TEXT NOT NULL, 
    counts TEXT NOT NULL, 
    CONSTRAINT pk_list_spans PRIMARY KEY (list_id, sort, span)
);

CREATE TABLE name_grams (
    list_id BIGINT NOT NULL, 
    gram TEXT NOT NULL, 
    chunk BIGINT NOT NULL, 
    slots BLOB NOT NULL, 
    CONSTRAINT pk_name_grams PRIMARY KEY (list_id, gram, chunk)
)
 WITHOUT ROWID;

CREATE TRIGGER client_added AFTER INSERT ON clients BEGIN INSERT INTO client_marks (organization_id, client_id) VALUES (NEW.organization_id, NEW.id); END;

CREATE TRIGGER client_changed AFTER UPDATE ON clients WHEN OLD.name IS NOT NEW.name OR OLD.grant_type IS NOT NEW.grant_type OR OLD.state IS NOT NEW.state OR OLD.created_at IS NOT NEW.created_at OR OLD.modified_at IS NOT NEW.modified_at OR OLD.deleted_at IS NOT NEW.deleted_at BEGIN INSERT INTO client_marks (organization_id, client_id) VALUES (NEW.organization_id, NEW.id); END;

CREATE TRIGGER client_removed AFTER DELETE ON clients BEGIN INSERT INTO client_marks (organization_id, client_id) VALUES (OLD.organization_id, OLD.id); END;

INSERT INTO client_marks (organization_id, client_id) SELECT organization_id, id FROM clients WHERE deleted_at IS NULL ORDER BY organization_id, created_at, id;

UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005';

