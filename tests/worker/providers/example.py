"""A whole provider in its shortest form, for docs/providers.md: a vendor that nobody has, with quotes only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from webapp.records import Instrument, Quote
from webapp.vendors import Limits
from worker.providers.answers import throttled, unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.figures import FigureError, check_range, parse_epoch, parse_price
from worker.providers.freshness import check_time, times_of_trade
from worker.providers.http import Client
from worker.providers.rest import RestProvider, as_object, stated_change

if TYPE_CHECKING:
    from webapp.markets import SessionBook


class Example(RestProvider):
    """One call a stock: {"symbol", "last", "at", "high", "low", "previous", "change"}; errors have "error"."""

    name = "example"
    title = "Example"
    setting = "EXAMPLE_API_KEY"

    def __init__(self, config: Any, client: Client | None = None) -> None:
        super().__init__(config.EXAMPLE_URL, config.EXAMPLE_API_KEY, Limits(5.0, per_minute=60), client)

    def fetch(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Ask for the one instrument."""
        [instrument] = instruments
        symbol = self.symbol_of(instrument)
        entry = as_object(self.call("/last", {"symbol": symbol}, {"Authorization": f"Bearer {self._key}"}))
        price, moment = parse_price(entry.get("last"), "the price"), parse_epoch(entry.get("at"), "the time")
        if entry.get("symbol") != symbol or price is None or moment is None:
            raise FigureError("it has no price of this symbol")
        high, low = (parse_price(entry.get(word), f"the {word}") for word in ("high", "low"))
        check_range(low, high, price, None)
        times = times_of_trade(check_time(moment, now), self.delay, now, sessions, instrument.mic)
        return [Quote(
            instrument_id=instrument.id, price=price, as_of=times.as_of, day=times.day, source=self.name,
            state=times.state, session=times.session, stale_at=times.stale_at, high=high, low=low,
            previous_close=parse_price(entry.get("previous"), "the previous close"),
            stated_change=stated_change(entry.get("change")))]

    def complaint(self, status: int, body: Any, text: str) -> ProviderError | None:
        """Read what stands under "error", whatever the status is."""
        message = str(body.get("error", "")).lower() if isinstance(body, dict) else ""
        if "limit" in message:
            return throttled(self.title, ErrorKind.THROTTLED_MINUTE, dt.timedelta(minutes=1))
        return unknown_symbol(self.title) if "symbol" in message else None
