"""Keep the midday break of a trading day

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-21 16:50:00.000000

"""
from alembic import op
import sqlalchemy as sa
import webapp.models.types


# revision identifiers, used by Alembic.
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade():
    for name in ('break_starts_at', 'break_ends_at'):
        op.add_column('market_sessions',
                      sa.Column(name, webapp.models.types.UtcDateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column('market_sessions', 'break_ends_at')
    op.drop_column('market_sessions', 'break_starts_at')
