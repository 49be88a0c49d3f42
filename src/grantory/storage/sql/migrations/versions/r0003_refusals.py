"""Refused token requests, and an index of the grants in a division.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates two tables and three indexes."""
    op.create_table(
        "refusals",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "at", "correlation_id", name=op.f("pk_refusals")
        ),
    )
    op.create_index(op.f("ix_refusals_at"), "refusals", ["at"], unique=False)
    op.create_table(
        "refusal_counters",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "hour", "client_id", "reason", name=op.f("pk_refusal_counters")
        ),
    )
    op.create_index(op.f("ix_refusal_counters_hour"), "refusal_counters", ["hour"], unique=False)
    op.create_index(
        op.f("ix_grants_organization_id_division_id_granted_at"),
        "grants",
        ["organization_id", "division_id", "granted_at"],
        unique=False,
    )
