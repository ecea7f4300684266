"""Keep in whose directory an instrument stood, and since when it is missing there

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-21 15:30:00.000000

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade():
    # Columns are added one by one: to rebuild the table would, in SQLite, delete every row that refers to it.
    op.add_column('instruments', sa.Column('listed_by', sa.String(length=32), nullable=False, server_default=''))
    op.add_column('instruments', sa.Column('missing_since', sa.Date(), nullable=True))


def downgrade():
    op.drop_column('instruments', 'missing_since')
    op.drop_column('instruments', 'listed_by')
