"""What an admin says of a file of past prices."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, DateField, Field, SelectField, StringField
from wtforms.validators import Optional, ValidationError

from webapp import clock
from webapp.bars.files.importing import ADJUSTMENTS, Choices
from webapp.bars.sources import TICKS, is_made_up
from webapp.instruments import MAX_LENGTH, Ambiguous, Found, resolve
from webapp.markets import EXCHANGES
from webapp.records import Instrument
from webapp.vendors import VENDORS

# Who tells of a split that an admin notes.
ADMIN = "admin"
SOURCE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
ADJUSTED = (("", "As such files are"), ("as-traded", "Nothing: as traded"), ("splits", "Splits"),
            ("all", "Splits and dividends"))
UNITS = (("", "What the exchange quotes in"), ("main", "The currency itself: pounds"), ("minor", "Hundredths: pence"))


class ImportForm(FlaskForm):
    """A file, and what it does not say itself."""

    file = FileField("File", [FileRequired("Choose a file.")],
                     render_kw={"accept": ".csv,.txt,text/csv,text/plain"})
    symbol = StringField("Stock", [Optional()], description="Its symbol, like AAPL or XLON:TSCO. Leave it empty where "
                         "the file has a column of symbols.",
                         render_kw={"maxlength": MAX_LENGTH, "autocomplete": "off", "autocapitalize": "none",
                                    "spellcheck": "false"})
    mic = SelectField("Exchange", choices=[("", "Any")], default="")
    adjusted = SelectField("Its prices are adjusted for", choices=list(ADJUSTED), default="")
    unit = SelectField("Its prices are in", choices=list(UNITS), default="")
    made_on = DateField("Made on", [Optional()], description="Adjusted prices are in the shares of the day on which "
                        "the file was made. Without it, that is the file's last day.")
    source = StringField("Name of the source", [Optional()], description="What its bars are called here. Bars of one "
                         "name make one series.",
                         render_kw={"maxlength": 32, "autocomplete": "off", "autocapitalize": "none"})
    skip = BooleanField("Import the good lines even if others are bad")
    anyway = BooleanField("Import it even if its prices are far from those that are here")

    instrument: Instrument | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        names = sorted((exchange.name, mic) for mic, exchange in EXCHANGES.items())
        self.mic.choices = [("", "Any"), *((mic, f"{name} ({mic})") for name, mic in names)]

    def validate_symbol(self, field: Field) -> None:
        """Find the stock; one that could be several is not guessed."""
        try:
            self.instrument = find_stock((field.data or "").strip()[:MAX_LENGTH], self.mic.data or "")
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def validate_made_on(self, field: Field) -> None:
        """Refuse a day to come."""
        try:
            check_made_on(field.data)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def validate_source(self, field: Field) -> None:
        """Keep names short and plain; see check_source()."""
        try:
            check_source(field.data or "")
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def chosen(self) -> Choices:
        """Return what was said of the file."""
        return Choices(self.instrument, self.mic.data or "", self.source.data or "",
                       ADJUSTMENTS.get(self.adjusted.data), self.unit.data or "", self.made_on.data,
                       bool(self.skip.data), bool(self.anyway.data))


def find_stock(text: str, mic: str) -> Instrument | None:
    """Return the stock that a text means on this exchange, None where there is no text; raise ValueError as to why."""
    if not text:
        return None
    meant = resolve(text)
    found = [meant.instrument] if isinstance(meant, Found) else list(
        meant.candidates) if isinstance(meant, Ambiguous) else []
    on_it = [one for one in found if mic in {"", one.mic}]
    if len(on_it) == 1:
        return on_it[0]
    if on_it:
        raise ValueError(f"Which one: {', '.join(one.key for one in on_it)}?")
    raise ValueError(f"No stock here is called {text[:30]}" + (f" on {mic}." if mic else "."))


def check_made_on(day: dt.date | None) -> None:
    """Raise ValueError where no file can have been made on that day yet."""
    if day and day > clock.now().date() + dt.timedelta(days=1):
        raise ValueError("That day is still to come.")


def check_source(name: str) -> None:
    """Raise ValueError where bars cannot be called so."""
    if is_made_up(name):
        raise ValueError("That is the name of simulated prices.")
    if name.removesuffix(TICKS) in VENDORS or name == ADMIN:
        raise ValueError("That is the name of what a provider sends, or an admin says. Use another, like my-file.")
    if name and not SOURCE.fullmatch(name):
        raise ValueError("Use small letters, digits and hyphens, 32 at most.")

