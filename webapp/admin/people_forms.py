"""What an admin says about people."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, Field, HiddenField, RadioField
from wtforms.validators import InputRequired, StopValidation, ValidationError

from webapp.accounts import emails


class InviteForm(FlaskForm):
    """Whom to invite."""

    email = EmailField("E-mail address", [InputRequired("Whom?")],
                       render_kw={"maxlength": 254, "autocomplete": "off", "spellcheck": "false"})
    admin = BooleanField("As an admin, who helps to run the place")

    def validate_email(self, field: Field) -> None:
        """Take a real address only, and put it into the form that accounts have."""
        try:
            field.data = emails.checked(field.data)
        except ValueError as error:
            raise StopValidation(str(error)) from None


class NamedForm(FlaskForm):
    """A confirmation that names the address that the page showed."""

    email = HiddenField(validators=[InputRequired()])


class DeleteForm(NamedForm):
    """The last word on somebody's account: its address, typed."""

    typed = EmailField("Its e-mail address", [InputRequired("Type the address of the account.")],
                       render_kw={"maxlength": 254, "autocomplete": "off", "spellcheck": "false"})

    def validate_typed(self, field: Field) -> None:
        """Compare what was typed with whom the page named."""
        if emails.typed(field.data or "") != self.email.data:
            raise ValidationError("This is not the address of this account.")


class RegistrationForm(FlaskForm):
    """Whether anybody may sign up."""

    open = RadioField(choices=[("yes", "Open"), ("no", "Closed")], validators=[InputRequired()])
