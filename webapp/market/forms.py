"""What anybody may set without an account."""

from flask_wtf import FlaskForm
from wtforms import SelectField

# The first of each is what a device gets that has chosen nothing.
THEMES = ("auto", "light", "dark")
PALETTES = ("green-up", "red-up", "blue-orange")


class PreferencesForm(FlaskForm):
    """How the pages look on this device."""

    theme = SelectField(choices=THEMES)
    palette = SelectField(choices=PALETTES)
