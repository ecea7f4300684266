"""What an admin decides about prices: take or drop one that waits, and tell of a split."""

from __future__ import annotations

import datetime as dt

from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, StringField
from wtforms.validators import InputRequired

from webapp.fields import NamedStock, SplitTerms
from webapp.instruments import MAX_LENGTH

FIRST_DAY = dt.date(1970, 1, 1)


class SettleForm(FlaskForm):
    """What becomes of a price that waits; `price` is the one that the admin saw."""

    do = SelectField("Decision", choices=[("take", "Take it"), ("drop", "Drop it")])
    price = StringField("Price")


class SplitForm(NamedStock, SplitTerms, FlaskForm):
    """A split that somebody knows of."""

    symbol = StringField("Stock", [InputRequired("Which stock?")], description="Its symbol, like AAPL or XLON:TSCO.",
                         render_kw={"maxlength": MAX_LENGTH, "autocomplete": "off", "autocapitalize": "none",
                                    "spellcheck": "false"})
    day = DateField("First day in new shares", [InputRequired("From which day on?")])
    ratio = StringField("New shares for old ones", [InputRequired("How many for how many?")],
                        description="4:1 makes four of one, 1:10 makes one of ten.",
                        render_kw={"maxlength": 24, "autocomplete": "off"})

    first_day = FIRST_DAY
