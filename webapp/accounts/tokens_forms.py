"""What a person chooses of a new token."""

import datetime as dt

from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from webapp import clock
from webapp.accounts.tokens import MAX_NAME
from webapp.models import Scope

SCOPES = {Scope.READ: "Read only", Scope.WRITE: "Read and change", Scope.ADMIN: "Read, change and run the place"}
NEVER = "never"
DAYS = {"30": "30 days", "90": "90 days", "365": "A year", NEVER: "Never"}
WHY_PASSWORD = "A token works without it, and longer than you are logged in."  # noqa: S105 - a sentence


class TokenForm(FlaskForm):
    """A new token."""

    name = StringField("Name", [InputRequired("Give the token a name."), Length(
        max=MAX_NAME, message=f"A name has at most {MAX_NAME} characters.")],
        description="What it is for, so that you know which one to revoke.",
        render_kw={"autocomplete": "off", "maxlength": MAX_NAME})
    scope = SelectField("What it may do", description="With your lists, notes and screens, as if it were you.")
    expires = SelectField("It expires after", choices=list(DAYS.items()), default="90")
    password = PasswordField("Password", [InputRequired("Type your password.")], description=WHY_PASSWORD,
                             render_kw={"autocomplete": "current-password"})

    def __init__(self, *, admin: bool) -> None:
        super().__init__()
        self.scope.choices = [(scope.value, words) for scope, words in SCOPES.items()
                              if admin or scope is not Scope.ADMIN]

    def expires_at(self) -> dt.datetime | None:
        """Return when the token is to expire; None for never."""
        days: str = self.expires.data
        return None if days == NEVER else clock.now() + dt.timedelta(days=int(days))
