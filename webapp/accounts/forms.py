"""What people type about their account."""

from collections.abc import Callable

from flask import request
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, Field, PasswordField, StringField
from wtforms.validators import InputRequired, StopValidation

from webapp.accounts import emails, passwords

NEED_EMAIL = "Type your e-mail address."
NEED_PASSWORD = "Type your password."  # noqa: S105 - a sentence
WRONG = "The e-mail address or the password is not right."
WRONG_PASSWORD = "This is not your password."  # noqa: S105 - a sentence
WRONG_CODE = "This code is wrong, or it was used already. Type the one that your app shows now."
WRONG_RECOVERY_CODE = "This recovery code is wrong, or it was used already."
PASSWORD_HINT = f"At least {passwords.LEAST} characters; a few words in a row are fine."


def good_password(form: FlaskForm, field: Field) -> None:
    """Refuse a new password that is too short, too long, too common, or the e-mail address."""
    problem = passwords.problem_with(field.data, form.owner_email())
    if problem:
        raise StopValidation(problem)


def real_address(_form: FlaskForm, field: Field) -> None:
    """Take a real address only, and put it into the form that accounts have."""
    try:
        field.data = emails.checked(field.data)
    except ValueError as error:
        raise StopValidation(str(error)) from None


def _email(*validators: Callable[[FlaskForm, Field], None]) -> EmailField:
    return EmailField("E-mail address", [InputRequired(NEED_EMAIL), *validators],
                      render_kw={"autocomplete": "username", "maxlength": 254, "spellcheck": "false"})


def _password(label: str, message: str = NEED_PASSWORD) -> PasswordField:
    return PasswordField(label, [InputRequired(message)], render_kw={"autocomplete": "current-password"})


def _new_password(label: str) -> PasswordField:
    return PasswordField(label, [InputRequired("Choose a password."), good_password], description=PASSWORD_HINT,
                         render_kw={"autocomplete": "new-password"})


def _code(label: str, **attributes: str) -> StringField:
    usual = {"autocomplete": "one-time-code", "maxlength": 40, "spellcheck": "false", "autocapitalize": "none"}
    return StringField(label, [InputRequired("Type the code.")], render_kw=usual | attributes)


class RegisterForm(FlaskForm):
    """A new account."""

    email = _email(real_address)
    password = _new_password("Password")
    remember = BooleanField("Keep me logged in on this device")

    def owner_email(self) -> str:
        """Return whose password it will be."""
        return emails.typed(self.email.data or "")


class InvitationForm(FlaskForm):
    """A new account, by the link of an invitation."""

    password = _new_password("Password")
    remember = BooleanField("Keep me logged in on this device")

    def __init__(self, email: str) -> None:
        super().__init__()
        self._email = email

    def owner_email(self) -> str:
        """Return whose password it will be."""
        return self._email


class LoginForm(FlaskForm):
    """Who wants in."""

    email = _email()
    password = _password("Password")
    remember = BooleanField("Keep me logged in on this device")


class ForgotPasswordForm(FlaskForm):
    """Whose password is forgotten."""

    email = _email(real_address)


class ResetPasswordForm(FlaskForm):
    """A new password, by a link from a mail."""

    password = _new_password("New password")

    def __init__(self, email: str) -> None:
        super().__init__()
        self._email = email

    def owner_email(self) -> str:
        """Return whose password it will be."""
        return self._email


class ChangePasswordForm(FlaskForm):
    """A new password, by who knows the old one."""

    current = _password("Current password", "Type the password you have now.")
    password = _new_password("New password")

    def owner_email(self) -> str:
        """Return whose password it will be."""
        return str(current_user.email)


class DeleteAccountForm(FlaskForm):
    """The last word on an account."""

    password = _password("Password", "Type your password to delete the account.")


class PasswordForm(FlaskForm):
    """Who is at the keyboard is who logged in."""

    password = _password("Password")


class CodeForm(FlaskForm):
    """A code of the second factor."""

    code = _code("Code from your app", inputmode="numeric")
    wrong = WRONG_CODE


class RecoveryCodeForm(FlaskForm):
    """A recovery code in its place; phones show letters for it."""

    code = _code("Recovery code", placeholder="abcd-efgh-ijkl-mnop")
    wrong = WRONG_RECOVERY_CODE


class ProofForm(PasswordForm, CodeForm):
    """Password and code, for what a stolen session must not do."""


class RecoveryProofForm(PasswordForm, RecoveryCodeForm):
    """Password and recovery code."""


def code_form() -> CodeForm | RecoveryCodeForm:
    """Return the form of the kind of code that the person has."""
    return RecoveryCodeForm() if request.args.get("with") == "recovery" else CodeForm()


def proof_form() -> ProofForm | RecoveryProofForm:
    """Return the same with the password before it."""
    return RecoveryProofForm() if request.args.get("with") == "recovery" else ProofForm()
