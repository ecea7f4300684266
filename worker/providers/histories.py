"""Past prices as every vendor's module reads them: bars that can be right, of days and weeks that are over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from webapp.markets import EXCHANGES
from webapp.records import Bar, Dividend, Split
from worker.providers.figures import MOST_DECIMALS, FigureError, parse_decimal, parse_price

if TYPE_CHECKING:
    from webapp.markets import SessionBook

# A split further from 1 than this is a slip of the vendor's.
MOST_RATIO = Decimal(100_000)
FRIDAY = 4
FIRST, LAST = dt.date(1792, 5, 17), dt.date(2100, 1, 1)  # New York's exchange is as old as that


def make_bar(day: dt.date, first: object, high: object, low: object, close: object, volume: object,
             adjusted: object = None) -> Bar | None:
    """Return the bar that these texts make; None where there is no close, which is how vendors write an empty row.

    Raise FigureError where it cannot be right: a negative figure, a close of 0, a high below the low. An open outside
    the day's range is left out; where the close is outside, nobody knows the range. `volume` is cut to whole shares.
    """
    price = parse_decimal(close, "the close")
    if price is None:
        return None
    if price <= 0:
        raise FigureError("a close is not above zero")
    check_day(day)
    begun, most, least = parse_price(first, "the open"), parse_price(high, "the high"), parse_price(low, "the low")
    if most is not None and least is not None and most < least:
        raise FigureError("a high is below the low")
    if not _within(price, least, most):
        most = least = None
    if begun is not None and not _within(begun, least, most):
        begun = None
    return Bar(day, price, begun, most, least, whole_shares(volume), parse_price(adjusted, "the adjusted close"))


def check_day(day: dt.date) -> dt.date:
    """Return the day; raise FigureError where no price can be of it."""
    if not FIRST <= day < LAST:
        raise FigureError("its day is not one")
    return day


def _within(price: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    return (low is None or price >= low) and (high is None or price <= high)


def whole_shares(text: object) -> int | None:
    """Return a count of shares; vendors count parts of shares too, which are cut off."""
    shares = parse_decimal(text, "the volume")
    if shares is not None and shares < 0:
        raise FigureError("a volume is negative")
    return None if shares is None else int(shares)


def finished(bars: Iterable[Bar | None], mic: str, now: dt.datetime, sessions: SessionBook) -> tuple[Bar, ...]:
    """Return the days whose session has closed at `now`, oldest first; raise FigureError where a day stands twice."""
    found = sorted((bar for bar in bars if bar is not None), key=lambda bar: bar.day)
    if len({bar.day for bar in found}) != len(found):
        raise FigureError("a day stands twice")
    return tuple(bar for bar in found if is_over(bar.day, mic, now, sessions))


def is_over(day: dt.date, mic: str, now: dt.datetime, sessions: SessionBook) -> bool:
    """Tell whether the day's session has closed; one without any, as before the book begins, is over with the day."""
    session = sessions.session_on(mic, day)
    return session.closes_at <= now if session else day < day_at(mic, now)


def day_at(mic: str, now: dt.datetime) -> dt.date:
    """Return the date at the exchange."""
    exchange = EXCHANGES.get(mic)
    return now.astimezone(ZoneInfo(exchange.zone if exchange else "America/New_York")).date()


def finished_weeks(bars: Iterable[Bar | None], mic: str, now: dt.datetime, sessions: SessionBook, *,
                   by_first_day: bool = False) -> tuple[Bar, ...]:
    """Return the ISO weeks of which every session has closed at `now`, oldest first.

    A bar may bear any day of its week; the result bears the last session, as `Bar.day` promises. `by_first_day` says
    that the vendor names weeks by their first day: where the book does not have the week, its Friday is taken then.
    Raise FigureError where a week stands twice.
    """
    found = sorted((bar for bar in bars if bar is not None), key=lambda bar: bar.day)
    if len({bar.day.isocalendar()[:2] for bar in found}) != len(found):
        raise FigureError("a week stands twice")
    over = (bar for bar in found if week_is_over(bar.day, mic, now, sessions))
    return tuple(replace(bar, day=_last_day(bar.day, mic, sessions)) if by_first_day else bar for bar in over)


def week_is_over(day: dt.date, mic: str, now: dt.datetime, sessions: SessionBook) -> bool:
    """Tell whether every session of the day's ISO week has closed; without any, whether its Friday is past."""
    last = _last_day(day, mic, sessions)
    return is_over(last, mic, now, sessions)


def _last_day(day: dt.date, mic: str, sessions: SessionBook) -> dt.date:
    """Return the last session of the day's ISO week; its Friday where the book has none."""
    week = _week_of(day)
    return next((one for one in reversed(week) if sessions.session_on(mic, one)), week[FRIDAY])


def _week_of(day: dt.date) -> list[dt.date]:
    monday = day - dt.timedelta(days=day.weekday())
    return [monday + dt.timedelta(days=count) for count in range(7)]


def make_split(day: dt.date | None, new: object, old: object = "1") -> Split | None:
    """Return the split of `new` shares for `old` ones; None where it says nothing: no ratio, or one of 1.

    Raise FigureError where it cannot be right.
    """
    after, before = parse_price(new, "a split's ratio"), parse_price(old, "a split's ratio")
    if after is None or before is None:
        return None
    if day is None:
        raise FigureError("the day of a split is missing")
    ratio = after / before
    if not 1 / MOST_RATIO <= ratio <= MOST_RATIO:
        raise FigureError("a split is not one")
    exact = Decimal(f"{ratio.quantize(Decimal(1).scaleb(-MOST_DECIMALS)).normalize():f}")  # 4, not 4.000000000000
    return Split(check_day(day), exact) if exact != 1 else None


def make_dividend(day: dt.date | None, amount: object) -> Dividend | None:
    """Return the dividend; None where nothing is paid, or where no ex-date is known yet."""
    paid = parse_price(amount, "a dividend")
    return Dividend(check_day(day), paid) if paid is not None and day is not None else None


def known_splits(found: Iterable[Split | None]) -> list[Split]:
    """Return the splits, oldest first, one a day; raise FigureError where two of a day differ."""
    days: dict[dt.date, Split] = {}
    for split in found:
        if split is not None and days.setdefault(split.day, split) != split:
            raise FigureError("a day has two splits")
    return sorted(days.values(), key=lambda split: split.day)


def known_dividends(found: Iterable[Dividend | None]) -> list[Dividend]:
    """Return the dividends, oldest first; a day may have two, an ordinary and a special one."""
    return sorted((dividend for dividend in found if dividend is not None), key=lambda dividend: dividend.day)
