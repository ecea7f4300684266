"""Prices of Alpaca: snapshots of up to 100 stocks a call. The free plan's are live, of the exchange IEX alone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from webapp.records import Adjustment, Dividend, History, Instrument, Minutes, Quote, Session, Split, State
from webapp.vendors import VENDORS
from worker.providers.alpaca_history import (
    BEGINNING,
    EASTERN,
    HELD_BACK,
    read_bars,
    read_dividends,
    read_rows,
    read_splits,
)
from worker.providers.alpaca_minutes import read_minutes
from worker.providers.answers import MINUTE, bad_key, broken_answer, not_entitled, throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_instant, parse_price
from worker.providers.freshness import Times, check_time, times_of_trade
from worker.providers.histories import day_at, finished, finished_weeks
from worker.providers.http import Client
from worker.providers.minutes import begin_of, finished_minutes
from worker.providers.rest import RestProvider, as_object

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook

SETTINGS = "ALPACA_API_KEY and ALPACA_API_SECRET"

# The day's bar may be a minute behind the trade, and small orders do not count in it. So a trade may lie outside the
# day's range by this part of it; what lies further out is no price.
SLACK = Decimal("0.10")

# Alpaca refuses a whole call for one symbol that it cannot read.
INVALID_SYMBOL = re.compile(r"invalid symbol:? *([a-z0-9./-]+)")
REFUSED_KEYS = ("request is not authorized", "request is unauthorized", "key verification failed", "forbidden.")


@dataclass(frozen=True, slots=True)
class SnapshotBar:
    """One day's prices on IEX, as a snapshot has them."""

    day: dt.date
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None


