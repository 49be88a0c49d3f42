"""The login side: sessions, codes, families of tokens, authorizations, identity providers.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_LIVE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    """Creates six tables, and adds columns to users and organisations."""
    op.add_column("organizations", sa.Column("enforces_scopes", sa.Integer(), nullable=True))
    op.add_column("users", sa.Column("modified_at", sa.BigInteger(), nullable=True))
    op.add_column("users", sa.Column("title", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("department", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("division_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_users_listing",
        "users",
        ["organization_id", "created_at", "id"],
        unique=False,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    _create_login_sessions()
    _create_authorization_codes()
    _create_token_families()
    _create_authorizations()
    _create_identity_providers()
    _create_used_assertions()


def _create_login_sessions() -> None:
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_login_sessions_digest")),
    )
    op.create_index(
        op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"], unique=False
    )


def _create_authorization_codes() -> None:
    op.create_table(
        "authorization_codes",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("redirect_uri", sa.Text(), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=True),
        sa.Column("organization_epoch", sa.Integer(), nullable=False),
        sa.Column("client_epoch", sa.Integer(), nullable=False),
        sa.Column("user_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("family_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_authorization_codes")),
    )
    op.create_index(
        op.f("ix_authorization_codes_expires_at"),
        "authorization_codes",
        ["expires_at"],
        unique=False,
    )


def _create_token_families() -> None:
    op.create_table(
        "token_families",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("organization_epoch", sa.Integer(), nullable=False),
        sa.Column("client_epoch", sa.Integer(), nullable=False),
        sa.Column("user_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("rotated_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_families")),
    )
    op.create_index(
        op.f("ix_token_families_expires_at"), "token_families", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_token_families_session_id"), "token_families", ["session_id"], unique=False
    )
    op.create_index(
        op.f("ix_token_families_user_id_created_at"),
        "token_families",
        ["user_id", "created_at"],
        unique=False,
    )


def _create_authorizations() -> None:
    op.create_table(
        "authorizations",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by_kind", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=False),
        sa.Column("modified_by_kind", sa.Text(), nullable=False),
        sa.Column("modified_by_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "client_id", "user_id", name=op.f("pk_authorizations")
        ),
    )


def _create_identity_providers() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("certificates", sa.Text(), nullable=False),
        sa.Column("audiences", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("email_attribute", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_providers")),
        sa.UniqueConstraint(
            "organization_id", "issuer", name=op.f("uq_identity_providers_organization_id_issuer")
        ),
        sa.UniqueConstraint(
            "organization_id",
            "name_key",
            name=op.f("uq_identity_providers_organization_id_name_key"),
        ),
    )


def _create_used_assertions() -> None:
    op.create_table(
        "used_assertions",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "digest", name=op.f("pk_used_assertions")),
    )
    op.create_index(
        op.f("ix_used_assertions_expires_at"), "used_assertions", ["expires_at"], unique=False
    )
