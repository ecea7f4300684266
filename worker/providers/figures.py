"""Strict parsing: what vendors write as text becomes exact numbers and dates, or is refused."""

import datetime as dt
import re
from decimal import ROUND_HALF_EVEN, Decimal

# At most what the database and a page can carry; ASCII digits only, no thousands separators. JSON's numbers may have
# an exponent, and as many decimals as a binary number takes in decimal.
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")
MOST_DECIMALS = 12
MOST = Decimal(10) ** 15
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
FIRST, LAST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
MISSING = (None, "", "-", "None", "N/A", "null")


class FigureError(ValueError):
    """A text is not the figure it should be. The message holds the name of the field, never its content."""


def parse_decimal(text: object, field: str) -> Decimal | None:
    """Return the number with every digit as it came; None where the vendor says that there is none."""
    if text in MISSING:
        return None
    if not isinstance(text, str) or not NUMBER.fullmatch(text):
        raise FigureError(f"{field} is not a number")
    value = Decimal(text)
    if abs(value) >= MOST:
        raise FigureError(f"{field} is too large")
    if _decimals(value) > MOST_DECIMALS:
        value = value.quantize(Decimal(1).scaleb(-MOST_DECIMALS), ROUND_HALF_EVEN)
    return value.quantize(Decimal(1)) if _decimals(value) < 0 else value


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


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


def parse_epoch(text: object, field: str, *, per_second: int = 1) -> dt.datetime | None:
    """Return the moment that is written as a count since 1970: of seconds, or of parts of one; None for 0 too."""
    value = parse_decimal(text, field)
    if not value:
        return None
    seconds, parts = divmod(value, per_second)
    if not 0 < seconds < LAST.timestamp():
        raise FigureError(f"{field} is not a time")
    moment = dt.datetime.fromtimestamp(int(seconds), dt.UTC)
    return _sound(moment + dt.timedelta(seconds=float(seconds % 1 + parts / per_second)), field)


def parse_instant(text: object, field: str) -> dt.datetime | None:
    """Return a moment written as 2026-05-15T19:59:59.123456789Z or with another offset; what is below 1 µs is cut."""
    if text in MISSING:
        return None
    found = INSTANT.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise FigureError(f"{field} is not a time")
    whole, fraction, zone = found.groups()
    try:
        moment = dt.datetime.fromisoformat(f"{whole}{(fraction or '.0')[:7]:0<7}{zone}").astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise FigureError(f"{field} is not a time") from None
    return _sound(moment, field)


def _sound(moment: dt.datetime, field: str) -> dt.datetime:
    if not FIRST <= moment < LAST:
        raise FigureError(f"{field} is not a time")
    return moment


def check_range(low: Decimal | None, high: Decimal | None, *prices: Decimal | None) -> None:
    """Raise FigureError where a price of the day lies outside the day's range."""
    for price in (low, high, *prices):
        if price is not None and ((low is not None and price < low) or (high is not None and price > high)):
            raise FigureError("its figures contradict each other")
