"""What an admin says to try a provider."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import Field, StringField
from wtforms.validators import InputRequired, ValidationError

from webapp.instruments import MAX_LENGTH, Ambiguous, Found, resolve
from webapp.records import Instrument


class TrialForm(FlaskForm):
    """With which stock to try a provider."""

    symbol = StringField("Stock", [InputRequired("With which stock?")])

    instrument: Instrument

    def validate_symbol(self, field: Field) -> None:
        """Find the stock; one that could be several is not guessed."""
        match resolve((field.data or "")[:MAX_LENGTH]):
            case Found(instrument):
                self.instrument = instrument
            case Ambiguous(candidates):
                raise ValidationError(f"Which one: {', '.join(one.key for one in candidates)}?")
            case _:
                raise ValidationError("No stock here is called so.")
