"""The one place that says who is an admin's guest: every blueprint of admins calls it before each request."""

from __future__ import annotations

from flask import Blueprint, abort
from flask_login import current_user, login_required


def admins_only(bp: Blueprint) -> None:
    """Let nobody into the pages of a blueprint but admins; others are not told that there is anything."""

    @bp.before_request
    @login_required
    def guard() -> None:
        if not current_user.admin:
            abort(404)
