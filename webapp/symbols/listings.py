"""Listings as vendors' directories have them: kept as JSON until somebody chooses one, and made into instruments."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from webapp.folding import fold
from webapp.markets import EXCHANGES
from webapp.models import InstrumentRow
from webapp.records import Listing, currency_of, unit_of

# A currency without a hundredth shows none; what is quoted in hundredths shows two places of those.
WHOLE_CURRENCIES = {"JPY", "KRW"}
DECIMALS = 2
MINOR_DECIMALS = 4
# What the shares of an exchange are quoted in as a rule, by country, for the vendors that do not say it.
USUAL_UNITS = {
    "US": "USD", "CA": "CAD", "BR": "BRL", "MX": "MXN", "GB": "GBX", "DE": "EUR", "FR": "EUR", "NL": "EUR",
    "BE": "EUR", "PT": "EUR", "IT": "EUR", "ES": "EUR", "CH": "CHF", "SE": "SEK", "DK": "DKK", "FI": "EUR",
    "ZA": "ZAC", "JP": "JPY", "HK": "HKD", "CN": "CNY", "KR": "KRW", "IN": "INR", "SG": "SGD", "AU": "AUD"}
# Funds are quoted in whatever their owners want; only in the United States it is always the same.
ONE_CURRENCY = {"US"}


def encode(listing: Listing) -> dict[str, Any]:
    """Return a listing as JSON can carry it."""
    fields = dataclasses.asdict(listing)
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in fields.items()}


def decode(data: dict[str, Any]) -> Listing:
    """Return the listing that encode() was given."""
    days = {name: dt.date.fromisoformat(data[name]) if data[name] else None for name in ("listed_on", "delisted_on")}
    return Listing(**(data | days))


def unit_for(listing: Listing) -> str:
    """Return what a listing is quoted in: what the vendor says, else what is usual there; "" where that is no rule."""
    if listing.unit:
        return listing.unit
    exchange = EXCHANGES.get(listing.mic)
    if exchange is None or (listing.kind != "stock" and exchange.country not in ONE_CURRENCY):
        return ""
    return USUAL_UNITS.get(exchange.country, "")


def decimals_for(unit: str) -> int:
    """Return how many places a price shows that is quoted in this unit."""
    if unit_of(unit):
        return MINOR_DECIMALS
    return 0 if unit in WHOLE_CURRENCIES else DECIMALS


def fits(listing: Listing) -> bool:
    """Tell whether it can become an instrument: on an exchange that is known here, in a unit that is known."""
    return listing.mic in EXCHANGES and 0 < len(listing.symbol) <= 24 and len(unit_for(listing)) == 3


def columns_of(listing: Listing) -> dict[str, Any]:
    """Return the columns of the instrument that a listing becomes, for one that fits().

    Bulk statements pass by the model's own care for names, so the folded one is given with it.
    """
    unit, name = unit_for(listing), (listing.name or listing.symbol)[:120]
    return {"symbol": listing.symbol, "mic": listing.mic, "name": name, "folded_name": fold(name)[:240],
            "currency": currency_of(unit), "unit": unit_of(unit), "decimals": decimals_for(unit),
            "country": (listing.country or EXCHANGES[listing.mic].country)[:2], "kind": (listing.kind or "stock")[:12],
            "figi": listing.figi[:12], "listed_on": listing.listed_on, "starter": False, "status": "listed",
            "renamed_to": "", "listed_by": ""}


def make_row(listing: Listing) -> InstrumentRow:
    """Return a new instrument for a listing that fits()."""
    fields = columns_of(listing)
    del fields["folded_name"]
    return InstrumentRow(**fields)
