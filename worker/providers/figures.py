"""Strict parsing: what vendors write as text becomes exact numbers and dates, or is refused."""

import datetime as dt
import re
from decimal import Decimal

# At most what the database and a page can carry; ASCII digits only, no exponent, no thousands separators.
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,12})?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MISSING = (None, "", "-", "None", "N/A", "null")


class FigureError(ValueError):
    """A text is not the figure it should be. The message holds the name of the field, never its content."""


def parse_decimal(text: object, field: str) -> Decimal | None:
    """Return the number with every digit as it came; None where the vendor says that there is none."""
    if text in MISSING:
        return None
    if not isinstance(text, str) or not NUMBER.fullmatch(text):
        raise FigureError(f"{field} is not a number")
    return Decimal(text)


def parse_price(text: object, field: str) -> Decimal | None:
    """Return a positive price; None where it is missing, for which vendors also write 0."""
    value = parse_decimal(text, field)
    if value is not None and value < 0:
        raise FigureError(f"{field} is negative")
    return value or None


def parse_count(text: object, field: str) -> int | None:
    """Return a whole number of at least 0."""
    value = parse_decimal(text, field)
    if value is None:
        return None
    if value < 0 or value != value.to_integral_value():
        raise FigureError(f"{field} is not a count")
    return int(value)


def parse_day(text: object, field: str) -> dt.date | None:
    """Return a day written as 2026-05-15."""
    if text in MISSING:
        return None
    if not isinstance(text, str) or not DAY.fullmatch(text):
        raise FigureError(f"{field} is not a day")
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise FigureError(f"{field} is not a day") from None
