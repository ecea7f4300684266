"""What people type about their lists. The services say what is too long or taken; forms only read."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import IntegerField, SearchField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from webapp.columns import OPTIONAL
from webapp.fields import WholeNumber
from webapp.watchlists.parsing import decode_upload
from webapp.watchlists.service import MAX_NAME, MAX_NOTE, MAX_STOCKS, Move


def instrument_id(text: str) -> int:
    """Read an instrument's number; raise ValueError for one that no database could hold."""
    number = int(text)
    if not 0 < number < 2**31:
        raise ValueError(text)
    return number


class NameForm(FlaskForm):
    """The name of a list."""

    name = StringField("Name", render_kw={"maxlength": MAX_NAME, "autocomplete": "off"})


class PickForm(FlaskForm):
    """A choice among stocks; `name` is asked for only where there is no list yet."""

    name = StringField("Name of your list", default="Watchlist",
                       render_kw={"maxlength": MAX_NAME, "autocomplete": "off"})
    q = SearchField("Search by symbol or name",
                    render_kw={"maxlength": 60, "autocomplete": "off", "spellcheck": "false"})
    chosen = SelectMultipleField(
        "Stocks", [InputRequired("Tick at least one stock."), Length(max=MAX_STOCKS, message="That is too many.")],
        coerce=instrument_id, validate_choice=False)


class MoveForm(FlaskForm):
    """Another place: one step by button, or a number."""

    step = SelectField("Step", choices=[("", ""), ("up", "Up"), ("down", "Down")], default="")
    place = WholeNumber("Place", [Optional()])

    def move(self) -> Move:
        """Return what was asked for."""
        if self.step.data:
            return Move(steps=-1 if self.step.data == "up" else 1)
        return Move(place=self.place.data)


class AddForm(FlaskForm):
    """One stock for one list."""

    watchlist_id = WholeNumber("List", [InputRequired(), NumberRange(1, 2**31 - 1)])
    instrument_id = WholeNumber("Stock", [InputRequired(), NumberRange(1, 2**31 - 1)])


class OrderForm(MoveForm):
    """Another place for a whole list."""

    watchlist_id = IntegerField("List", [InputRequired()])


class NoteForm(FlaskForm):
    """A person's words on one stock."""

    note = TextAreaField("Note", render_kw={"maxlength": MAX_NOTE, "rows": 4})


class ColumnsForm(FlaskForm):
    """Which optional columns a list shows."""

    columns = SelectMultipleField("Columns", choices=list(OPTIONAL.items()))


class ImportForm(FlaskForm):
    """A list of symbols, pasted or as a file."""

    text = TextAreaField("Symbols", render_kw={"rows": 10, "spellcheck": "false", "autocapitalize": "characters"})
    file = FileField("Or a file", render_kw={"accept": ".csv,.txt,text/csv,text/plain"})

    def content(self) -> str:
        """Return the file's text, or what was pasted; raise Refused for a file that is no text."""
        return decode_upload(self.file.data.read()) if self.file.data else self.text.data or ""
