"""Finnhub: stocks of the United States, one a call, live, 60 calls a minute on the free plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from webapp.records import Company, Dividend, History, Instrument, Listing, Quote, Session, Split, State
from webapp.vendors import VENDORS
from worker.providers.answers import LATER, MINUTE, bad_key, not_entitled, throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_epoch, parse_price
from worker.providers.finnhub_reference import (
    epoch,
    read_candles,
    read_company,
    read_directory,
    read_dividends,
    read_hits,
    read_splits,
)
from worker.providers.freshness import Times, check_time, times_of_day, times_of_regular
from worker.providers.http import MAX_BYTES, Client
from worker.providers.rest import RestProvider, as_object, stated_change

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook

# The directory of the United States has some 31,000 rows of 250 bytes.
DIRECTORY = 32 * 1024 * 1024
# Before this day it has no prices. Splits and dividends are asked for a year ahead, too.
FIRST, AHEAD = dt.date(1970, 1, 2), dt.timedelta(days=365)


class Finnhub(RestProvider):
    """The provider. Its price is that of the regular session; after the close it stays the close."""

    name = "finnhub"
    title = "Finnhub"
    setting = "FINNHUB_API_KEY"

    def __init__(self, config: Config, client: Client | None = None) -> None:
        super().__init__(config.FINNHUB_URL, config.FINNHUB_API_KEY, VENDORS[self.name].limits(config), client)

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for the one instrument."""
        [instrument] = instruments
        body = as_object(self._ask("/quote", {"symbol": self.symbol_of(instrument)}))
        return [self._read(body, instrument, now, sessions)]

    def _ask(self, path: str, params: dict[str, str], most: int = MAX_BYTES) -> Any:
        return self.call(path, params, {"X-Finnhub-Token": self._key}, most)

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return past days, adjusted for splits; the free plan does not have them."""
        params = {"symbol": self.symbol_of(instrument), "resolution": "D", "from": epoch(since or FIRST),
                  "to": str(int(now.timestamp()))}
        return self.read(lambda: read_candles(as_object(self._ask("/stock/candle", params)), instrument, self.name, now,
                                              sessions))

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return the splits; the free plan does not have them."""
        params = self._all_days(instrument, now)
        return self.read(lambda: read_splits(self._ask("/stock/split", params), params["symbol"]))

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return the dividends as they were paid; the free plan does not have them."""
        params = self._all_days(instrument, now)
        return self.read(lambda: read_dividends(self._ask("/stock/dividend", params), params["symbol"],
                                                instrument.quoted_in))

    def _all_days(self, instrument: Instrument, now: dt.datetime) -> dict[str, str]:
        return {"symbol": self.symbol_of(instrument), "from": str(FIRST), "to": str((now + AHEAD).date())}

    def search(self, text: str, now: dt.datetime) -> list[Listing]:
        """Return hits abroad: of those in the United States it does not say the exchange, see read_hits."""
        return self.read(lambda: read_hits(as_object(self._ask("/search", {"q": text}))))

    def listing(self, now: dt.datetime) -> list[Listing]:
        """Return all that is listed in the United States."""
        return self.read(lambda: read_directory(self._ask("/stock/symbol", {"exchange": "US"}, DIRECTORY)))

    def overview(self, instrument: Instrument, now: dt.datetime) -> Company:
        """Return the company; it has no description on the free plan."""
        def read() -> Company:
            body = as_object(self._ask("/stock/profile2", {"symbol": self.symbol_of(instrument)}))
            if not body:
                raise unknown_symbol(self.title)
            return read_company(body, instrument, self.name)

        return self.read(read)

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Read the word "error" of an answer, or an answer that is a bare sentence; the text says more than the status.

        A 429 is left to the status, since that knows how long to wait. A page for people is not read: it may praise
        API keys.
        """
        if status == 429 or status >= 500 or text.lstrip().startswith("<"):
            return None
        if body is not None and not (isinstance(body, dict) and body.get("error")):
            return None
        for phrase, error in (("api limit reached", throttled(self.title, ErrorKind.THROTTLED_MINUTE, MINUTE)),
                              ("api key", bad_key(self.title, self.setting)),
                              ("have access", not_entitled(self.title, symbol_only=True)),
                              ("symbol not", unknown_symbol(self.title)),
                              ("invalid symbol", unknown_symbol(self.title))):
            if phrase in text:
                return error
        # An unknown notice is most likely a new wording of a limit: wait, but do not give the symbol up.
        return ProviderError(ErrorKind.BROKEN_ANSWER, f"{self.title} sent a notice in place of data.",
                             retry_after=LATER) if body is not None and status == 200 else None

    def _read(self, body: dict[str, Any], instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
        """Return the record. The answer names no symbol. "dp" follows from "d" and "pc" and is not read."""
        if "c" not in body:
            raise FigureError("there is no quote in it")
        price, moment = parse_price(body["c"], "the price"), parse_epoch(body.get("t"), "the time")
        first, high, low, previous = (parse_price(body.get(key), what) for key, what in (
            ("o", "the open"), ("h", "the high"), ("l", "the low"), ("pc", "the previous close")))
        if price is None and moment is None and previous is None:
            raise unknown_symbol(self.title)  # it writes zeros for what it does not know
        if price is None or moment is None:
            raise FigureError("the price is zero or missing, or its time is")
        moment = check_time(moment, now)
        is_day = is_midnight(moment)
        times = (times_of_session(moment.date(), now, sessions, instrument.mic) if is_day
                 else times_of_regular(moment, State.LIVE, now, sessions, instrument.mic))
        if times.session is not Session.PRE:  # before the opening, high and low are still those of the day before
            check_range(low, high, price, first)
        return Quote(instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=self.name,
                     state=times.state, session=times.session, previous_close=previous, open=first, high=high,
                     low=low, as_of_is_day=is_day, stale_at=times.stale_at,
                     stated_change=stated_change(body.get("d")))


def is_midnight(moment: dt.datetime) -> bool:
    """Tell whether the moment only names a day, as midnight in UTC. No regular session of New York has that hour."""
    return moment.timestamp() % 86_400 == 0


def times_of_session(day: dt.date, now: dt.datetime, sessions: SessionBook, mic: str) -> Times:
    """Return the times of a price of which no more is known than its day."""
    session = sessions.session_on(mic, day)
    if session and now < session.starts_at:
        raise FigureError("its day has not come yet")
    running = session is not None and now < session.closes_at
    return times_of_day(day, State.DELAYED if running else State.END_OF_DAY, now, sessions, mic)
