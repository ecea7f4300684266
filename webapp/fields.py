"""Form fields that several features use."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar

from wtforms import Field, IntegerField
from wtforms.validators import ValidationError

from webapp import clock
from webapp.instruments import MAX_LENGTH, Ambiguous, Found, resolve
from webapp.ratios import read_ratio
from webapp.records import Instrument

# As many as 2**31 has: no place, no number of stocks and no id of the database has more.
MOST_DIGITS = 10
A_YEAR = dt.timedelta(days=366)


class WholeNumber(IntegerField):
    """A whole number of up to ten digits.

    What is longer is no number here: the checks of a range reckon in floats, which end at some 300 digits.
    """

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number."""
        if valuelist and len(valuelist[0].strip().lstrip("+-")) > MOST_DIGITS:
            self.data: Any = None
            raise ValueError(self.gettext("Not a valid integer value."))
        super().process_formdata(valuelist)


class SplitTerms:
    """What a form with a `day` and a `ratio` of a split checks; `first_day` is the oldest that it takes."""

    first_day: ClassVar[dt.date]
    new_for_one: Decimal

    def validate_day(self, field: Field) -> None:
        """Refuse a day that is a slip of the keys."""
        if field.data is not None and not self.first_day <= field.data <= clock.now().date() + A_YEAR:
            raise ValidationError("That day is too far away.")

    def validate_ratio(self, field: Field) -> None:
        """Read the ratio; see read_ratio()."""
        try:
            self.new_for_one = read_ratio(field.data or "")
        except ValueError as error:
            raise ValidationError(str(error)) from None


class NamedStock:
    """Finds the stock that a form's `symbol` names."""

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