class Alpaca(RestProvider):
    """The provider. It gives no volume: that of IEX is a few percent of the market's."""

    name = "alpaca"
    title = "Alpaca"
    setting = "ALPACA_API_KEY"
    batch_size = 100
    extended_hours = True
    delay = State.LIVE

    def __init__(self, config: Config, client: Client | None = None) -> None:
        super().__init__(config.ALPACA_URL, config.ALPACA_API_KEY, VENDORS[self.name].limits(config), client)
        self._secret = config.ALPACA_API_SECRET
        self._asked: Mapping[str, Instrument] = {}

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for all snapshots at once."""
        symbols = {self.symbol_of(item): item for item in instruments if self.covers(item)}
        if not symbols:
            raise unknown_symbol(self.title)
        snapshots = self._snapshots(symbols)

        def read(instrument: Instrument) -> Quote:
            fields = as_object(snapshots.get(self.symbol_of(instrument)) or {}, "the snapshot")
            if not fields:
                raise unknown_symbol(self.title)
            return make_quote(fields, instrument, now, sessions)

        return self.gather(instruments, read)

    def _snapshots(self, symbols: Mapping[str, Instrument]) -> dict[str, Any]:
        """Make the call; return the snapshots by symbol."""
        body = as_object(self._ask("/v2/stocks/snapshots", symbols, {"feed": "iex"}))
        found = body.get("snapshots")
        return found if isinstance(found, dict) else body

    def _ask(self, path: str, symbols: Mapping[str, Instrument], params: Mapping[str, str]) -> Any:
        """Make a call for these symbols."""
        headers = {"APCA-API-KEY-ID": self._key, "APCA-API-SECRET-KEY": self._secret}
        self._asked = symbols
        return self.call(path, {"symbols": ",".join(symbols), **params}, headers)

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return the days since 2016, or from `since` on, as they were traded on all exchanges.

        10,000 days fit into the one page that is asked for, which is 40 years; there is no second one to follow.
        """
        def reader() -> History:
            bars = read_bars(self._bars(instrument, "1Day", now, since or BEGINNING))
            return History(instrument.id, self.name, Adjustment.NONE,
                           finished(bars, instrument.mic, now - HELD_BACK, sessions))

        return self.read(reader)

    def weekly(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> History:
        """Return the weeks since 2016, as they were traded on all exchanges."""
        def reader() -> History:
            bars = read_bars(self._bars(instrument, "1Week", now, BEGINNING))
            return History(instrument.id, self.name, Adjustment.NONE,
                           finished_weeks(bars, instrument.mic, now - HELD_BACK, sessions, by_first_day=True))

        return self.read(reader)

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Return the last five sessions by the minute as they were traded on all exchanges, but the last 16 minutes.

        Those are for paid plans. IEX alone would have them, but misses most minutes of most stocks, and the volume.
        """
        def reader() -> Minutes:
            begin = day_at(instrument.mic, begin_of(instrument.mic, now, sessions))
            bars = finished_minutes(read_minutes(self._bars(instrument, "1Min", now, begin)), instrument.mic, now,
                                    sessions)
            return Minutes(instrument.id, self.name, Adjustment.NONE, bars)

        return self.read(reader)

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return the splits since 2016 until today, oldest first."""
        symbol = self.symbol_of(instrument)
        return self.read(lambda: read_splits(self._actions(instrument, "forward_split,reverse_split", now), symbol))

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return the dividends in cash since 2016 until today, oldest first."""
        symbol = self.symbol_of(instrument)
        return self.read(lambda: read_dividends(self._actions(instrument, "cash_dividend", now), symbol))

    def _bars(self, instrument: Instrument, every: str, now: dt.datetime, since: dt.date) -> list[dict[str, Any]]:
        """Make the call for bars, return their rows.

        `sip` is the feed of all exchanges; that of IEX misses days and the true closes.
        """
        symbol = self.symbol_of(instrument)
        end = now - HELD_BACK
        body = self._ask("/v2/stocks/bars", {symbol: instrument}, {
            "timeframe": every, "adjustment": "raw", "feed": "sip", "limit": "10000", "sort": "desc",
            "start": str(min(since, end.date())), "end": f"{end.replace(tzinfo=None):%Y-%m-%dT%H:%M:%SZ}"})
        return read_rows(body, symbol)

    def _actions(self, instrument: Instrument, types: str, now: dt.datetime) -> Any:
        """Make the call for what happened to the shares; a stock has far less than the 1,000 rows of a page."""
        return self._ask("/v1/corporate-actions", {self.symbol_of(instrument): instrument}, {
            "types": types, "start": str(BEGINNING), "end": str(day_at(instrument.mic, now)), "limit": "1000"})

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Tell a bad key, a symbol it cannot read and a plan's bounds apart; 403 stands for more than one of them."""
        if not isinstance(body, dict) or "message" not in body:
            return bad_key(self.title, SETTINGS) if status == 401 else None
        if invalid := INVALID_SYMBOL.search(text):
            error = unknown_symbol(self.title)
            error.blames = self._asked.get(invalid[1].upper())
            return error
        if status == 401 or any(phrase in text for phrase in REFUSED_KEYS):
            return bad_key(self.title, SETTINGS)
        if "subscription" in text:
            return not_entitled(self.title)
        if status == 200:
            limited = "rate limit" in text
            return (throttled(self.title, ErrorKind.THROTTLED_MINUTE, MINUTE) if limited
                    else broken_answer(self.title, "there is a notice in place of prices"))
        return None


def make_quote(fields: dict[str, Any], instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
    """Return the record of one snapshot; raise FigureError where its trade is no sound one."""
    trade = as_object(fields.get("latestTrade") or {}, "the trade")
    price = parse_price(trade.get("p"), "the price")
    made_at = parse_instant(trade.get("t"), "the trade's time")
    if price is None or made_at is None:
        raise FigureError("the trade or its time is missing")
    made_at = check_time(made_at, now)
    times = times_of_trade(made_at, State.LIVE, now, sessions, instrument.mic)
    bars = [bar for name in ("dailyBar", "prevDailyBar") if (bar := read_bar(fields.get(name))) is not None]
    own = next((bar for bar in bars if bar.day == times.day), None)
    low, high = day_range(own, price, made_at, sessions, instrument.mic)
    bid, ask = read_spread(fields.get("latestQuote"), times)
    previous = find_previous(bars, times.day, sessions, instrument.mic)
    return Quote(
        instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=Alpaca.name,
        state=times.state, session=times.session,
        previous_close=previous.close if previous else None, previous_day=previous.day if previous else None,
        open=own.open if own else None, high=high, low=low, bid=bid, ask=ask, stale_at=times.stale_at)


def read_bar(value: Any) -> SnapshotBar | None:
    """Return a day's bar; None where there is none, or none that says its day."""
    fields = as_object(value or {}, "the day's bar")
    start = parse_instant(fields.get("t"), "the bar's day")
    if start is None:
        return None
    first, high, low, close = (parse_price(fields.get(key), f"the bar's {word}") for key, word in (
        ("o", "open"), ("h", "high"), ("l", "low"), ("c", "close")))
    check_range(low, high, first, close)
    # A bar is stamped with the midnight in New York that its day begins with.
    return SnapshotBar(start.astimezone(EASTERN).date(), first, high, low, close)


def day_range(bar: SnapshotBar | None, price: Decimal, made_at: dt.datetime, sessions: SessionBook,
              mic: str) -> tuple[Decimal | None, Decimal | None]:
    """Return the low and high of the trade's own day, with the trade in it; extended hours do not count in them."""
    if bar is None:
        return None, None
    session = sessions.session_on(mic, bar.day)
    if session is None or session.part_at(made_at) is not Session.REGULAR:
        return bar.low, bar.high
    least = bar.low * (1 - SLACK) if bar.low is not None else None
    check_range(least, bar.high * (1 + SLACK) if bar.high is not None else None, price)
    return (min(bar.low, price) if bar.low is not None else None,
            max(bar.high, price) if bar.high is not None else None)


def find_previous(bars: Sequence[SnapshotBar], day: dt.date, sessions: SessionBook, mic: str) -> SnapshotBar | None:
    """Return the bar with the close of the session right before the trade's.

    That is the previous bar's while the day has a bar of its own, but the daily bar's before it has one: until a
    day's first regular trade, the daily bar is the day's before. A stock that was not traded on IEX on some days has
    only an older close, against which a day's change would be wrong: then there is none.
    """
    earlier = max((bar for bar in bars if bar.day < day), key=lambda bar: bar.day, default=None)
    if earlier is None or earlier.close is None:
        return None
    following = sessions.next_after(mic, earlier.day) if sessions.session_on(mic, day) else None
    return earlier if following is None or following.day == day else None


def read_spread(value: Any, times: Times) -> tuple[Decimal | None, Decimal | None]:
    """Return bid and ask while there is trading; on IEX one or both are often missing, and then 0."""
    fields = as_object(value or {}, "the quote")
    bid, ask = parse_price(fields.get("bp"), "the bid"), parse_price(fields.get("ap"), "the ask")
    crossed = bid is not None and ask is not None and bid > ask
    return (None, None) if crossed or times.session is Session.CLOSED else (bid, ask)
