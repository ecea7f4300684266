"""The admin's pages. Each change calls the service that pages call, and is written into the audit log."""

from __future__ import annotations

from flask import Blueprint
from flask_login import current_user

from webapp.audit import Actor
from webapp.guards import admins_only

bp = Blueprint("admin", __name__, url_prefix="/admin")
admins_only(bp)


def actor() -> Actor:
    """Return who makes a change on these pages."""
    return Actor(current_user.id, current_user.email)


# They add their pages to `bp`, which must stand before they can.
from webapp.admin import (  # noqa: E402, F401
    audit_views,
    health_views,
    jobs_views,
    people_views,
    stocks_views,
    streams_views,
    vendors_views,
)
