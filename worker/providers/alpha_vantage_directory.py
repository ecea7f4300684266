"""Listings and companies as Alpha Vantage answers them."""

from __future__ import annotations

import datetime as dt
import re
import string
from contextlib import suppress
from decimal import Decimal
from typing import Any

from webapp.markets import EXCHANGES
from webapp.notation import readings
from webapp.records import Company, Instrument, Listing
from worker.providers.alpha_vantage_answers import NAME, TITLE, Body, check_symbol, rows_of
from worker.providers.answers import unknown_symbol
from worker.providers.directories import country_from, kind_of, mic_of, symbol_of, text_of, unit_from
from worker.providers.figures import FigureError, parse_day, parse_decimal
from worker.providers.rest import as_object

# Its words for exchanges of the United States, in former years too.
US_EXCHANGES = {"NASDAQ": "XNAS", "NYSE": "XNYS", "NYSE ARCA": "ARCX", "NYSE MKT": "XASE", "NYSE AMERICAN": "XASE",
                "AMEX": "XASE", "BATS": "BATS"}
# What stands behind a symbol of New York. NASDAQ has a fifth letter there, so that only the name tells it from a stock.
SIGNS = ((re.compile(r"\.WS(\.[A-Z])?$"), "warrant"), (re.compile(r"\.U$"), "unit"),
         (re.compile(r"\.R(\.W)?$"), "right"), (re.compile(r"\.P(\.[A-Z]+)?$"), "preferred"))
WORDS = ("unit", "right", "warrant")  # in this order, for units name what they are made of
PREFERRED = re.compile(r"\b(preferred|preference|pfd|prf)\b")
COUNTRIES = {"USA": "US", "United States": "US"}
DEPOSITARY = re.compile(r"depositary shares? each|american depositary|\badr\b|\bads\b")


def read_search(body: Body) -> list[Listing]:
    """Return the matches on exchanges that we know, in the vendor's order.

    A match in the United States is left out: which of its exchanges it is on is not said, so that it may be one over
    the counter too. The listing has all of those exchanges.
    """
    found: dict[str, Listing] = {}
    for row in rows_of(body, "bestMatches", ("symbol", "name", "region", "currency")):
        listing = _match(row)
        if listing is not None:
            found.setdefault(listing.key, listing)
    return list(found.values())


def _match(row: dict[str, Any]) -> Listing | None:
    """Return the listing of one match, None where its exchange is none of ours."""
    meanings = readings(text_of(row.get("symbol")))
    mics = meanings[-1].mics if meanings else None
    symbol = symbol_of(meanings[-1].symbol) if meanings else ""
    if not symbol or mics is None:
        return None
    [mic] = mics
    kind = kind_of(row.get("type"), {"Equity": "stock", "ETF": "etf", "Mutual Fund": "fund"})
    return Listing(symbol=symbol, mic=mic, name=text_of(row.get("name")) or symbol,
                   unit=unit_from(row.get("currency")), country=EXCHANGES[mic].country, kind=kind)


def read_listing(body: Body, state: str) -> list[Listing]:
    """Return the listings of the United States in a state, active or delisted, each symbol of an exchange once.

    A symbol that was given to several companies in turn is that of the last one.
    """
    if not isinstance(body, str):
        raise FigureError("it is not in the agreed form")
    found: dict[str, Listing] = {}
    columns = ("symbol", "name", "exchange", "asset type", "ipo date", "delisting date", "status")
    for row in rows_of(body, "", columns, loose=True):
        listing = _listed(row) if row["status"].strip().lower() == state else None
        if listing is None or (listing.delisted_on is not None) is not (state == "delisted"):
            continue
        other = found.get(listing.key)
        if other is None or (listing.delisted_on and other.delisted_on and listing.delisted_on > other.delisted_on):
            found[listing.key] = listing
    if not found:
        raise FigureError("there are no listings in it")
    return list(found.values())


def _listed(row: dict[str, str]) -> Listing | None:
    """Return the listing of a row, None where its exchange is none of ours or its symbol none at all."""
    mic, symbol = mic_of(row["exchange"], US_EXCHANGES), symbol_of(row["symbol"])
    if not mic or not symbol:
        return None
    name = text_of(row["name"]) or symbol
    return Listing(symbol=symbol, mic=mic, name=name, unit="USD", country=EXCHANGES[mic].country,
                   kind=kind_from(symbol, name, row["asset type"]), listed_on=_day(row["ipo date"]),
                   delisted_on=_day(row["delisting date"]))


def kind_from(symbol: str, name: str, asset_type: str) -> str:
    """Return the kind of a listing of the United States, where everything that is no ETF is called Stock."""
    if asset_type.strip().upper() == "ETF":
        return "etf"
    for sign, kind in SIGNS:
        if sign.search(symbol):
            return kind
    lower = name.lower()
    for word in WORDS if len(symbol) == 5 else ():
        if re.search(rf"\b{word}s?\b", lower):
            return word
    return "preferred" if PREFERRED.search(lower) and not DEPOSITARY.search(lower) else "stock"


def _day(text: str) -> dt.date | None:
    """Return the day; a broken one is unknown, for nothing is reckoned from it."""
    with suppress(FigureError):
        return parse_day(text.strip(), "a day")
    return None


def read_overview(body: Body, symbol: str, instrument: Instrument) -> Company:
    """Return the company; every figure is optional, and a broken one is unknown. {} is an unknown symbol."""
    fields = as_object(body)
    if not fields:
        raise unknown_symbol(TITLE)
    check_symbol(fields.get("Symbol"), symbol)
    if "Name" not in fields:
        raise FigureError("there is no company in it")
    country = COUNTRIES.get(text_of(fields.get("Country")), fields.get("Country"))
    money = unit_from(fields.get("Currency")) in {"", instrument.currency}
    shares = _figure(fields.get("SharesOutstanding"))
    return Company(
        instrument_id=instrument.id, source=NAME, name=text_of(fields["Name"]),
        description=text_of(fields.get("Description"), 5000), sector=_words(fields.get("Sector")),
        industry=_words(fields.get("Industry")), country=country_from(country),
        website=_website(fields.get("OfficialSite")),
        market_cap=_figure(fields.get("MarketCapitalization")) if money else None,
        shares=int(shares) if shares is not None and shares >= 1 else None,
        dividend_yield=_figure(fields.get("DividendYield")), pe_ratio=_figure(fields.get("PERatio")))


def _figure(text: object) -> Decimal | None:
    """Return a figure above zero; 0 is how the vendor also writes what it does not know."""
    with suppress(FigureError):
        value = parse_decimal(text, "a figure")
        return value if value is not None and value > 0 else None
    return None


def _words(text: object) -> str:
    """Return a text that was all in capitals in former years as it is written now: Computer & Office Equipment."""
    words = text_of(text)
    return string.capwords(words) if words.isupper() else words


def _website(text: object) -> str:
    address = text_of(text)
    return address if re.match(r"https?://[^/\s]", address) else ""
