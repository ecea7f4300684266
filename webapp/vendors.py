"""What is known of each vendor of prices: who it is, what its plan allows, what its prices are. Pure: no Flask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from webapp.records import State

if TYPE_CHECKING:
    from config import Config


# The source of what is made up, where no vendor has a key.
SIMULATOR = "simulator"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls a provider allows; None means that it sets no such limit."""

    per_second: float | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None

    @property
    def pause(self) -> dt.timedelta:
        """Return the least time from the start of one call to the start of the next."""
        return dt.timedelta(seconds=1 / self.per_second) if self.per_second else dt.timedelta(0)


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor.

    `batch_size` is how many stocks one call may ask for, `delay` the class of its prices (LIVE, DELAYED, END_OF_DAY),
    `extended_hours` says that it has prices from before and after the regular session. `limits(settings)` are those of
    the plan that the settings describe; `streams` says how many stocks its web socket carries on the free plan.
    """

    name: str
    title: str
    limits: Callable[[Config], Limits]
    batch_size: int = 1
    delay: State = State.LIVE
    extended_hours: bool = False
    streams: int = 0


def _alpaca(config: Config) -> Limits:
    # 200 a minute come to 3.3 a second; bursts of all of them at once are refused.
    return Limits(3.0, config.ALPACA_CALLS_PER_MINUTE or None)


def _finnhub(config: Config) -> Limits:
    # Every plan has 30 a second; this leaves room for whatever else uses the key.
    return Limits(20.0, config.FINNHUB_CALLS_PER_MINUTE or None)


def _twelve_data(config: Config) -> Limits:
    # It names no limit for a second. This keeps a list that is fetched for the first time from coming as a burst.
    return Limits(5.0, config.TWELVE_DATA_CALLS_PER_MINUTE or None, per_day=config.TWELVE_DATA_CALLS_PER_DAY or None)


def _tiingo(config: Config) -> Limits:
    # It names no limit for a second; with a hundred symbols a call, one is enough.
    return Limits(1.0, per_hour=config.TIINGO_CALLS_PER_HOUR or None, per_day=config.TIINGO_CALLS_PER_DAY or None)


def _massive(config: Config) -> Limits:
    # The paid plans have no limit a minute, but ask for less than 100 calls a second.
    per_minute = config.MASSIVE_CALLS_PER_MINUTE or None
    return Limits(1.0 if per_minute else 50.0, per_minute)


def _fmp(config: Config) -> Limits:
    # Four a second are 240 a minute; the smallest paid plan has 300. The free one names no limit but the day's.
    return Limits(4.0, per_day=config.FMP_CALLS_PER_DAY or None)


def _alpha_vantage(config: Config) -> Limits:
    # One call each 1.1 s keeps the free plan's one a second. Paid plans cap bursts at 5, 10, 20 or 30 a second.
    per_day, per_minute = config.ALPHA_VANTAGE_CALLS_PER_DAY or None, config.ALPHA_VANTAGE_CALLS_PER_MINUTE or None
    paid = 5.0 if per_minute else None
    return Limits(1 / 1.1 if per_day else paid, per_minute, per_day=per_day)


def _yahoo(config: Config) -> Limits:
    # It states no limits; these are slow enough for a guest.
    return Limits(1.0, config.YAHOO_CALLS_PER_MINUTE or None)


def _none(_config: Config) -> Limits:
    return Limits()


VENDORS = {vendor.name: vendor for vendor in (
    Vendor("alpaca", "Alpaca", _alpaca, batch_size=100, extended_hours=True, streams=30),
    Vendor("finnhub", "Finnhub", _finnhub, streams=50),
    Vendor("twelve-data", "Twelve Data", _twelve_data),
    Vendor("tiingo", "Tiingo", _tiingo, batch_size=100, extended_hours=True),
    Vendor("yahoo", "Yahoo Finance", _yahoo, batch_size=50, extended_hours=True),
    Vendor("massive", "Massive", _massive, delay=State.END_OF_DAY),
    Vendor("fmp", "Financial Modeling Prep", _fmp, delay=State.END_OF_DAY),
    Vendor("alpha-vantage", "Alpha Vantage", _alpha_vantage, delay=State.END_OF_DAY),
    Vendor("csv", "CSV files", _none, batch_size=100, delay=State.END_OF_DAY),
    Vendor(SIMULATOR, "Simulator", _none, batch_size=10_000, delay=State.SIMULATED),
)}


# Those that can be asked for symbols; a test holds this against their modules, which no page may load.
SEARCHABLE = frozenset({"finnhub", "twelve-data", "yahoo", "massive", "fmp", "alpha-vantage"})


def title_of(source: str) -> str:
    """Return a vendor's name as people know it: alpha-vantage is Alpha Vantage."""
    return VENDORS[source].title if source in VENDORS else source.replace("-", " ").title()


def searched_first(config: Config) -> str:
    """Return the title of the provider that is asked first for symbols; "" where none of the active ones can be."""
    return next((title_of(name) for name in config.vendors if name in SEARCHABLE), "")


def without_search(config: Config) -> str:
    """Say, where no active provider can be asked for symbols, which could be; "" where one can."""
    if searched_first(config):
        return ""
    *others, last = (vendor.title for vendor in VENDORS.values() if vendor.name in SEARCHABLE)
    return (f"Only the directory here was searched: no provider with a search is set up. {', '.join(others)} and "
            f"{last} have one; whoever runs this site can add a key, such as FINNHUB_API_KEY.")


def as_set(name: str, config: Config) -> Vendor:
    """Return a vendor as the settings make it: Alpha Vantage's prices are of another class with an entitlement."""
    vendor = VENDORS[name]
    if name == "alpha-vantage" and config.ALPHA_VANTAGE_ENTITLEMENT == "realtime":
        return replace(vendor, batch_size=100, delay=State.LIVE, extended_hours=True)
    if name == "alpha-vantage" and config.ALPHA_VANTAGE_ENTITLEMENT == "delayed":
        return replace(vendor, delay=State.DELAYED)
    return vendor
