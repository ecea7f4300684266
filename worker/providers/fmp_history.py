"""Past days, splits, dividends, symbols and companies of Financial Modeling Prep: how its rows are read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any

from webapp.markets import EXCHANGES
from webapp.notation import readings
from webapp.records import Adjustment, Bar, Company, Dividend, Instrument, Listing, Split
from worker.providers.directories import country_from, symbol_of, text_of, unit_from
from worker.providers.figures import FigureError, parse_day, parse_price
from worker.providers.histories import known_dividends, known_splits, make_bar, make_dividend, make_split
from worker.providers.rest import as_list, as_object

# Its words for the exchanges of the United States, which have no suffix; elsewhere the suffix says more.
EXCHANGE_WORDS = {"NASDAQ": "XNAS", "NYSE": "XNYS", "AMEX": "XASE", "NYSE AMERICAN": "XASE", "NYSE ARCA": "ARCX",
                  "ARCA": "ARCX"}
# It does not say what a listing is; only names do, sometimes.
NAMED = ((re.compile(r"\b(etf|etn|etc|ucits)s?\b", re.I), "etf"), (re.compile(r"\bwarrants?\b", re.I), "warrant"),
         (re.compile(r"\bfund\b", re.I), "fund"))
CAPS = ("marketCap", "mktCap")
TRADED = ("adjOpen", "adjHigh", "adjLow", "adjClose")
SPLIT_ADJUSTED = ("open", "high", "low", "close")


def read_rows(body: Any, symbol: str) -> list[dict[str, Any]]:
    """Return the rows of the symbol; raise FigureError where one is another's.

    Former answers have them under "historical", with the symbol beside; for what they do not know they are empty.
    """
    if isinstance(body, dict):
        historical = as_list(body.get("historical", None if body else []))
        body = [{"symbol": body.get("symbol"), **as_object(row, "a row")} for row in historical]
    rows = [as_object(row, "a row") for row in as_list(body)]
    if any(str(row.get("symbol") or "").upper() != symbol.upper() for row in rows):
        raise FigureError("it is for another symbol")
    return rows


def read_bars(rows: Sequence[dict[str, Any]]) -> tuple[Adjustment, list[Bar]]:
    """Return the bars, and what they are adjusted for; raise FigureError where no row has a price.

    The prices as they were traded are the ones that are called adjusted: "adjClose", with no "close" beside it. Where
    there is a "close", that is divided by later splits, and "adjClose", if any, by dividends too.
    """
    traded = not any("close" in row for row in rows)
    first, high, low, close = TRADED if traded else SPLIT_ADJUSTED
    bars = [make_bar(_day(row), row.get(first), row.get(high), row.get(low), row.get(close), row.get("volume"),
                     None if traded else row.get("adjClose")) for row in rows]
    found = [bar for bar in bars if bar is not None]
    if rows and not found:
        raise FigureError("its rows have no prices")
    return (Adjustment.NONE if traded else Adjustment.SPLITS), found


def read_splits(rows: Iterable[dict[str, Any]]) -> list[Split]:
    """Return the splits, oldest first; those to come are among them."""
    return known_splits(make_split(_day(row), _of(row, "numerator"), _of(row, "denominator")) for row in rows)


def read_dividends(rows: Iterable[dict[str, Any]]) -> list[Dividend]:
    """Return the dividends as they were declared, oldest first; those to come are among them.

    `date` is the ex-date. "adjDividend", which is divided by later splits, is not read.
    """
    return known_dividends(make_dividend(_day(row), _of(row, "dividend")) for row in rows)


def read_listings(body: Any) -> list[Listing]:
    """Return the listings on exchanges that we have, in the order of the answer."""
    found: dict[str, Listing] = {}
    for row in as_list(body):
        listing = read_listing(as_object(row, "a row"))
        if listing is not None:
            found.setdefault(listing.key, listing)
    return list(found.values())


def read_listing(row: dict[str, Any]) -> Listing | None:
    """Return the listing; None where its exchange is none of ours."""
    if "symbol" not in row or "price" in row:
        raise FigureError("a row is no listing")
    symbol, mic = find_place(row)
    if not symbol or not mic:
        return None
    name = text_of(row.get("name"))
    kind = next((kind for pattern, kind in NAMED if pattern.search(name)), "stock")
    return Listing(symbol, mic, name, unit_from(row.get("currency")), EXCHANGES[mic].country, kind)


def find_place(row: dict[str, Any]) -> tuple[str, str]:
    """Return the stored symbol and the exchange; "" where they are not known.

    NYSE Arca goes by the name of NYSE American, so that the long name decides between the two.
    """
    written = text_of(row.get("symbol"))
    short = text_of(row.get("exchange") or row.get("exchangeShortName")).upper()
    long = text_of(row.get("exchangeFullName") or row.get("stockExchange")).upper()
    if short in EXCHANGE_WORDS:
        return symbol_of(written), "ARCX" if "ARCA" in long else EXCHANGE_WORDS[short]
    for reading in readings(written):
        if reading.mics is not None and len(reading.mics) == 1:
            return symbol_of(reading.symbol), next(iter(reading.mics))
    return "", ""


def read_company(row: dict[str, Any], instrument: Instrument, source: str) -> Company:
    """Return the record of a profile; what it is worth is left out where that is in another currency."""
    if "companyName" not in row:
        raise FigureError("it is no profile")
    same = unit_from(row.get("currency")) in {"", instrument.currency}
    caps = (parse_price(row.get(name), "the market's value") for name in CAPS)
    website = text_of(row.get("website"))
    return Company(
        instrument.id, source, name=text_of(row.get("companyName")), description=text_of(row.get("description"), 5000),
        sector=text_of(row.get("sector")), industry=text_of(row.get("industry")),
        country=country_from(row.get("country")), market_cap=next((cap for cap in caps if cap), None) if same else None,
        website=website if website.startswith(("https://", "http://")) else "")


def is_symbol(text: str) -> bool:
    """Tell whether a text is more likely a symbol than a name, for each of the two has an address of its own."""
    return " " not in text and (len(text) <= 4 or text.isupper() or any(sign in ".-0123456789" for sign in text))


def _day(row: dict[str, Any]) -> dt.date:
    day = parse_day(row.get("date"), "a row's day")
    if day is None:
        raise FigureError("a row is not of a day")
    return day


def _of(row: dict[str, Any], name: str) -> Any:
    """Return the field; raise FigureError where it is missing, without which "none" would be a guess."""
    if name not in row:
        raise FigureError("a row has not what was asked for")
    return row[name]
