"""Prices of Finnhub: one stock of the United States a call, live, 60 calls a minute on the free plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from webapp.records import Instrument, Quote, Session, State
from webapp.vendors import VENDORS
from worker.providers.answers import LATER, MINUTE, bad_key, not_entitled, throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_epoch, parse_price
from worker.providers.freshness import Times, check_time, times_of_day, times_of_regular
from worker.providers.http import Client
from worker.providers.rest import RestProvider, as_object

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook




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
        body = as_object(self.call("/quote", {"symbol": self.symbol_of(instrument)}, {"X-Finnhub-Token": self._key}))
        return [self._read(body, instrument, now, sessions)]

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
        return ProviderError(ErrorKind.BROKEN_ANSWER, f"{self.title} sent a notice in place of a price.",
                             retry_after=LATER) if body is not None and status == 200 else None

    def _read(self, body: dict[str, Any], instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
        """Return the record. The answer names no symbol, and "d" and "dp" follow from "c" and "pc", so are not read."""
        if "c" not in body:
            raise FigureError("there is no quote in it")
        price, moment = parse_price(body["c"], "the price"), parse_epoch(body.get("t"), "the time")
        first, high, low, previous = (parse_price(body.get(key), what) for key, what in (
            ("o", "the open"), ("h", "the high"), ("l", "the low"), ("pc", "the previous close")))
        if price is None and moment is None and previous is None:
            raise unknown_symbol(self.title)  # it writes zeros for what it does not know
        if price is None or moment is None:
            raise FigureError("the price or its time is missing")
        moment = check_time(moment, now)
        is_day = is_midnight(moment)
        times = (times_of_session(moment.date(), now, sessions, instrument.mic) if is_day
                 else times_of_regular(moment, State.LIVE, now, sessions, instrument.mic))
        if times.session is not Session.PRE:  # before the opening, high and low are still those of the day before
            check_range(low, high, price, first)
        return Quote(instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=self.name,
                     state=times.state, session=times.session, previous_close=previous, open=first, high=high,
                     low=low, as_of_is_day=is_day, stale_at=times.stale_at)


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
