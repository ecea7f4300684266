"""Finnhub's socket: the key is in the address, one message a stock, trades of the whole market."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from worker.streams.errors import Lost
from worker.streams.protocol import Protocol, Reading
from worker.streams.trades import Trade, effect_of, effects, load, read_millis, read_price

if TYPE_CHECKING:
    from config import Config

# By the vendor's list of trade conditions, which counts through those of the consolidated tapes. No price: average
# price, cash sale, price variation, odd lot, official close and open, next day, contingent and option trades. Late:
# bunched sold, sold last, prior reference price, seller, out of sequence, derivatively priced.
EFFECTS = effects(none="3 5 10 12 16 17 20 25 26 27 37 39", range="9 15 21 22 30 32", extended="24")


class Finnhub(Protocol):
    """The protocol. Nothing answers a subscription: a symbol that it does not know is silent."""

    name = "finnhub"
    setting = "FINNHUB_API_KEY"
    limit_setting = "FINNHUB_STREAM_SYMBOLS"
    ready_at_once = True

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._url, self._key = config.FINNHUB_STREAM_URL, config.FINNHUB_API_KEY

    def address(self) -> str:
        """Return the address with the key in it."""
        return f"{self._url}{'&' if '?' in self._url else '?'}token={quote(self._key, safe='')}"

    def ask(self, add: Collection[str], drop: Collection[str]) -> list[str]:
        """Return one message a symbol, first those that make room."""
        words = [("unsubscribe", symbol) for symbol in sorted(drop)] + [("subscribe", symbol) for symbol in sorted(add)]
        return [json.dumps({"type": word, "symbol": symbol}) for word, symbol in words]

    def read(self, text: str | bytes) -> Reading:
        """Read trades; a ping of its own is a message like another."""
        message, reading = load(text), Reading()
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "trade" and isinstance(message.get("data"), list):
            self.collect(reading, message["data"])
        elif kind == "error":
            reading.complaint = self._complaint(str(message.get("msg", "")).lower())
        elif kind != "ping":
            reading.ignored += 1
        return reading

    def trade(self, row: dict[str, Any]) -> Trade:
        """Return the trade; there is no number to tell it from others, so its size must."""
        return Trade(str(row.get("s")), read_price(row.get("p")), read_millis(row.get("t")), str(row.get("v")),
                     effect_of(row.get("c"), EFFECTS))

    def _complaint(self, text: str) -> str:
        """Raise what the vendor complains of; return one that the connection survives, in our own words."""
        if "too many" in text and ("symbol" in text or "subscri" in text):
            raise self.too_many_symbols()
        if "too many" in text or "connection" in text:
            raise self.too_many_connections()
        if "limit" in text:
            raise Lost(f"{self.title} asks for a slower pace.")
        if "api key" in text or "token" in text or "auth" in text:
            raise self.bad_key()
        return (f"{self.title} does not stream one of the stocks." if "symbol" in text or "access" in text
                else f"{self.title} sent a notice that is not understood.")
