"""Keep from which moment a price is its session's last one

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-21 16:10:00.000000

"""
from alembic import op
import sqlalchemy as sa
import webapp.models.types


# revision identifiers, used by Alembic.
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('quotes', sa.Column('closes_at', webapp.models.types.UtcDateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column('quotes', 'closes_at')
