"""The tables. Plain column types only, so that every driver gives and takes the same values.

Times are milliseconds since 1970 (UTC) unless a name says ``_s`` (seconds); ids are lower-case
UUID text; lists are JSON text written by the row mappers. Every row belongs to an organisation
but those of ``installation``, ``change_counter`` and ``changes``, and counters of refusals that
concern none, whose ``organization_id`` is empty; and of the tables behind the lists of clients,
which hold nothing of their own.

The condition of an index is that of both databases, though it bears SQLite's name alone: naming
PostgreSQL here would load its dialect into every process.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

PLAIN_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its code points, as SQLite and Python have it."""
_Counted = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("master_key_check", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
)
"""One row. ``number`` is raised last in a transaction, so numbers appear in commit order;
changes up to ``forgotten`` are no longer listed."""

changes = Table(
    "changes",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("entity_id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
)

organizations = Table(
    "organizations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("default_language", Text, nullable=False),
    Column("default_country_code", Text, nullable=False),
    Column("token_epoch", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("enforces_scopes", Integer),
    UniqueConstraint("name_key"),
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("password_digest", Text),
    Column("state", Text, nullable=False),
    Column("token_epoch", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Column("modified_at", BigInteger),
    Column("title", Text),
    Column("department", Text),
    Column("division_id", Text),
    Index(
        "uq_users_email",
        "organization_id",
        "email_key",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
    ),
    Index(
        "ix_users_listing",
        "organization_id",
        "created_at",
        "id",
        sqlite_where=text("deleted_at IS NULL"),
    ),
)

divisions = Table(
    "divisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("description", Text),
    Column("home", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Index(
        "uq_divisions_name",
        "organization_id",
        "name_key",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
    ),
)

roles = Table(
    "roles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("description", Text),
    Column("default_role_id", Text),
    Column("permissions", Text, nullable=False),
    Column("built_in", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("organization_id", "name_key"),
)

role_policies = Table(
    "role_policies",
    metadata,
    Column("role_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("organization_id", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("actions", Text, nullable=False),
    Column("name", Text),
    Column("description", Text),
    Column("condition", Text, nullable=False),
    Index(None, "organization_id", "role_id"),
)

grants = Table(
    "grants",
    metadata,
    Column("subject_id", Text, primary_key=True),
    Column("role_id", Text, primary_key=True),
    Column("division_id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("granted_at", BigInteger, nullable=False),
    Index(None, "role_id", "subject_id"),
    Index(None, "organization_id", "subject_kind", "role_id"),
    Index(None, "organization_id", "division_id", "granted_at"),
)

clients = Table(
    "clients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("grant_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("access_token_lifetime_s", Integer, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by_kind", Text),
    Column("created_by_id", Text),
    Column("modified_at", BigInteger, nullable=False),
    Column("modified_by_kind", Text),
    Column("modified_by_id", Text),
    Column("delete_at", BigInteger),
    Column("deleted_at", BigInteger),
    Column("token_epoch", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("jwt_algorithm", Text),
)
Index(
    "ix_clients_listing",
    clients.c.organization_id,
    clients.c.created_at,
    clients.c.id,
    sqlite_where=text("deleted_at IS NULL"),
)

client_marks = Table(
    "client_marks",
    metadata,
    Column("id", _Counted, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Index(None, "organization_id", "id"),
)
"""Clients that were made or changed since they were put into their list. Triggers of ``clients``
write it, so that whatever program writes a client, none is missed."""

client_lists = Table(
    "client_lists",
    metadata,
    Column("id", _Counted, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("next_number", BigInteger, nullable=False),
    Column("next_slot", BigInteger, nullable=False),
    Column("sealed", BigInteger, nullable=False),
    Column("unidata_version", Text, nullable=False),
    UniqueConstraint("organization_id"),
)
"""What is known of an organisation's list. ``generation`` is another random number after every
change to it; ``sealed`` chunks of slots have their ``name_grams``; ``unidata_version`` is Unicode's
as it was when the first names were folded."""

list_entries = Table(
    "list_entries",
    metadata,
    Column("list_id", BigInteger, primary_key=True, autoincrement=False),
    Column("client_id", PLAIN_TEXT, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("slot", BigInteger, nullable=False),
    Column("name_key", PLAIN_TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("grant_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Index(None, "list_id", "name_key", "client_id"),
    Index(None, "list_id", "created_at", "client_id"),
    Index(None, "list_id", "modified_at", "client_id"),
    Index(None, "list_id", "number"),
    Index(None, "list_id", "slot"),
)
"""The clients of a list as they were when they were put into it. ``number`` stays; ``slot`` is
another one after every change of the name."""

list_spans = Table(
    "list_spans",
    metadata,
    Column("list_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sort", Text, primary_key=True),
    Column("span", BigInteger, primary_key=True, autoincrement=False),
    Column("start", Text, nullable=False),
    Column("counts", Text, nullable=False),
)
"""Each order of a list in pieces of some hundred entries: where a piece starts, and how many
entries of each grant type and state are in it."""

name_grams = Table(
    "name_grams",
    metadata,
    Column("list_id", BigInteger, primary_key=True, autoincrement=False),
    Column("gram", PLAIN_TEXT, primary_key=True),
    Column("chunk", BigInteger, primary_key=True, autoincrement=False),
    Column("slots", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Which slots of a chunk hold a name with these three characters, at least."""

client_redirect_uris = Table(
    "client_redirect_uris",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("organization_id", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("origin", Text),
    Index(None, "origin"),
)

client_secrets = Table(
    "client_secrets",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("organization_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("last_used_at", BigInteger),
    Index(None, "client_id"),
    Index(
        "ix_client_secrets_ended_at",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
    ),
)

keys = Table(
    "keys",
    metadata,
    Column("key_id", LargeBinary, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
    Column("expires_at", BigInteger),
    Column("signs_from", BigInteger),
    Index(None, "organization_id", "purpose", "created_at"),
)

denied_tokens = Table(
    "denied_tokens",
    metadata,
    Column("token_id", LargeBinary, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("expires_at_s", BigInteger, nullable=False),
    Index(None, "expires_at_s"),
)

login_sessions = Table(
    "login_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("user_epoch", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    UniqueConstraint("digest"),
    Index(None, "expires_at"),
)

authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text),
    Column("redirect_uri", Text),
    Column("scopes", Text, nullable=False),
    Column("challenge", Text),
    Column("organization_epoch", Integer, nullable=False),
    Column("client_epoch", Integer, nullable=False),
    Column("user_epoch", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("family_id", Text),
    Index(None, "expires_at"),
)

token_families = Table(
    "token_families",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text),
    Column("scopes", Text, nullable=False),
    Column("organization_epoch", Integer, nullable=False),
    Column("client_epoch", Integer, nullable=False),
    Column("user_epoch", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("rotated_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index(None, "session_id"),
    Index(None, "user_id", "created_at"),
    Index(None, "expires_at"),
)

authorizations = Table(
    "authorizations",
    metadata,
    Column("organization_id", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("scopes", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("created_by_kind", Text, nullable=False),
    Column("created_by_id", Text, nullable=False),
    Column("modified_by_kind", Text, nullable=False),
    Column("modified_by_id", Text, nullable=False),
)
"""``user_id`` is empty where the organisation has allowed it for everybody."""

identity_providers = Table(
    "identity_providers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("certificates", Text, nullable=False),
    Column("audiences", Text, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("email_attribute", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("organization_id", "name_key"),
    UniqueConstraint("organization_id", "issuer"),
)

used_assertions = Table(
    "used_assertions",
    metadata,
    Column("organization_id", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", _Counted, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("client_id", Text),
    Column("action", Text, nullable=False),
    Column("entity_type", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("entity_name", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("seal_number", BigInteger),
    Column("seal", LargeBinary),
    Index(None, "organization_id", "at"),
    Index(None, "organization_id", "entity_id", "at"),
)
"""``seal_number`` and ``seal`` stay empty until the chain over the events is built."""

DERIVED = (client_marks, client_lists, list_entries, list_spans, name_grams)
"""What is made from the clients: no backup holds it, a restored store makes it anew."""

refusals = Table(
    "refusals",
    metadata,
    Column("organization_id", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("correlation_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("address", Text, nullable=False),
    Index(None, "at"),
)

refusal_counters = Table(
    "refusal_counters",
    metadata,
    Column("organization_id", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("client_id", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    Index(None, "hour"),
)
"""Refusals that were not kept whole. Without an organisation: of no known client."""
