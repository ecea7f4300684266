"""Pages of a person's tokens for the API: making one, showing it once, revoking it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from webapp.accounts import limits, service, tokens
from webapp.accounts.forms import WRONG_PASSWORD
from webapp.accounts.second_factor_views import secret_page
from webapp.accounts.tokens_forms import SCOPES, TokenForm
from webapp.accounts.views import bp, show
from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.models import Scope

# What fits a column of whole numbers; a larger one is no token's.
TOKEN_ID = "<int(max=2147483647):token_id>"  # noqa: S105 - a part of an address


@bp.route("/account/tokens/new", methods=["GET", "POST"])
@login_required
@limits.by_person
def new_token() -> ResponseReturnValue:
    """Make a token by who knows the password, and show it this once."""
    form = TokenForm(admin=current_user.admin)
    if form.validate_on_submit():
        if not service.knows_password(current_user, form.password.data):
            form.password.errors = [WRONG_PASSWORD]
            return show("accounts/new_token.html", form)
        limits.forgive()
        try:
            token, text = tokens.create_token(current_user, form.name.data, Scope(form.scope.data), form.expires_at())
        except Refused as refused:
            form.name.errors = [refused.message]
        else:
            db.session.commit()
            return secret_page(render_template("accounts/token_made.html", token=token, text=text,
                                               can=SCOPES[tokens.scope_of(token)]))
    return show("accounts/new_token.html", form)


@bp.get(f"/account/tokens/{TOKEN_ID}/revoke")
@login_required
def ask_to_revoke(token_id: int) -> ResponseReturnValue:
    """Ask whether a token is to go."""
    token = tokens.own_token(current_user.id, token_id)
    return render_template("accounts/revoke_token.html", token=token, can=SCOPES[tokens.scope_of(token)])


@bp.post(f"/account/tokens/{TOKEN_ID}/revoke")
@login_required
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Revoke a token for good, the one that the page named: SQLite gives the number of one that is gone to the next."""
    if tokens.own_token(current_user.id, token_id).prefix != request.form.get("prefix"):
        raise NotFound(tokens.NO_TOKEN)
    name = tokens.revoke_token(current_user.id, token_id)
    db.session.commit()
    tokens.hang_up(token_id)
    flash(f"The token “{name}” is revoked.", "success")
    return redirect(url_for(".account"), 303)
