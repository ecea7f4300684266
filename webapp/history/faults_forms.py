"""What an admin says of an odd place in past prices: why it is right, what the bar should be, which split it was."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from flask_wtf import FlaskForm
from wtforms import DateField, Field, HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, ValidationError

from webapp.bars.codec import MOST_PRICE
from webapp.fields import SplitTerms
from webapp.history.stored import ShownBar
from webapp.typed import one_line

PRICES = ("open", "high", "low", "close")
MOST_NOTE = 300
NO_WORDS = "Say it in a few words, for those who come after."
FIRST_DAY = dt.date(1800, 1, 1)
PRICE = re.compile(r"\d{1,8}(\.\d{1,8})?", re.ASCII)
COUNT = re.compile(r"\d{1,18}", re.ASCII)
FIGURE = {"maxlength": 24, "autocomplete": "off", "inputmode": "decimal"}


class ExplainForm(FlaskForm):
    """Why what looks odd is right as it is."""

    note = TextAreaField("Why is it right as it is?", [InputRequired(NO_WORDS)],
                         render_kw={"maxlength": MOST_NOTE, "rows": 3})

    def validate_note(self, field: Field) -> None:
        """Refuse what says nothing or does not fit."""
        # Browsers count a line's end as one sign and send two.
        field.data = one_line(field.data or "")
        if not field.data:
            raise ValidationError(NO_WORDS)
        if len(field.data) > MOST_NOTE:
            raise ValidationError(f"That has {len(field.data)} signs; {MOST_NOTE} fit.")


class NotedSplitForm(SplitTerms, FlaskForm):
    """A split that explains a jump."""

    day = DateField("First day in new shares", [InputRequired("From which day on?")])
    ratio = StringField("New shares for old ones", [InputRequired("How many for how many?")],
                        description="4:1 makes four of one, 1:10 makes one of ten.",
                        render_kw={"maxlength": 24, "autocomplete": "off"})

    first_day = FIRST_DAY


class BarForm(FlaskForm):
    """What a bar is to be. `was` is the bar that the admin saw, so that no other is overwritten."""

    open = StringField("Open", render_kw=FIGURE)
    high = StringField("High", render_kw=FIGURE)
    low = StringField("Low", render_kw=FIGURE)
    close = StringField("Close", [InputRequired("A bar has a close at least.")], render_kw=FIGURE)
    volume = StringField("Volume", render_kw={**FIGURE, "inputmode": "numeric"})
    was = HiddenField()

    figures: dict[str, Decimal | None]
    shares: int | None

    def validate(self, extra_validators: dict[str, list[object]] | None = None) -> bool:
        """Read the figures, and refuse a bar whose high and low do not hold its open and close."""
        self.figures, self.shares = {}, None
        return super().validate(extra_validators) and self._hangs_together()

    def validate_open(self, field: Field) -> None:
        """Read it; one that was not given may stay so."""
        self._read(field)

    validate_high = validate_low = validate_close = validate_open

    def validate_volume(self, field: Field) -> None:
        """Read it; one that was not given may stay so."""
        text = (field.data or "").strip()
        if text and not COUNT.fullmatch(text):
            raise ValidationError("Write a whole number without signs in it, like 1204500.")
        self.shares = int(text) if text else None

    def bar(self, day: dt.date) -> ShownBar:
        """Return the bar that is asked for; only after validate()."""
        figures = self.figures
        return ShownBar(day, figures["open"], figures["high"], figures["low"], figures["close"], self.shares)

    def _read(self, field: Field) -> None:
        text = (field.data or "").strip()
        if text and not PRICE.fullmatch(text):
            raise ValidationError("Write it like 123.45, with eight decimals at most.")
        price = Decimal(text) if text else None
        if price is not None and not 0 < price <= MOST_PRICE:
            raise ValidationError("A price is above 0." if not price else f"Above {MOST_PRICE:,} none can be kept.")
        self.figures[field.name] = price

    def _hangs_together(self) -> bool:
        high, low = self.figures["high"], self.figures["low"]
        known = [figure for figure in self.figures.values() if figure is not None]
        if high is not None and high < max(known):
            self.high.errors = ["The high is below another price of the day."]
        elif low is not None and low > min(known):
            self.low.errors = ["The low is above another price of the day."]
        else:
            return True
        return False


class SureForm(FlaskForm):
    """A decision about a bar that asks for nothing else."""

    was = HiddenField()


class RemoveForm(FlaskForm):
    """The answer that a series shall go."""


def written(bar: ShownBar | None) -> str:
    """Write a bar as one text, to know it again by; "" is none."""
    if bar is None:
        return ""
    return "|".join("" if value is None else format(value, "f") for value in
                    (bar.open, bar.high, bar.low, bar.close, Decimal(bar.volume) if bar.volume is not None else None))


def filled(bar: ShownBar | None) -> dict[str, str]:
    """Return what stands in the form's fields at first."""
    values = written(bar).split("|") if bar else [""] * 5
    return dict(zip((*PRICES, "volume"), values, strict=True)) | {"was": written(bar)}
