"""Prices of Tiingo: up to a hundred symbols a call. The free plan has 50 calls an hour and prices made from IEX."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quoted

from webapp.records import Adjustment, Company, Dividend, History, Instrument, Minutes, Quote, Session, Split, State
from webapp.vendors import VENDORS
from worker.providers.answers import LATER, bad_key, not_entitled, throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_instant, parse_price
from worker.providers.freshness import Times, check_time, times_of_trade
from worker.providers.histories import day_at, finished, finished_weeks
from worker.providers.http import MAX_BYTES
from worker.providers.minutes import begin_of, finished_minutes
from worker.providers.rest import RestProvider, as_list
from worker.providers.tiingo_history import (
    BAR,
    BEGINNING,
    EVENTS,
    MOST,
    read_bars,
    read_company,
    read_dividends,
    read_rows,
    read_splits,
    with_column,
)
from worker.providers.tiingo_minutes import COLUMNS, read_minutes

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook
    from worker.providers.http import Client

HOUR = dt.timedelta(hours=1)
# How far beyond the day's range a price may lie that is no trade but the middle of a narrow book.
REACH = Decimal("0.01")
TIMES = ("timestamp", "quoteTimestamp")
# Their documentation writes it in both ways.
TIMES_OF_SALE = ("lastSaleTimestamp", "lastSaleTimeStamp")


@dataclass(frozen=True, slots=True)
class Rows:
    """What an answer has: its rows by symbol, and whether it has others than those that were asked for."""

    by_symbol: dict[str, list[dict[str, Any]]]
    strange: bool


class Tiingo(RestProvider):
    """The provider. Its prices are Tiingo's own "tngoLast", for trades on IEX need an agreement with that exchange.

    That is the last trade or, where the book is narrow, its middle; after the close it is the official closing price.
    The volume is left out: it is that of IEX alone until the evening, a few percent of the market's.
    """

    name = "tiingo"
    title = "Tiingo"
    setting = "TIINGO_API_KEY"
    batch_size = 100
    extended_hours = True
    delay = State.LIVE
    class_sign = "-"

    def __init__(self, config: Config, client: Client | None = None) -> None:
        super().__init__(config.TIINGO_URL, config.TIINGO_API_KEY, VENDORS[self.name].limits(config), client)

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for all of them at once; those that Tiingo does not have are missing in its answer."""
        symbols = [self.symbol_of(instrument) for instrument in instruments]
        body = self._ask("/iex/", {"tickers": ",".join(symbols)})
        rows = sort_rows(as_list(body), set(symbols))
        return self.gather(instruments, lambda instrument: self._quote(rows, instrument, now, sessions))

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return all days, or those from `since` on, as they were traded, with the splits and dividends among them."""
        def reader() -> History:
            rows = self._rows(instrument, f"{BAR},{EVENTS}", since)
            return History(instrument.id, self.name, Adjustment.NONE,
                           finished(read_bars(rows), instrument.mic, now, sessions),
                           tuple(read_splits(rows)), tuple(read_dividends(rows)))

        return self.read(reader)

    def weekly(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> History:
        """Return all weeks, as they were traded; a week's row does not say on which day its events were."""
        def reader() -> History:
            bars = read_bars(self._rows(instrument, BAR, None, "weekly"))
            return History(instrument.id, self.name, Adjustment.NONE,
                           finished_weeks(bars, instrument.mic, now, sessions, by_first_day=True))

        return self.read(reader)

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Return the last five sessions by the minute, the newest 2,000 minutes at most, as they were traded on IEX."""
        def reader() -> Minutes:
            begin = day_at(instrument.mic, begin_of(instrument.mic, now, sessions))
            rows = read_rows(self._ask(f"/iex/{quoted(self.symbol_of(instrument), safe='')}/prices", {
                "startDate": str(begin), "resampleFreq": "1min", "afterHours": "true", "columns": COLUMNS,
                "format": "json"}))
            bars = finished_minutes(read_minutes(rows), instrument.mic, now, sessions)
            return Minutes(instrument.id, self.name, Adjustment.NONE, bars)

        return self.read(reader)

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return every split until today, oldest first; those to come have an address that is for paid plans."""
        return self.read(lambda: read_splits(with_column(self._rows(instrument, "splitFactor"), "splitFactor")))

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return every dividend until today, oldest first."""
        return self.read(lambda: read_dividends(with_column(self._rows(instrument, "divCash"), "divCash")))

    def overview(self, instrument: Instrument, now: dt.datetime) -> Company:
        """Return name and description of the company; Tiingo's figures are for paid plans."""
        symbol = self.symbol_of(instrument)
        return self.read(lambda: read_company(self._ask(f"/tiingo/daily/{quoted(symbol, safe='')}", {}), symbol,
                                              instrument, self.name))

    def _rows(self, instrument: Instrument, columns: str, since: dt.date | None = None,
              every: str = "daily") -> list[dict[str, Any]]:
        """Make the call for the rows of days or weeks."""
        path = f"/tiingo/daily/{quoted(self.symbol_of(instrument), safe='')}/prices"
        return read_rows(self._ask(path, {"startDate": str(since or BEGINNING), "resampleFreq": every,
                                          "columns": columns, "format": "json"}, MOST))

    def _ask(self, path: str, params: Mapping[str, str], most: int = MAX_BYTES) -> Any:
        return self.call(path, params, {"Authorization": f"Token {self._key}"}, most)

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Return what stands under "detail"; where CSV was expected the same words come as bare text, with HTTP 200."""
        words = text.strip()
        if isinstance(body, dict):
            words = str(body.get("detail") or "").lower()
        elif isinstance(body, list) or words.startswith("<") or (status == 200 and not words.startswith("error:")):
            words = ""  # prices, or a page of a proxy: any word may be in them
        return None if status >= 500 else self._limit(status, words) or self._refusal(status, words)

    def _limit(self, status: int, words: str) -> ProviderError | None:
        """Return the error for a quota that is used up. When the hour or the day ends is not documented."""
        ran_over = "run over your" in words or "allocation" in words
        if ran_over and "symbol" in words:
            # The symbols of this month are used up: nothing else helps than to wait, or to ask for fewer.
            message = f"{self.title} gives no prices of further symbols this month."
            return ProviderError(ErrorKind.THROTTLED_DAY, message, retry_after=HOUR)
        if ran_over and ("daily" in words or "per day" in words):
            return throttled(self.title, ErrorKind.THROTTLED_DAY, HOUR)
        if ran_over or status == 429:
            return throttled(self.title, ErrorKind.THROTTLED_HOUR, LATER)
        return None

    def _refusal(self, status: int, words: str) -> ProviderError | None:
        """Return the error for a key, a plan or a symbol."""
        if "ticker" in words and "not found" in words:
            return unknown_symbol(self.title)
        if "permission" in words:
            return not_entitled(self.title)
        # A wrong key gets "Invalid token.", "Please supply a token", or HTTP 403 with the bare word None.
        if "token" in words or (status == 403 and words == "none"):
            return bad_key(self.title, self.setting)
        return None

    def _quote(self, rows: Rows, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
        found = rows.by_symbol.get(self.symbol_of(instrument), [])
        if len(found) > 1:
            raise FigureError("it has the symbol twice")
        if not found and rows.strange:
            raise FigureError("it is for another symbol")
        if not found:
            raise unknown_symbol(self.title)
        return read_quote(found[0], instrument, now, sessions)


def sort_rows(rows: Sequence[Any], symbols: set[str]) -> Rows:
    """Return the rows of these symbols."""
    by_symbol: dict[str, list[dict[str, Any]]] = {symbol: [] for symbol in symbols}
    strange = False
    for row in rows:
        ticker = row.get("ticker") if isinstance(row, dict) else None
        if isinstance(ticker, str) and ticker.upper() in by_symbol:
            by_symbol[ticker.upper()].append(row)
        else:
            strange = True
    return Rows(by_symbol, strange)


def read_quote(row: dict[str, Any], instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
    """Return the record; raise FigureError where the figures are not what they should be."""
    last = parse_price(row.get("last"), "the last trade")
    price = parse_price(row.get("tngoLast"), "the price") or last
    as_of = find_time(row, traded=price == last)
    if price is None or as_of is None:
        raise FigureError("the price or its time is missing")
    times = times_of_trade(check_time(as_of, now), State.LIVE, now, sessions, instrument.mic)
    first, high, low = find_range(row, price, times, traded=price == last)
    return Quote(
        instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=Tiingo.name,
        state=times.state, session=times.session, open=first, high=high, low=low, stale_at=times.stale_at,
        previous_close=parse_price(row.get("prevClose"), "the previous close"),
        bid=parse_price(row.get("bidPrice"), "the bid"), ask=parse_price(row.get("askPrice"), "the ask"))


def find_time(row: dict[str, Any], *, traded: bool) -> dt.datetime | None:
    """Return when the price was made: a trade at its own time, the middle of the book at the book's.

    The book moves without trades: before the open it would make yesterday's last trade look like one of today.
    """
    keys = TIMES_OF_SALE + TIMES if traded else TIMES + TIMES_OF_SALE
    moments = (parse_instant(row.get(key), "the time") for key in keys)
    return next((moment for moment in moments if moment is not None), None)


def find_range(row: dict[str, Any], price: Decimal, times: Times, *,
               traded: bool) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Return open, high and low of the price's own day; raise FigureError where the price cannot be of that day."""
    first, high, low = (parse_price(row.get(key), f"the {key}") for key in ("open", "high", "low"))
    check_range(low, high)
    if times.session is Session.PRE:
        return None, None, None  # before the open nothing tells whether they are yesterday's
    if times.session is Session.POST:
        return first, high, low
    if traded:
        check_range(low, high, price)
    # The range is that of trades, of which IEX has few: the middle of the book may be a little ahead of it.
    check_range(low and low * (1 - REACH), high and high * (1 + REACH), price)
    if (low is not None and price < low) or (high is not None and price > high):
        return first, None, None
    return first, high, low
