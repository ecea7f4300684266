"""What an admin says to try a provider."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired

from webapp.fields import NamedStock


class TrialForm(NamedStock, FlaskForm):
    """With which stock to try a provider."""

    symbol = StringField("Stock", [InputRequired("With which stock?")])
