"""One cell at a time: prices, volumes, ratios as files write them; what cannot be right is refused."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from webapp.bars.codec import MOST_PRICE
from webapp.bars.files.formats import shown

NULLS = frozenset({"", "-", "--", "\N{EM DASH}", "null", "none", "nil", "nan", "na", "n/a", "#n/a", "n/d"})
MOST_VOLUME = 2**53
MOST_RATIO = Decimal(100_000)
MOST_FIGURE = Decimal(10) ** 12
LAST_DECIMAL = Decimal("1e-12")  # of what the database keeps
# A vendor reckons a ratio back from rounded prices: 7.00000700001 is 7, 1.49999925000037 is 3 for 2.
SAME_RATIO = Decimal("0.0001")
USUAL_PARTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)
NUMBER = re.compile(r"[+-]?(?:\d{1,17}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
SPACED = re.compile(r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?", re.ASCII)
DECIMAL_COMMA = re.compile(r"(?:0|\d{4,})?,\d+|\d{1,3},(?:\d{1,2}|\d{4,})", re.ASCII)


class CellError(ValueError):
    """A cell is not what it should be; the message says which and why, fit for a page."""


def read_number(text: str, what: str, *, comma: bool = False) -> float:
    """Return a number, NaN where the cell says that there is none; raise CellError where it is no number.

    `comma` says that the file writes decimals behind a comma. Thousands may be apart where nothing else can be meant.
    """
    text = text.strip()
    if text.lower() in NULLS:
        return math.nan
    if SPACED.fullmatch(text):
        text = re.sub(r"[ \u00a0\u202f]", "", text)
    if comma and "," in text:
        text = text.replace(".", "").replace(",", ".")
    elif GROUPED.fullmatch(text):
        if text.count(",") == 1 and "." not in text and what != "volume":
            raise CellError(f"the {what} {text} can be read in two ways")
        text = text.replace(",", "")
    if not NUMBER.fullmatch(text):
        raise CellError(f"the {what} is no number: “{shown(text, 30)}”")
    return float(text)


def read_price(text: str, what: str, *, comma: bool = False) -> float:
    """Return a price above zero, NaN where there is none; raise CellError where it cannot be right."""
    price = read_number(text, what, comma=comma)
    if price <= 0:
        raise CellError(f"the {what} is {'zero' if price == 0 else f'negative: {shown(text, 30)}'}")
    if price > MOST_PRICE:
        raise CellError(f"the {what} is too large: {shown(text, 30)}")
    return price


def read_open(text: str, what: str, *, comma: bool = False) -> float:
    """Return an open as a price; one of zero is unknown: Yahoo and others write so of days before they had any."""
    number = read_number(text, what, comma=comma)
    return math.nan if number == 0 else read_price(text, what, comma=comma)


def read_volume(text: str, *, comma: bool = False) -> float:
    """Return a count of shares, NaN where there is none; raise CellError where it cannot be right."""
    volume = read_number(text, "volume", comma=comma)
    if volume < 0 or volume > MOST_VOLUME:
        raise CellError(f"the volume is {'negative' if volume < 0 else 'too large'}: {shown(text, 30)}")
    return volume


def read_dividend(text: str) -> Decimal | None:
    """Return what was paid, None where nothing was; raise CellError where it cannot be right."""
    paid = _decimal(text, "dividend")
    if paid is not None and not 0 <= paid < Decimal(MOST_PRICE):
        raise CellError(f"the dividend is {'negative' if paid < 0 else 'too large'}: {shown(text, 30)}")
    return paid or None


def read_ratio(text: str) -> Decimal | None:
    """Return how many shares stand for each one before, None where nothing is split; raise CellError as the others."""
    ratio = _decimal(text, "split")
    if not ratio:  # Yahoo writes 0 where there is none
        return None
    if not 1 / MOST_RATIO <= ratio <= MOST_RATIO:
        raise CellError(f"the split is not one: {shown(text, 30)}")
    ratio = clean_ratio(ratio)
    return None if ratio == 1 else ratio


def clean_ratio(ratio: Decimal) -> Decimal:
    """Return the usual ratio that is meant, to within one in ten thousand; an odd one, as 1.046, as it is."""
    for old in (*USUAL_PARTS, max(1, round(1 / ratio))):
        new = (ratio * old).to_integral_value()
        if new and (old == 1 or new == 1 or new in USUAL_PARTS) and abs(ratio * old / new - 1) <= SAME_RATIO:
            # One for three has no last digit: twelve are what the database keeps.
            return Decimal(f"{(new / old).quantize(LAST_DECIMAL).normalize():f}")
    return ratio


def _decimal(text: str, what: str) -> Decimal | None:
    text = text.strip()
    if text.lower() in NULLS:
        return None
    if not NUMBER.fullmatch(text):
        raise CellError(f"the {what} is no number: “{shown(text, 30)}”")
    value = Decimal(text)
    if abs(value) >= MOST_FIGURE:
        raise CellError(f"the {what} is too large: {shown(text, 30)}")
    return value.quantize(LAST_DECIMAL).normalize()
