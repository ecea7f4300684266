"""How vendors write stocks where it is not as the rules make it: what admins say of that, told to each provider.

Providers know no database, so whoever is about to use some gets them here, with what is stored now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from sqlalchemy import select

from config import Config
from webapp.extensions import db
from webapp.models import VendorSymbol
from worker.providers import registry
from worker.providers.base import Provider

Able = TypeVar("Able", bound=Provider)
# The vendor's symbols by provider and instrument; "" says that it does not have the stock.
Spellings = Mapping[str, Mapping[int, str]]


@runtime_checkable
class Spells(Protocol):
    """A provider that can be told how its vendor writes some instruments; see RestProvider."""

    written: Mapping[int, str]


def load() -> Spellings:
    """Return what admins have said of all providers."""
    found: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for provider, instrument_id, symbol in db.session.execute(
            select(VendorSymbol.provider, VendorSymbol.instrument_id, VendorSymbol.symbol)):
        found[provider][instrument_id] = symbol
    return found


def active_providers(config: Config) -> list[Provider]:
    """Return the providers that have a key, the preferred one first, and tell each what is written for it."""
    providers = registry.active_providers(config)
    tell(providers)
    return providers


def providers_with(config: Config, ability: type[Able]) -> list[Able]:
    """Return those of active_providers() that can do what a protocol of providers/base.py names."""
    return [provider for provider in active_providers(config) if isinstance(provider, ability)]


def tell(providers: Sequence[Provider]) -> None:
    """Tell each provider how its vendor writes the instruments of which an admin has said it."""
    spellings = load()
    for provider in providers:
        if isinstance(provider, Spells):
            provider.written = spellings.get(provider.name, {})
