"""What the what-if is asked: how many stocks, how many of them on a page, and of which providers."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import SelectMultipleField
from wtforms.validators import InputRequired, NumberRange, StopValidation

from webapp.fields import WholeNumber

MOST = 10_000


class Amount(WholeNumber):
    """A number of stocks; what is none is said in our words, and stays in the field."""

    def __init__(self, label: str, least: int, **options: Any) -> None:
        self.complaint = f"Write a whole number from {least:,} to {MOST:,}."
        super().__init__(label, [InputRequired(self.complaint), NumberRange(least, MOST, self.complaint)],
                         render_kw={"min": least, "max": MOST, "inputmode": "numeric", "autocomplete": "off"},
                         **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(self.complaint) from None

    def pre_validate(self, _form: FlaskForm) -> None:
        """Say once what is wrong."""
        if self.process_errors:
            raise StopValidation


class Vendors(SelectMultipleField):
    """Boxes to tick, one for each vendor."""

    def pre_validate(self, _form: FlaskForm) -> None:
        """Refuse what is no vendor."""
        known = {name for name, _title in self.choices}
        if set(self.data or ()) - known:
            raise StopValidation("One of these providers is not known here. Tick those that you mean.")


class WhatIfForm(FlaskForm):
    """The question, in the address: it changes nothing, so it needs no token."""

    class Meta:
        """No token."""

        csrf = False

    stocks = Amount("Stocks", least=1)
    on_screen = Amount("Of these on an open page", least=0)
    vendors = Vendors("Providers")

    def validate_on_screen(self, field: Amount) -> None:
        """Refuse more on pages than there are."""
        if not field.errors and not self.stocks.errors and field.data > self.stocks.data:
            raise StopValidation(f"Only {self.stocks.data:,} stocks are asked about: write that many or fewer.")
