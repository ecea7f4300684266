"""Alpaca's socket: key and secret in a message, lists in every message, trades of the exchange IEX on the free plan."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from worker.streams.errors import Lost
from worker.streams.protocol import Protocol, Reading
from worker.streams.trades import Effect, Trade, effect_of, effects, load, read_instant, read_price

if TYPE_CHECKING:
    from config import Config

# By the processing guidelines of the consolidated tapes (CTS and UTP). No price: cash sale, price variation, odd lot,
# official close and open, next day, contingent, average price, corrected close. Late: bunched sold, sold last, prior
# reference price, seller, out of sequence, derivatively priced. T is a trade outside the regular session.
EFFECTS = effects(none="C H I M N Q U V W 7 9", range="G L P R Z 4", extended="T")
# On the tapes of New York's other exchanges B is an average price; on that of NASDAQ (C) it is an ordinary trade.
AVERAGE, NASDAQ_TAPE = "B", "C"


class Alpaca(Protocol):
    """The protocol. What is corrected or cancelled afterwards is not taken back: the next trade or call mends it."""

    name = "alpaca"
    setting = "ALPACA_API_KEY and ALPACA_API_SECRET"
    limit_setting = "ALPACA_STREAM_SYMBOLS"
    confirms = True

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._url, self._key, self._secret = config.ALPACA_STREAM_URL, config.ALPACA_API_KEY, config.ALPACA_API_SECRET

    def address(self) -> str:
        """Return the address, which names the feed."""
        return self._url

    def log_in(self) -> list[str]:
        """Return the one message that must come within ten seconds."""
        return [json.dumps({"action": "auth", "key": self._key, "secret": self._secret})]

    def ask(self, add: Collection[str], drop: Collection[str]) -> list[str]:
        """Return at most two messages, first the one that makes room."""
        return [json.dumps({"action": action, "trades": sorted(symbols)})
                for action, symbols in (("unsubscribe", drop), ("subscribe", add)) if symbols]

    def read(self, text: str | bytes) -> Reading:
        """Read trades and the answers to what was asked."""
        message, reading = load(text), Reading()
        rows = message if isinstance(message, list) else [message]
        trades = [row for row in rows if isinstance(row, dict) and row.get("T") == "t"]
        self.collect(reading, trades)
        if len(trades) < len(rows):
            for row in rows:
                self._read_other(row, reading)
        return reading

    def _read_other(self, row: Any, reading: Reading) -> None:
        """Read what is no trade."""
        kind = row.get("T") if isinstance(row, dict) else None
        if kind == "success":
            reading.ready |= row.get("msg") == "authenticated"
        elif kind == "subscription" and isinstance(row.get("trades"), list):
            reading.confirmed = frozenset(map(str, row["trades"]))
        elif kind == "error":
            self._complain(str(row.get("code")))
        elif kind != "t":
            reading.ignored += 1

    def trade(self, row: dict[str, Any]) -> Trade:
        """Return the trade; its number tells it from others of the same moment."""
        conditions = row.get("c")
        effect = effect_of(conditions, EFFECTS)
        if isinstance(conditions, list) and AVERAGE in conditions and row.get("z") != NASDAQ_TAPE:
            effect = Effect.NONE
        return Trade(str(row.get("S")), read_price(row.get("p")), read_instant(row.get("t")),
                     f"{row.get('x')} {row.get('i')} {row.get('s')}", effect)

    def _complain(self, code: str) -> None:
        """Raise what an error means."""
        if code in {"401", "402"}:
            raise self.bad_key()
        if code == "405":
            raise self.too_many_symbols()
        if code == "406":
            raise self.too_many_connections()
        if code in {"408", "409", "410"}:
            raise self.not_entitled()
        if code == "403":  # logged in already
            return
        raise Lost({"400": f"{self.title} could not read what it was asked.",
                    "404": f"The log-in at {self.title} took too long.",
                    "407": f"{self.title} found us too slow."}.get(code, f"{self.title} is out of order."))
