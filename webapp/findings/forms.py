"""What an admin decides about prices: take or drop one that waits, and tell of a split."""

from __future__ import annotations

import datetime as dt

from flask_wtf import FlaskForm
from wtforms import DateField, Field, SelectField, StringField
from wtforms.validators import InputRequired, ValidationError

from webapp.fields import SplitTerms
from webapp.instruments import MAX_LENGTH, Ambiguous, Found, resolve
from webapp.records import Instrument

FIRST_DAY = dt.date(1970, 1, 1)


class SettleForm(FlaskForm):
    """What becomes of a price that waits; `price` is the one that the admin saw."""

    do = SelectField("Decision", choices=[("take", "Take it"), ("drop", "Drop it")])
    price = StringField("Price")


class SplitForm(SplitTerms, FlaskForm):
    """A split that somebody knows of."""

    symbol = StringField("Stock", [InputRequired("Which stock?")], description="Its symbol, like AAPL or XLON:TSCO.",
                         render_kw={"maxlength": MAX_LENGTH, "autocomplete": "off", "autocapitalize": "none",
                                    "spellcheck": "false"})
    day = DateField("First day in new shares", [InputRequired("From which day on?")])
    ratio = StringField("New shares for old ones", [InputRequired("How many for how many?")],
                        description="4:1 makes four of one, 1:10 makes one of ten.",
                        render_kw={"maxlength": 24, "autocomplete": "off"})

    instrument: Instrument
    first_day = FIRST_DAY

    def validate_symbol(self, field: Field) -> None:
        """Find the stock; one that could be several is not guessed."""
        match resolve((field.data or "")[:MAX_LENGTH]):
            case Found(instrument):
                self.instrument = instrument
            case Ambiguous(candidates):
                raise ValidationError(f"Which one: {', '.join(one.key for one in candidates)}?")
            case _:
                raise ValidationError("No stock here is called so.")
