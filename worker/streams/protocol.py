"""What the sockets of the vendors have in common: words out, readings in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webapp.vendors import VENDORS
from worker.providers.figures import FigureError
from worker.streams.errors import Lost, Refused
from worker.streams.trades import Effect, Trade

if TYPE_CHECKING:
    from config import Config

# The exchanges whose trades the sockets bring.
MICS = ("XNAS", "XNYS", "XASE", "ARCX", "BATS")
# A vendor refuses a whole message for one symbol that it cannot read.
SYMBOL = re.compile(r"[A-Z]{1,6}([./][A-Z]{1,3})?")


@dataclass(slots=True)
class Reading:
    """What one message says.

    `heard` counts the trades in it, also those that change nothing; `ignored` what could not be used. `ready` says
    that the log-in is done. `confirmed` are the symbols that come from now on, None where it does not say.
    """

    trades: list[Trade] = field(default_factory=list)
    heard: int = 0
    ignored: int = 0
    ready: bool = False
    confirmed: frozenset[str] | None = None
    complaint: str = ""


class Protocol:
    """One vendor's socket. A subclass says how it is spoken to.

    `setting` names the settings with its key, `limit_setting` the one with the number of stocks. `ready_at_once` says
    that there is no log-in after connecting, `confirms` that it answers what it is asked to bring.
    """

    name = ""
    setting = ""
    limit_setting = ""
    ready_at_once = False
    confirms = False

    def __init__(self, config: Config) -> None:
        vendor = VENDORS[self.name]
        self.title = vendor.title
        self.extended_hours = vendor.extended_hours
        self.most: int = getattr(config, self.limit_setting)

    def address(self) -> str:
        """Return the address with whatever key is part of it: it must not be shown to anybody."""
        raise NotImplementedError

    def log_in(self) -> list[str]:
        """Return the messages that log in."""
        return []

    def ask(self, add: Collection[str], drop: Collection[str]) -> list[str]:
        """Return the messages that change what is brought."""
        raise NotImplementedError

    def read(self, text: str | bytes) -> Reading:
        """Return what a message says; raise Lost or Refused where it is a complaint of that kind."""
        raise NotImplementedError

    def trade(self, row: dict[str, Any]) -> Trade:
        """Return the trade that an object of a message is; raise FigureError where it is no sound one."""
        raise NotImplementedError

    def collect(self, reading: Reading, rows: Iterable[Any]) -> None:
        """Add the trades that these objects are to the reading."""
        for row in rows:
            if not isinstance(row, dict):
                reading.ignored += 1
                continue
            try:
                trade = self.trade(row)
            except FigureError:
                reading.ignored += 1
                continue
            reading.heard += 1
            if trade.effect is not Effect.NONE:
                reading.trades.append(trade)

    def bad_key(self) -> Refused:
        """Return the error for a key that is not accepted."""
        return Refused(f"{self.title} does not accept the API key. Check {self.setting}.")

    def too_many_connections(self) -> Refused:
        """Return the error for a second connection with one key."""
        return Refused(f"{self.title} allows one connection a key, and another one is open.", soon=True)

    def too_many_symbols(self) -> Refused:
        """Return the error for a plan that is smaller than the settings say."""
        return Refused(f"The plan of {self.title} streams fewer than {self.most} stocks. "
                       f"Set {self.limit_setting} lower.")

    def not_entitled(self) -> Refused:
        """Return the error for a plan without this stream."""
        return Refused(f"This stream needs another plan of {self.title}.")

    def status_error(self, status: int) -> Lost | Refused:
        """Return what it means that connecting was answered with this HTTP status."""
        known = {401: self.bad_key, 402: self.not_entitled, 403: self.bad_key, 429: self.too_many_connections}
        return known[status]() if status in known else Lost(f"{self.title} answered with HTTP {status}.")


def symbol_of(symbol: str) -> str | None:
    """Return a symbol as the sockets write it (BRK.B); None for one that they might not be able to read."""
    return symbol.replace("/", ".") if SYMBOL.fullmatch(symbol) else None


def symbol_at(instrument_id: int, symbol: str, written: Mapping[int, str]) -> str | None:
    """Return a stock's symbol at one vendor, of which admins have said how it writes some stocks; None as above."""
    said = written.get(instrument_id)
    if said is None:
        return symbol_of(symbol)
    return said if SYMBOL.fullmatch(said) else None
