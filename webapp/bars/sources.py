"""Which source of past prices is believed where several have the same day, or the same minute."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import current_app

from config import Config
from webapp.vendors import SIMULATOR, VENDORS

# What stands behind a vendor's name where minutes were made here, of the prices that were seen of it.
TICKS = "-ticks"


def ticks_of(vendor: str) -> str:
    """Return what minutes are called that were made of a vendor's ticks; its own have the vendor's name."""
    return vendor + TICKS


def is_made_up(source: str) -> bool:
    """Tell whether a source's prices are the simulator's."""
    return source in {SIMULATOR, ticks_of(SIMULATOR)}


def any_made_up(sources: Iterable[str]) -> bool:
    """Tell whether prices of these sources are made up; such are never joined with real ones, or measured by them."""
    return any(map(is_made_up, sources))


def rank_of(source: str, vendors: Sequence[str]) -> int:
    """Return a source's place, the best first: what a person brought, the `vendors` in their order, then the others.

    A person chooses a file because it is better than what is there. Minutes made of ticks come after all that vendors
    count themselves: who looks now and then sees some of a minute's trades. The simulator is last.
    """
    vendor = source.removesuffix(TICKS)
    if vendor not in VENDORS:
        return 0
    real = [*dict.fromkeys([*vendors, *VENDORS])]
    real.remove(SIMULATOR)
    names = [*real, *map(ticks_of, real), SIMULATOR, ticks_of(SIMULATOR)]
    return 1 + names.index(source)


def ranks(sources: set[str]) -> dict[str, int]:
    """Return the places of these sources by the application's settings."""
    settings: Config = current_app.config["SETTINGS"]
    return {source: rank_of(source, settings.vendors) for source in sources}
