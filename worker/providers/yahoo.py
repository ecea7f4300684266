"""Prices of Yahoo Finance: fifty stocks a call, of most exchanges, without a key. It is a guest there: see docs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quoted

from webapp.markets import EXCHANGES
from webapp.records import (
    Adjustment,
    Dividend,
    History,
    Instrument,
    Listing,
    Minutes,
    Quote,
    Split,
    later_shares,
    parts_of,
)
from webapp.vendors import VENDORS
from worker.providers.answers import LATER, MINUTE, broken_answer, throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.directories import kind_of, symbol_of, text_of
from worker.providers.figures import FigureError
from worker.providers.histories import finished, finished_weeks
from worker.providers.http import Client
from worker.providers.minutes import finished_minutes
from worker.providers.rest import US, RestProvider, as_list, as_object
from worker.providers.yahoo_browser import Browser
from worker.providers.yahoo_charts import Chart, read_chart
from worker.providers.yahoo_minutes import INTERVAL, MinuteChart, read_minutes
from worker.providers.yahoo_quotes import SOURCE, read_quote

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook

# What it writes behind the symbols of each exchange: the first of the suffixes that people use is Yahoo's.
SUFFIXES = {exchange.mic: f".{exchange.suffixes[0]}" for exchange in EXCHANGES.values() if exchange.suffixes} | US
BY_SUFFIX = {suffix: mic for mic, suffix in SUFFIXES.items() if suffix}
# Its codes for the exchanges of the United States; NAS are funds.
NEW_YORK = {"NMS": "XNAS", "NGM": "XNAS", "NCM": "XNAS", "NIM": "XNAS", "NAS": "XNAS", "NYQ": "XNYS", "NYS": "XNYS",
            "ASE": "XASE", "PCX": "ARCX"}
KINDS = {"EQUITY": "stock", "ETF": "etf", "MUTUALFUND": "fund", "INDEX": "index", "CRYPTOCURRENCY": "crypto",
         "CURRENCY": "currency"}
# How far back one call goes; a company's whole past in days would be more than an answer may hold.
DAYS_BACK, WEEKS_BACK = dt.timedelta(days=30 * 365), dt.timedelta(days=60 * 365)
DAILY, WEEKLY = "1d", "1wk"


class NoPrices(ProviderError):
    """It knows the symbol, but has no prices of the days that were asked for."""


class Yahoo(RestProvider):
    """The provider. Its price is that of the regular session; one from before or after it stands beside it."""

    name = SOURCE
    title = "Yahoo Finance"
    setting = "YAHOO"
    batch_size = 50
    extended_hours = True
    suffixes = SUFFIXES
    class_sign = "-"

    def __init__(self, config: Config, client: Client | None = None) -> None:
        if client is None and config.yahoo_itself:
            client = Browser(self.title, config.INSTANCE_DIR / "yahoo.json")
        super().__init__(config.YAHOO_URL, "", VENDORS[self.name].limits(config), client)

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for all of them at once; those that Yahoo does not have are missing in its answer."""
        symbols = [self.symbol_of(instrument) for instrument in instruments]
        body = as_object(self.call("/v7/finance/quote", {"symbols": ",".join(symbols), "formatted": "false"}))
        rows = as_list(as_object(body.get("quoteResponse")).get("result"))
        found = {str(row.get("symbol") or "").upper(): row for row in (as_object(row, "a quote") for row in rows)}
        if len(found) != len(rows):
            raise FigureError("it has a symbol twice")
        if found and not found.keys() & set(symbols):
            raise FigureError("it is for another symbol")

        def read(instrument: Instrument) -> Quote:
            row = found.get(self.symbol_of(instrument))
            quote = read_quote(row, instrument, now, sessions) if row else None
            if quote is None:
                raise unknown_symbol(self.title)
            return quote

        return self.gather(instruments, read)

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return the days from `since` on, of thirty years where it is None, divided by later splits."""
        first = since or (now - DAYS_BACK).date()
        chart = self.read(lambda: self._chart(instrument, DAILY, first, now))
        bars = self.read(lambda: finished(chart.bars, instrument.mic, now, sessions))
        return self._history(instrument, chart, tuple(bar for bar in bars if bar.day >= first))

    def weekly(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> History:
        """Return the weeks of sixty years, divided by later splits."""
        first = (now - WEEKS_BACK).date()
        monday = first - dt.timedelta(days=first.weekday())
        chart = self.read(lambda: self._chart(instrument, WEEKLY, monday, now))
        weeks = self.read(lambda: finished_weeks(chart.bars, instrument.mic, now, sessions, by_first_day=True))
        return self._history(instrument, chart, weeks)

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Return the last five days by the minute, divided by later splits; no volume before and after hours."""
        symbol = self.symbol_of(instrument)
        params = {"interval": INTERVAL, "range": "5d", "includePrePost": "true"}

        def reader() -> Minutes:
            try:
                body = self.call(f"/v8/finance/chart/{quoted(symbol, safe='')}", params)
                chart = read_minutes(body, symbol, instrument)
            except NoPrices:
                chart = MinuteChart()
            bars = finished_minutes(chart.bars, instrument.mic, now, sessions)
            return Minutes(instrument.id, self.name, Adjustment.SPLITS, bars, chart.unit)

        return self.read(reader)

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return the splits of thirty years."""
        return list(self.read(lambda: self._chart(instrument, DAILY, (now - DAYS_BACK).date(), now)).splits)

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return the dividends of thirty years; Yahoo divides them by later splits, as its prices, and it is undone."""
        chart = self.read(lambda: self._chart(instrument, DAILY, (now - DAYS_BACK).date(), now))
        parts = parts_of(instrument.quoted_in) / Decimal(parts_of(chart.unit or instrument.quoted_in))
        return [replace(dividend, amount=dividend.amount * later_shares(chart.splits, dividend.day) * parts)
                for dividend in chart.dividends]

    def search(self, text: str, now: dt.datetime) -> list[Listing]:
        """Return what Yahoo finds; in which unit it is quoted is not said."""
        params = {"q": text, "quotesCount": "20", "newsCount": "0", "listsCount": "0", "enableFuzzyQuery": "false"}

        def ask() -> list[Listing]:
            rows = as_list(as_object(self.call("/v1/finance/search", params)).get("quotes"))
            found = (read_listing(row) for row in rows if isinstance(row, dict))
            return list({listing.key: listing for listing in found if listing is not None}.values())

        return self.read(ask)

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Return what the answer says. Errors stand under the name of what was asked for, at times with HTTP 200."""
        if status == 999:  # its own status for guests that ask too often
            return throttled(self.title, ErrorKind.THROTTLED_MINUTE, LATER)
        if status == 429 or status >= 500:
            return None  # these two say it all
        if body is None and status == 200:
            return self._notice(text)
        if status == 403:
            return ProviderError(ErrorKind.UNREACHABLE, f"{self.title} refused the call (HTTP 403).", retry_after=LATER)
        return self._refusal(status, *(read_error(body) if isinstance(body, dict) else ("", text)))

    def _refusal(self, status: int, code: str, words: str) -> ProviderError | None:
        """Return what code and description of an error say."""
        if status == 401 or "unauthorized" in code or "invalid crumb" in words:
            message = f"{self.title} did not accept the session; the next call begins a new one."
            return ProviderError(ErrorKind.BAD_KEY, message, retry_after=MINUTE)
        if "doesn't exist for startdate" in words:
            return NoPrices(ErrorKind.UNKNOWN_SYMBOL, f"{self.title} has no prices of these days.")
        if code == "not found" or "may be delisted" in words:
            return unknown_symbol(self.title)
        return broken_answer(self.title, "it holds an error") if status == 200 and code else None

    def _notice(self, text: str) -> ProviderError | None:
        """Return what a bare text with HTTP 200 says."""
        if "too many requests" in text:
            return throttled(self.title, ErrorKind.THROTTLED_MINUTE, MINUTE)
        if "will be right back" in text:
            return ProviderError(ErrorKind.UNREACHABLE, f"{self.title} is out of order.")
        return None

    def _chart(self, instrument: Instrument, interval: str, first: dt.date, now: dt.datetime) -> Chart:
        """Make the call for the past since `first`; no prices of these days are an empty chart."""
        symbol = self.symbol_of(instrument)
        begin = dt.datetime.combine(first, dt.time(), dt.UTC) - dt.timedelta(hours=14)  # the day in any time zone
        params = {"period1": str(int(begin.timestamp())), "period2": str(int(now.timestamp())), "interval": interval,
                  "events": "div,splits", "includePrePost": "false", "includeAdjustedClose": "true"}
        try:
            body = self.call(f"/v8/finance/chart/{quoted(symbol, safe='')}", params)
        except NoPrices:
            return Chart((), (), (), "")
        return read_chart(body, symbol, instrument, interval)

    def _history(self, instrument: Instrument, chart: Chart, bars: tuple[Any, ...]) -> History:
        return History(instrument.id, self.name, Adjustment.SPLITS, bars, chart.splits, chart.dividends, chart.unit)


def read_error(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return code and description, in lower case, of the error that stands beside or in place of the results."""
    for part in body.values():
        error = part.get("error") if isinstance(part, dict) else None
        if isinstance(error, dict):
            return str(error.get("code") or "error").lower(), str(error.get("description") or "").lower()
    return "", ""


def read_listing(row: Mapping[str, Any]) -> Listing | None:
    """Return what was found; None for what is listed nowhere, on an exchange that we do not have, or an option."""
    written = text_of(row.get("symbol")).upper()
    name, dot, suffix = written.rpartition(".")
    mic = BY_SUFFIX.get(f".{suffix}", "") if dot else NEW_YORK.get(text_of(row.get("exchange")).upper(), "")
    symbol = symbol_of(name if dot else written)
    if not mic or not symbol or row.get("isYahooFinance") is False:
        return None
    titles = (text_of(row.get(key)) for key in ("longname", "longName", "shortname", "shortName"))
    kind = text_of(row.get("quoteType") or row.get("typeDisp")).upper()
    return Listing(symbol, mic, next(filter(None, titles), ""), country=EXCHANGES[mic].country,
                   kind=KINDS.get(kind) or kind_of(kind))
