"""What the contract's tests must know of one vendor: see cases/, one module each, each with a CASE."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from config import Config
from tests.worker.providers.conftest import KEY, at, new_york, stock
from webapp.markets import SessionBook
from webapp.records import Instrument
from worker.providers.base import Capability, ErrorKind, Provider
from worker.providers.http import Client


@dataclass(frozen=True)
class Case:
    """One vendor: how it is made, and one good answer of it.

    `make(config, client)` makes the provider, `keys` are the settings that hold its key, `url` the one with its
    address. `answer` is a body (an object is sent as JSON) from which it makes `price`, a text, of `instrument` at
    `now`; `zero` is the same with the price 0, `negative` with a negative one.
    `abilities` are good answers of what else it can do (daily bars and so on), a body each; see test_abilities.py.
    `recordings` is a folder of ../shared/recordings, `prices` are its files that hold a quote and what it is: the
    instrument and the price, asked for at `recorded_at`; `errors` are those with a known error and their status.
    """

    make: Callable[[Config, Client | None], Provider]
    keys: Sequence[str]
    url: str
    answer: object
    price: str
    zero: object
    negative: object
    instrument: Instrument = field(default_factory=lambda: stock("AAPL", "XNAS"))
    now: dt.datetime = field(default_factory=lambda: at("2026-06-10 15:00"))
    book: SessionBook = field(default_factory=lambda: new_york("2026-06-01", "2026-06-20", "XNAS"))
    abilities: Mapping[Capability, object] = field(default_factory=dict)
    recordings: str = ""
    prices: Mapping[str, tuple[Instrument, str]] = field(default_factory=dict)
    errors: Mapping[str, tuple[int, ErrorKind]] = field(default_factory=dict)
    recorded_at: dt.datetime = field(default_factory=lambda: at("2026-11-20 12:00"))

    def provider(self, config: Callable[..., Config], url: str) -> Provider:
        """Make the provider, with a key, against a server at `url`."""
        settings = config(**dict.fromkeys(self.keys, KEY), **{self.url: url})
        return self.make(settings, Client("The vendor", timeouts=(0.5, 0.4), deadline=1.0))
