"""The page that an invitation's link leads to."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.accounts import invitations, limits, service, sessions
from webapp.accounts.forms import InvitationForm
from webapp.accounts.views import bp


@bp.route("/invitation/<token>", methods=["GET", "POST"])
@limits.by_address
def accept_invitation(token: str) -> ResponseReturnValue:
    """Make the account of an invitation, once, and go in with it."""
    if current_user.is_authenticated:
        flash("You are logged in. To accept an invitation, log out first.", "error")
        return redirect(url_for("market.front"), 303)
    row = invitations.find_by_token(token)
    if row is None:
        return render_template("accounts/invitation_void.html"), 410
    form = InvitationForm(row.email)
    if not form.validate_on_submit():
        page = render_template("accounts/invitation.html", form=form, email=row.email, admin=row.admin)
        return page, 422 if form.is_submitted() else 200
    try:
        user = invitations.accept(row, form.password.data)
    except service.EmailTaken as taken:
        flash(taken.message, "error")
        return redirect(url_for("accounts.login"), 303)
    if user is None:
        return render_template("accounts/invitation_void.html"), 410
    sessions.log_in(user, remember=form.remember.data)
    flash("Welcome! Your account is ready.", "success")
    return redirect(url_for("watchlists.pick"), 303)
