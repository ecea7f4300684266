"""Pages of the second factor: the code at the log-in, and turning it on and off."""

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from webapp.accounts import forms, limits, second_factor, service, sessions
from webapp.accounts.views import back_or, bp, show
from webapp.extensions import db

# From so few recovery codes on, whoever uses one is told to make new ones.
FEW_CODES = 3


def secret_page(page: ResponseReturnValue) -> ResponseReturnValue:
    """Return a page with secrets on it, which no browser may keep."""
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.route("/login/code", methods=["GET", "POST"])
@limits.by_address
@limits.by_code
def login_code() -> ResponseReturnValue:
    """Let in whose password was right just now, by a code of the second factor."""
    if current_user.is_authenticated:
        return redirect(back_or("market.front"), 303)
    held = sessions.held_log_in()
    if held is None:
        return start_again()
    form = forms.code_form()
    if form.validate_on_submit():
        user = second_factor.lock_held(held.user_id, held.fingerprint)
        if user is None:
            return start_again()
        proof = second_factor.redeem(user.id, form.code.data)
        if proof is not None:
            limits.forgive()
            sessions.log_in(user, remember=held.remember)
            tell_of_recovery(proof)
            return redirect(back_or("market.front"), 303)
        form.code.errors = [form.wrong]
    return show("accounts/login_code.html", form)


def start_again() -> ResponseReturnValue:
    """Send somebody back to the password, because too much time or something else came in between."""
    sessions.forget_cookie()
    flash("Please log in again: the code must follow the password within five minutes.", "error")
    return redirect(url_for(".login", next=request.args.get("next")), 303)


def tell_of_recovery(proof: second_factor.Proof) -> None:
    """Tell who used a recovery code how many there still are."""
    if not proof.recovery:
        return
    left = second_factor.codes_left(current_user.id)
    advice = " Make new ones on your account page." if left <= FEW_CODES else ""
    flash(f"That recovery code is used up. {left or 'None'} {'is' if left == 1 else 'are'} left.{advice}", "warn")


@bp.route("/account/second-factor", methods=["GET", "POST"])
@login_required
@limits.by_person
def begin_second_factor() -> ResponseReturnValue:
    """Say what a second factor is, and offer one to who knows the password."""
    if second_factor.is_on(current_user):
        return redirect(url_for(".account"), 303)
    form = forms.PasswordForm()
    if form.validate_on_submit():
        if service.knows_password(current_user, form.password.data):
            limits.forgive()
            secret = second_factor.offer(current_user.id)
            db.session.commit()
            sessions.note_offer(secret)
            return redirect(url_for(".set_up_second_factor"), 303)
        form.password.errors = [forms.WRONG_PASSWORD]
    return show("accounts/second_factor.html", form)


@bp.route("/account/second-factor/set-up", methods=["GET", "POST"])
@login_required
@limits.by_code
def set_up_second_factor() -> ResponseReturnValue:
    """Show the new secret, and put it in force by its first right code."""
    secret = sessions.offered_secret()
    if not secret:
        return redirect(url_for(".begin_second_factor"), 303)
    form = forms.CodeForm()
    if form.validate_on_submit():
        codes = second_factor.turn_on(current_user.id, secret, form.code.data)
        if codes:
            db.session.commit()
            limits.forgive()
            sessions.forget_offer()
            return show_codes(codes, fresh=True)
        form.code.errors = [form.wrong]
    link = second_factor.link_of(secret, current_user.email)
    return secret_page(show("accounts/second_factor_set_up.html", form, secret=secret, link=link,
                            picture=second_factor.picture_of(link)))


def show_codes(codes: list[str], *, fresh: bool) -> ResponseReturnValue:
    """Show new recovery codes, this once."""
    return secret_page(render_template("accounts/recovery_codes.html", codes=codes, fresh=fresh))


@bp.route("/account/second-factor/recovery-codes", methods=["GET", "POST"])
@login_required
@limits.by_person
@limits.by_code
def renew_recovery_codes() -> ResponseReturnValue:
    """Make new recovery codes and void the old ones, by who has password and code."""
    if not second_factor.is_on(current_user):
        return redirect(url_for(".begin_second_factor"), 303)
    form = forms.proof_form()
    if form.validate_on_submit() and is_proved(form):
        codes = second_factor.renew_codes(current_user.id)
        db.session.commit()
        return show_codes(codes, fresh=False)
    return show("accounts/renew_recovery_codes.html", form)


@bp.route("/account/second-factor/off", methods=["GET", "POST"])
@login_required
@limits.by_person
@limits.by_code
def end_second_factor() -> ResponseReturnValue:
    """Turn the second factor off, by who has password and code."""
    if not second_factor.is_on(current_user):
        return redirect(url_for(".account"), 303)
    form = forms.proof_form()
    if form.validate_on_submit() and is_proved(form):
        second_factor.turn_off(current_user.id)
        db.session.commit()
        flash("The second factor is off. Your password alone logs you in.", "success")
        return redirect(url_for(".account"), 303)
    return show("accounts/second_factor_off.html", form)


def is_proved(form: forms.ProofForm | forms.RecoveryProofForm) -> bool:
    """Check the password, then the code: only a right password uses one up. Says beside the field what is wrong."""
    if not service.knows_password(current_user, form.password.data):
        form.password.errors = [forms.WRONG_PASSWORD]
    elif second_factor.redeem(current_user.id, form.code.data) is None:
        form.code.errors = [form.wrong]
    else:
        limits.forgive()
        return True
    return False
