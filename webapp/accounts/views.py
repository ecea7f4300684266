"""Pages for coming in, going out, and what a person may do with their account."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user, login_required
from flask_wtf import FlaskForm

from webapp import queue, site
from webapp.accounts import forms, limits, queries, second_factor, service, sessions, tokens
from webapp.accounts.devices import device_name
from webapp.accounts.tokens_forms import SCOPES
from webapp.errors import Busy, Refused
from webapp.extensions import db
from webapp.models import User
from webapp.redis import RedisAway
from webapp.rendering import go_to, safe_path

bp = Blueprint("accounts", __name__)
bp.register_error_handler(RateLimitExceeded, limits.refuse)
bp.add_app_template_filter(device_name)


def show(template: str, form: FlaskForm, **context: object) -> ResponseReturnValue:
    """Return the page with its form, the first wrong field in focus; 422 where what was sent could not be taken."""
    fields = list(form)
    focus = next((field for field in fields if field.errors), fields[0]).name
    return render_template(template, form=form, focus=focus, **context), 422 if form.is_submitted() else 200


def back_or(endpoint: str) -> str:
    """Return where a person wanted to go before we asked who they are, else another page."""
    return safe_path(request.args.get("next"), url_for(endpoint))


@bp.route("/register", methods=["GET", "POST"])
@limits.by_address
def register() -> ResponseReturnValue:
    """Make an account, and go in with it."""
    if current_user.is_authenticated:
        return redirect(back_or("market.front"), 303)
    if not site.registration_open():
        return render_template("accounts/registration_closed.html"), 403
    form = forms.RegisterForm()
    if form.validate_on_submit():
        try:
            user = service.create_user(form.email.data, form.password.data)
        except service.EmailTaken as taken:
            form.email.errors = [taken.message]
        else:
            sessions.log_in(user, remember=form.remember.data)
            flash("Welcome! Your account is ready.", "success")
            return redirect(back_or("watchlists.pick"), 303)
    return show("accounts/register.html", form)


@bp.route("/login", methods=["GET", "POST"])
@limits.by_address
@limits.by_account
def login() -> ResponseReturnValue:
    """Log in, and go on to where the person wanted to be."""
    if current_user.is_authenticated:
        return redirect(back_or("market.front"), 303)
    form = forms.LoginForm()
    if form.validate_on_submit():
        user = service.authenticate(form.email.data, form.password.data)
        if user is not None:
            limits.forgive()
            return let_in_or_ask(user, remember=form.remember.data)
        form.password.errors = [forms.WRONG]
    return show("accounts/login.html", form)


def let_in_or_ask(user: User, *, remember: bool) -> ResponseReturnValue:
    """Let in whose password was right, or ask for the second factor first."""
    if second_factor.is_on(user):
        sessions.hold_log_in(user, remember=remember)
        db.session.commit()
        return redirect(url_for(".login_code", next=request.args.get("next")), 303)
    sessions.log_in(user, remember=remember)
    return redirect(back_or("market.front"), 303)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """Log out, in every tab of this browser."""
    if current_user.is_authenticated:
        sessions.log_out()
        flash("You are logged out.", "success")
    return go_to(url_for("market.front"))


@bp.get("/account")
@login_required
def account() -> ResponseReturnValue:
    """Show the account and where it is logged in."""
    held = tokens.list_tokens(current_user.id)
    return render_template(
        "accounts/account.html", sessions=queries.sessions_of(current_user.id), tokens=held,
        can={token.id: SCOPES[tokens.scope_of(token)] for token in held},
        codes_left=second_factor.codes_left(current_user.id) if second_factor.is_on(current_user) else 0)


@bp.post("/account/sessions")
@login_required
def log_out_elsewhere() -> ResponseReturnValue:
    """End every session of this person but this one."""
    ended = service.end_sessions(current_user.id, keep=current_user.session_id)
    db.session.commit()
    sessions.tell_ended(ended)
    flash("You are logged out everywhere else.", "success")
    return redirect(url_for(".account"), 303)


@bp.route("/account/password", methods=["GET", "POST"])
@login_required
@limits.by_person
def change_password() -> ResponseReturnValue:
    """Change the password by who knows it; every other session ends."""
    form = forms.ChangePasswordForm()
    if form.validate_on_submit():
        if service.knows_password(current_user, form.current.data):
            limits.forgive()
            ended = service.change_password(current_user, form.password.data, keep=current_user.session_id)
            db.session.commit()
            sessions.tell_ended(ended)
            flash("Your password is changed. You are logged out everywhere else." + stay(current_user.id), "success")
            return redirect(url_for(".account"), 303)
        form.current.errors = [forms.WRONG_PASSWORD]
    return show("accounts/change_password.html", form, tokens=tokens.count_working(current_user.id))


def stay(user_id: int) -> str:
    """Say how many tokens a new password leaves alone."""
    count = tokens.count_working(user_id)
    if not count:
        return ""
    return f" {count} {'token' if count == 1 else 'tokens'} for the API still {'works' if count == 1 else 'work'}: " \
           "the account page lists them."


@bp.route("/account/delete", methods=["GET", "POST"])
@login_required
@limits.by_person
def delete_account() -> ResponseReturnValue:
    """Delete the account with everything in it, by who knows its password."""
    form = forms.DeleteAccountForm()
    if form.validate_on_submit():
        if service.knows_password(current_user, form.password.data):
            try:
                ended = service.delete_user(current_user)
            except Refused as refused:
                form.form_errors = [refused.message]
                return show("accounts/delete_account.html", form)
            db.session.commit()
            sessions.forget_cookie()
            sessions.tell_ended(ended)
            flash("Your account and everything in it are deleted.", "success")
            return redirect(url_for("market.front"), 303)
        form.password.errors = [forms.WRONG_PASSWORD]
    return show("accounts/delete_account.html", form)


@bp.route("/password/forgot", methods=["GET", "POST"])
@limits.by_address
@limits.by_account
def forgot_password() -> ResponseReturnValue:
    """Ask for a mail with a link. The answer, and its time, tell nothing of whether there is an account."""
    form = forms.ForgotPasswordForm()
    if form.validate_on_submit():
        try:
            queue.send_password_reset(form.email.data)
        except RedisAway:
            raise Busy("No mail can be sent at this moment. Please try again in a minute.") from None
        return render_template("accounts/reset_sent.html", email=form.email.data)
    return show("accounts/forgot_password.html", form)


@bp.route("/password/reset/<token>", methods=["GET", "POST"])
@limits.by_address
def reset_password(token: str) -> ResponseReturnValue:
    """Set a new password by the link from the mail, once; every session ends."""
    user = service.user_of_reset_token(token)
    if user is None:
        return render_template("accounts/reset_void.html"), 410
    form = forms.ResetPasswordForm(user.email)
    if form.validate_on_submit():
        ended = service.reset_password(user, form.password.data)
        if ended is None:
            return render_template("accounts/reset_void.html"), 410
        db.session.commit()
        sessions.tell_ended(ended)
        flash("Your new password is set. Please log in with it." + stay(user.id), "success")
        return redirect(url_for(".login"), 303)
    return show("accounts/reset_password.html", form, email=user.email)


# They add their pages to `bp`, which must stand before they can.
from webapp.accounts import invitation_views, second_factor_views, tokens_views  # noqa: E402, F401
