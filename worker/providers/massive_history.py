"""What Massive's other answers say: past days and weeks, splits, dividends, search hits and companies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from webapp.records import Adjustment, Bar, Company, Dividend, Instrument, Listing, Split
from worker.providers.directories import (
    country_from,
    figi_of,
    kind_of,
    mic_of,
    money_of,
    symbol_of,
    text_of,
    unit_from,
    website_of,
    without_repeats,
)
from worker.providers.figures import FigureError, parse_day, parse_epoch
from worker.providers.histories import known_dividends, known_splits, make_bar, make_dividend, make_split
from worker.providers.rest import as_list, as_object

EASTERN = ZoneInfo("America/New_York")
SUNDAY = 6
KINDS = {"CS": "stock", "OS": "stock", "ADRC": "stock", "GDR": "stock", "NYRS": "stock", "LT": "stock",
         "PFD": "preferred", "ADRP": "preferred", "ETF": "etf", "ETN": "etf", "ETV": "etf", "ETS": "etf",
         "FUND": "fund", "WARRANT": "warrant", "ADRW": "warrant", "RIGHT": "right", "ADRR": "right", "UNIT": "unit",
         "BOND": "bond", "AGEN": "bond", "INDEX": "index", "SP": "other", "BASKET": "other", "EQLK": "other",
         "OTHER": "other"}

Event = TypeVar("Event")


def read_bars(body: dict[str, Any], symbol: str) -> list[Bar | None]:
    """Return the bars by the day in New York that they begin on; a week that begins on Sunday is its Monday's."""
    if body.get("ticker") != symbol:
        raise FigureError("it is for another symbol")
    return [_bar(as_object(row), symbol) for row in rows_of(body)]


def _bar(row: dict[str, Any], symbol: str) -> Bar | None:
    moment = parse_epoch(row.get("t"), "a day", per_second=1000)
    if moment is None or row.get("T", symbol) != symbol:
        raise FigureError("a row is of no day or of another symbol")
    day = moment.astimezone(EASTERN).date()
    monday = day + dt.timedelta(days=1) if day.weekday() == SUNDAY else day
    return make_bar(monday, row.get("o"), row.get("h"), row.get("l"), row.get("c"), row.get("v"))


def adjustment_of(body: dict[str, Any]) -> Adjustment:
    """Return what the answer says of its prices: as traded, which is what was asked for, or adjusted for splits."""
    return Adjustment.SPLITS if body.get("adjusted") is True else Adjustment.NONE


def read_splits(body: dict[str, Any], symbol: str) -> list[Split]:
    """Return the splits: split_to shares stand for split_from ones."""
    return known_splits(_events(body, symbol, "execution_date", lambda row: make_split(
        parse_day(row["execution_date"], "a day"), row.get("split_to"), row.get("split_from"))))


def read_dividends(body: dict[str, Any], symbol: str, unit: str) -> list[Dividend]:
    """Return the dividends; one in another currency is left out."""
    return known_dividends(_events(body, symbol, "ex_dividend_date", lambda row: make_dividend(
        parse_day(row["ex_dividend_date"], "a day"), row.get("cash_amount"))
        if unit_from(row.get("currency")) in {"", unit} else None))


def _events(body: dict[str, Any], symbol: str, day: str,
            make: Callable[[dict[str, Any]], Event | None]) -> list[Event | None]:
    """Return what is made of the symbol's rows; an answer with rows of other symbols only is refused."""
    rows = [as_object(row) for row in rows_of(body)]
    own = [row for row in rows if row.get("ticker") == symbol]
    if (rows and not own) or any(day not in row for row in own):
        raise FigureError("it is for something else")
    return [make(row) for row in own]


def rows_of(body: dict[str, Any]) -> list[Any]:
    """Return the rows. Where there are none, their list may be missing; then a status or a count stands for it."""
    if "results" not in body and "status" not in body and "resultsCount" not in body:
        raise FigureError("there are no rows in it")
    return as_list(body.get("results") or [])


def read_hits(body: dict[str, Any]) -> list[Listing]:
    """Return what a search found on the exchanges that we have."""
    return without_repeats(_hit(as_object(row)) for row in rows_of(body))


def _hit(row: dict[str, Any]) -> Listing | None:
    name, mic = row.get("ticker"), mic_of(row.get("primary_exchange"))
    symbol = symbol_of(name)
    # Small letters tell preferred stock and such (BACpL): ours have none, so they could not be asked for.
    if not symbol or not mic or name != symbol or row.get("active") is False:
        return None
    return Listing(symbol, mic, text_of(row.get("name")) or symbol, unit_from(row.get("currency_name")),
                   country_from(None, mic), kind_of(row.get("type"), KINDS),
                   figi_of(row.get("share_class_figi"), row.get("composite_figi")), _day_of(row.get("list_date")))


def _day_of(value: Any) -> dt.date | None:
    try:
        return parse_day(value, "a day")
    except FigureError:
        return None


def read_company(body: dict[str, Any], symbol: str, instrument: Instrument, source: str) -> Company:
    """Return the company. The industry is that of its reports to the SEC; the country is not said."""
    found = as_object(body.get("results"))
    if found.get("ticker") != symbol or not text_of(found.get("name")):
        raise FigureError("it is for something else")
    shares = money_of(found.get("share_class_shares_outstanding")) or money_of(found.get("weighted_shares_outstanding"))
    own = unit_from(found.get("currency_name")) in {"", instrument.currency}
    return Company(
        instrument.id, source, text_of(found.get("name")), text_of(found.get("description"), 4000), "",
        text_of(found.get("sic_description")).capitalize(), "", website_of(found.get("homepage_url")),
        money_of(found.get("market_cap")) if own else None, int(shares) if shares is not None and shares >= 1 else None)
