"""Alpha Vantage: quotes, past prices, directory and companies. The free plan is 25 calls a day of end-of-day prices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from webapp.records import Company, Dividend, History, Instrument, Listing, Quote, Split, State
from webapp.vendors import VENDORS, as_set
from worker.providers.alpha_vantage_answers import (
    NAME,
    SETTING,
    TITLE,
    Body,
    check_symbol,
    plain_fields,
    read_answer,
    rows_of,
)
from worker.providers.alpha_vantage_bulk import read_bulk
from worker.providers.alpha_vantage_directory import read_listing, read_overview, read_search
from worker.providers.alpha_vantage_series import read_daily, read_dividends, read_splits, read_weekly
from worker.providers.answers import unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_count, parse_day, parse_price
from worker.providers.freshness import times_of_day
from worker.providers.http import MAX_BYTES, Client
from worker.providers.rest import US, RestProvider, as_object, stated_change

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook

# What Alpha Vantage writes behind the symbols of an exchange. Those that are not here it does not know.
SUFFIXES = {
    "XNAS": "", "XNYS": "", "XASE": "", "ARCX": "", "BATS": "",
    "XLON": ".LON", "XTSE": ".TRT", "XTSX": ".TRV", "XETR": ".DEX", "XFRA": ".FRK", "XPAR": ".PAR", "XAMS": ".AMS",
    "XSTO": ".STO", "XBOM": ".BSE", "XSHG": ".SHH", "XSHE": ".SHZ", "XHKG": ".HKG", "BVMF": ".SAO",
}
QUOTE_COLUMNS = ("symbol", "price", "latest day")
# The whole listing was 1 MB in 2026; of the delisted there are more.
MOST_LISTED = 8 * 1024 * 1024
# A compact answer has a hundred sessions; they reach back so far.
COMPACT = dt.timedelta(days=140)
# What is refused besides prices keeps no price from being asked for.
NARROW = dt.timedelta(seconds=2)


class AlphaVantage(RestProvider):
    """The provider.

    On the free plan its prices are those of the day's end, and say a day, not a time. With an entitlement they are live
    or 15 minutes late and of the United States only; other exchanges are left to the next provider then, since their
    prices would still be those of the day's end.
    """

    name = NAME
    title = TITLE
    setting = SETTING
    suffixes: Mapping[str, str] = SUFFIXES
    class_sign = "-"
    delay = State.END_OF_DAY

    def __init__(self, config: Config, client: Client | None = None) -> None:
        super().__init__(config.ALPHA_VANTAGE_URL, config.ALPHA_VANTAGE_API_KEY,
                         VENDORS[self.name].limits(config), client)
        self._paid = config.ALPHA_VANTAGE_CALLS_PER_DAY == 0 and config.ALPHA_VANTAGE_CALLS_PER_MINUTE > 0
        self.entitlement = config.ALPHA_VANTAGE_ENTITLEMENT
        vendor = as_set(self.name, config)
        self.delay, self.batch_size, self.extended_hours = vendor.delay, vendor.batch_size, vendor.extended_hours

    def covers(self, instrument: Instrument) -> bool:
        """Tell whether the plan has prices from the exchange, of the class that `delay` says; see RestProvider."""
        if self.delay is State.END_OF_DAY:
            return super().covers(instrument)
        return instrument.mic in US and self.written.get(instrument.id) != ""

    def symbol_of(self, instrument: Instrument) -> str:
        """Return the symbol as Alpha Vantage writes it: BRK-B, TSCO.LON."""
        if instrument.mic not in SUFFIXES and not self.written.get(instrument.id):
            raise ProviderError(ErrorKind.UNKNOWN_SYMBOL, f"{TITLE} has no prices from the exchange {instrument.mic}.")
        return super().symbol_of(instrument)

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for the stocks of the United States at once where the plan has that, else for the one instrument."""
        american = [instrument for instrument in instruments if instrument.mic in US]
        if self.entitlement == "realtime" and american:
            symbols = {instrument.id: self.symbol_of(instrument) for instrument in american}
            body = self.ask("REALTIME_BULK_QUOTES", now, {"symbol": ",".join(dict.fromkeys(symbols.values()))})
            return self.gather(american, read_bulk(body, symbols, now, sessions))
        instrument = instruments[0]
        symbol = self.symbol_of(instrument)
        delayed = {"entitlement": "delayed"} if self.entitlement == "delayed" and american else {}
        fields, state = find_quote(self.ask("GLOBAL_QUOTE", now, {"symbol": symbol, **delayed}))
        return [read_quote(fields, symbol, state, instrument, now, sessions)]

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return days as they were traded: all of them on a paid plan, the last hundred on the free one."""
        symbol = self.symbol_of(instrument)
        near = since is not None and now.date() - since < COMPACT
        size = "full" if self._paid and not near else "compact"
        return self.read(lambda: read_daily(
            self.look_up("TIME_SERIES_DAILY", now, {"symbol": symbol, "outputsize": size}),
            symbol, instrument, now, sessions, since))

    def weekly(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> History:
        """Return more than 20 years of weeks, as they were traded and with their adjusted closes, on every plan."""
        symbol = self.symbol_of(instrument)
        return self.read(lambda: read_weekly(
            self.look_up("TIME_SERIES_WEEKLY_ADJUSTED", now, {"symbol": symbol}), symbol, instrument, now, sessions))

    def splits(self, instrument: Instrument, now: dt.datetime) -> list[Split]:
        """Return every split, oldest first."""
        symbol = self.symbol_of(instrument)
        return self.read(lambda: read_splits(self.look_up("SPLITS", now, {"symbol": symbol}), symbol))

    def dividends(self, instrument: Instrument, now: dt.datetime) -> list[Dividend]:
        """Return every dividend, oldest first, those that are declared too."""
        symbol = self.symbol_of(instrument)
        return self.read(lambda: read_dividends(self.look_up("DIVIDENDS", now, {"symbol": symbol}), symbol))

    def search(self, text: str, now: dt.datetime) -> list[Listing]:
        """Return the listings that a text may mean, the likeliest first; see read_search() for those that it lacks."""
        return self.read(lambda: read_search(self.look_up("SYMBOL_SEARCH", now, {"keywords": text})))

    def listing(self, now: dt.datetime, state: str = "active") -> list[Listing]:
        """Return all that is listed in the United States, or with `state` "delisted" all that was."""
        return self.read(lambda: read_listing(
            self.look_up("LISTING_STATUS", now, {"state": state}, MOST_LISTED), state))

    def overview(self, instrument: Instrument, now: dt.datetime) -> Company:
        """Return what is known of the company; funds have no overview, as if they were unknown."""
        symbol = self.symbol_of(instrument)
        return self.read(lambda: read_overview(
            self.look_up("OVERVIEW", now, {"symbol": symbol}), symbol, instrument))

    def ask(self, function: str, now: dt.datetime, params: Mapping[str, str], most: int = MAX_BYTES) -> Body:
        """Make the one call; return the answer, of at most `most` bytes, if it is no error."""
        query = {"function": function, **params, "apikey": self._key}
        return read_answer(self._client.get(f"{self._url}/query", query, most=most), now)

    def look_up(self, function: str, now: dt.datetime, params: Mapping[str, str], most: int = MAX_BYTES) -> Body:
        """Ask for something else than a price: that the plan lacks it says nothing of prices."""
        try:
            return self.ask(function, now, params, most)
        except ProviderError as error:
            if error.kind is ErrorKind.NOT_ENTITLED:
                error.retry_after = NARROW
            raise


def find_quote(body: Body) -> tuple[dict[str, Any], State]:
    """Return the quote's fields with plain names, and its state; delayed prices come under a longer key."""
    if isinstance(body, str):
        rows = rows_of(body, "", QUOTE_COLUMNS)
        if len(rows) != 1:
            raise FigureError("there is no quote in it")
        [row] = rows
        return row | {"latest trading day": row["latest day"]}, State.END_OF_DAY
    keys = [key for key in body if key.startswith("Global Quote")]
    if len(keys) != 1 or not isinstance(body[keys[0]], dict):
        raise FigureError("there is no quote in it")
    if not body[keys[0]]:
        raise unknown_symbol(TITLE)
    return plain_fields(as_object(body[keys[0]])), State.DELAYED if "DELAYED" in keys[0].upper() else State.END_OF_DAY


