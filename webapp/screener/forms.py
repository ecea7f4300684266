"""What people type about a screen as a whole; its filters are read from the address."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, NumberRange

from webapp.fields import WholeNumber
from webapp.screener.service import MAX_NAME


class NameForm(FlaskForm):
    """The name of a screen."""

    name = StringField("Name", render_kw={"maxlength": MAX_NAME, "autocomplete": "off"})


class AddForm(FlaskForm):
    """The list that a screen's stocks are put on; 0 is a new one, with this name."""

    watchlist_id = WholeNumber("List", [InputRequired(), NumberRange(0, 2**31 - 1)])
    name = StringField("Name")
