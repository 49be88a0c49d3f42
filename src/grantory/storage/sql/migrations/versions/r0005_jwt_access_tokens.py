"""Access tokens as JWTs: how a client's are signed, and from when a key signs.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds a column to clients and one to keys."""
    op.add_column("clients", sa.Column("jwt_algorithm", sa.Text(), nullable=True))
    op.add_column("keys", sa.Column("signs_from", sa.BigInteger(), nullable=True))