def read_quote(fields: dict[str, Any], symbol: str, state: State, instrument: Instrument, now: dt.datetime,
               sessions: SessionBook) -> Quote:
    """Return the record; raise FigureError where the figures are not what they should be.

    The percentage is not read: it follows from price and previous close. The change is handed on and refuses nothing:
    on the day of a split or dividend it may be reckoned from an adjusted close.
    """
    check_symbol(fields.get("symbol"), symbol)
    price = parse_price(fields.get("price"), "the price")
    day = parse_day(fields.get("latest trading day"), "the trading day")
    if price is None or day is None:
        raise FigureError("the price or its day is missing")
    session = sessions.session_on(instrument.mic, day)
    if day > (now + dt.timedelta(hours=14)).date() or (session and now < session.starts_at):
        raise FigureError("its day has not come yet")
    first, high, low = (parse_price(fields.get(key), key) for key in ("open", "high", "low"))
    check_range(low, high, price, first)
    times = times_of_day(day, state, now, sessions, instrument.mic)
    return Quote(
        instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=NAME,
        state=state, session=times.session,
        previous_close=parse_price(fields.get("previous close"), "the previous close"), open=first, high=high, low=low,
        volume=parse_count(fields.get("volume"), "the volume"), as_of_is_day=True, stale_at=times.stale_at,
        stated_change=stated_change(fields.get("change")))
